"""mpirun over ssh between three emulated hosts: the same result as on one host, and what becomes of a cut link."""

import json
import os
import shlex
import signal
import subprocess
import sys
import unittest

import isolation

SKIP = isolation.enter(["sshd", "ssh", "ssh-keygen", "mpirun"])

from hosts import FOLDER, Hosts, program_copy, read, wait_for  # noqa: E402
from ssh import mpirun_over_ssh, start_servers  # noqa: E402

HOSTS = ("n1", "n2", "n3")
TRAINING = ["--dataset", "synthetic", "--synthetic-features", "40", "--synthetic-samples", "2000", "--hidden", "32,32",
            "--form", "normal", "--seed", "3", "--progress", "none"]
STALL_TIMEOUT = 10


@unittest.skipIf(SKIP, SKIP)
class SshTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hosts = Hosts(("n0", *HOSTS))
        cls.project, cls.program = program_copy(os.environ["PROGRAM_UNDER_TEST"])
        start_servers(cls.hosts)

    def supervised(self, launcher, *words, own=()):
        """launch/run.sh on n1 with three ranks."""
        command = [self.project / "launch/run.sh", "-np", 3, "--launcher", shlex.join(launcher), *own, "--", *TRAINING, *words]
        output = (FOLDER / "output").open("w+")
        self.addCleanup(output.close)
        process = subprocess.Popen(self.hosts.on("n1", *command), cwd=FOLDER, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, env={**os.environ, "PROGRAM": str(self.program)})
        self.addCleanup(process.kill)
        return process

    def succeed(self, launcher, name):
        """The model and the final record of a run of 60 steps."""
        process = self.supervised(launcher, "--steps", "60", "--out", FOLDER / name)
        self.assertEqual(process.wait(60), 0, read(FOLDER / "output"))
        record = json.loads(read(FOLDER / name / "metrics.jsonl").splitlines()[-1])
        return (FOLDER / name / "model.safetensors").read_bytes(), record

    def test_three_hosts_give_what_one_host_gives(self):
        one = self.succeed(["mpirun", "--oversubscribe", "--bind-to", "none"], "one")
        three = self.succeed(mpirun_over_ssh(HOSTS), "three")
        for rank in range(3):
            self.assertTrue((FOLDER / f"three/logs/start-1/rank.{rank}/stdout").exists())
        self.assertEqual(one[1]["train_loss"], three[1]["train_loss"])
        self.assertEqual(one[0], three[0])

    def test_a_cut_link_ends_all_ranks_with_75(self):
        self.cut_link("cut")

    def test_a_link_cut_with_a_message_on_its_way_ends_all_ranks_with_75(self):
        # The kernel sends no keepalive while it waits for an acknowledgement, so mpirun does not find out for minutes.
        self.cut_link("cut-busy", then=lambda process: process.send_signal(signal.SIGUSR1))

    def cut_link(self, name, then=lambda process: None):
        process = self.supervised(mpirun_over_ssh(HOSTS), "--steps", "10000000", "--stall-timeout", STALL_TIMEOUT, "--out",
                                  FOLDER / name)
        # While the ranks still read their data four times the limit holds.
        wait_for(lambda: read(FOLDER / name / "metrics.jsonl"), 60, lambda: read(FOLDER / "output"))
        self.hosts.cut("n3")
        try:
            then(process)
            self.assertEqual(process.wait(STALL_TIMEOUT + 10), 75, read(FOLDER / "output"))
            wait_for(lambda: not self.ranks(), 15, lambda: f"no ranks on the hosts: {self.ranks()}")
        finally:
            self.hosts.mend("n3")

    def ranks(self):
        found = subprocess.run(["pgrep", "--full", str(self.program)], stdout=subprocess.PIPE, check=False)
        return found.stdout.split()


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
