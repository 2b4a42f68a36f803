"""Training between two emulated hosts whose links are slowed down, against what `sibp_dist plan` predicts for such links.

    PROGRAM_UNDER_TEST=FILE test_slow_network.py measure    prints a table of both, for a quiet machine

The test itself times nothing closely, since other work may run beside it: a step that has to send so many bytes cannot
be faster than its link, and the prediction knows that as well."""

import json
import os
import sys
import unittest

import isolation

SKIP = isolation.enter(["sshd", "ssh", "ssh-keygen", "mpirun", "tc"])

from hosts import FOLDER, Hosts, program_copy  # noqa: E402
from ssh import mpirun_over_ssh, start_servers  # noqa: E402

HOSTS = ("n1", "n2")
MBIT = 1e6 / 8  # bytes a second

# Options that both commands know, by what is told by them.
CASES = {
    "784-500-10, batch 200, normal": ["--hidden", "500", "--batch", "200", "--form", "normal", "--owners", "all"],
    "784-500-10, batch 200, owners solve": ["--hidden", "500", "--batch", "200", "--form", "normal", "--owners", "solve"],
    "784-500-10, batch 200, dual-split": ["--hidden", "500", "--batch", "200", "--form", "dual-split"],
    "784-500-10, batch 200, bfloat16": ["--hidden", "500", "--batch", "200", "--form", "normal", "--owners",
                                        "all", "--wire", "bfloat16"],
    "ConvNet on 28 x 28, batch 200": ["--network", "conv(16,3) norm relu maxpool(2) conv(64,3) norm relu maxpool(2) "
                                      "conv(128,3) norm relu meanpool dense(10)", "--batch", "200"],
}
DATA = ["--dataset", "synthetic", "--synthetic-shape", "28x28x1", "--synthetic-samples", "4000", "--sums", "library",
        "--threads", "1"]  # both hosts have the cores of this machine


class SlowNetwork:
    def __init__(self):
        self.hosts = Hosts(("n0", *HOSTS))
        self.program = program_copy(os.environ["PROGRAM_UNDER_TEST"])[1]
        start_servers(self.hosts)
        self.trainings = 0

    def run(self, *words):
        return self.hosts.call("n1", *mpirun_over_ssh(HOSTS), self.program, *words, cwd=FOLDER)

    def latency(self):
        """--latency as the program measures it here, on links that are not slowed down."""
        file = FOLDER / "latency.json"
        self.run("plan", *DATA, "--nodes", "2", "--json", file)
        return ["--latency", json.loads(file.read_text())["interconnect"]["latency_seconds"]]

    def predicted(self, options, rates, bandwidth):
        """The row of two nodes for the same batch: seconds of a step and of its communication. Rates that are not given
        are measured."""
        file = FOLDER / "plan.json"
        self.hosts.call("n1", self.program, "plan", *DATA, *options, *rates, "--bandwidth", bandwidth, "--nodes", "1,2",
                        "--json", file, cwd=FOLDER)
        return next(row for row in json.loads(file.read_text())["strong"] if row["nodes"] == 2)

    def measured(self, options, steps=40):
        """The final record of a training of so many steps."""
        self.trainings += 1
        out = FOLDER / f"run-{self.trainings}"
        self.run("train", *DATA, *options, "--steps", steps, "--progress", "none", "--out", out)
        return json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])


def measure():
    network = SlowNetwork()
    rates = network.latency()
    print(f"{' '.join(map(str, rates))}\n| case | link | step, measured | predicted | of it communication | measured / predicted |\n|" +
          "---|" * 6)
    for mbit in (1000, 200):
        for host in HOSTS:
            network.hosts.limit(host, f"{mbit}mbit")
        for name, options in CASES.items():
            plan = network.predicted(options, rates, mbit * MBIT)
            seconds = network.measured(options)["seconds_step"]
            print(f"| {name} | {mbit} Mbit/s | {1e3 * seconds:.1f} ms | {1e3 * plan['seconds']:.1f} ms | "
                  f"{100 * plan['seconds_communication'] / plan['seconds']:.0f} % | {seconds / plan['seconds']:.2f} |",
                  flush=True)


@unittest.skipIf(SKIP, SKIP)
class SlowNetworkTest(unittest.TestCase):
    def test_a_step_takes_the_time_of_its_bytes_and_plan_says_so(self):
        network = SlowNetwork()
        for host in HOSTS:
            network.hosts.limit(host, "200mbit")
        for name in ("784-500-10, batch 200, normal", "ConvNet on 28 x 28, batch 200"):
            with self.subTest(name):
                record = network.measured(CASES[name], steps=10)
                least = record["bytes_reduced"] / 2 / (200 * MBIT)  # each rank sends and receives at the same time
                self.assertGreater(record["seconds_step"], 0.8 * least)
                plan = network.predicted(CASES[name], ["--flops", "1e11", "--latency", "1e-4"], 200 * MBIT)
                self.assertGreater(plan["seconds_communication"], 0.8 * least)


if __name__ == "__main__":
    if "measure" in sys.argv:
        sys.exit(SKIP or measure())
    unittest.main()
