"""Starts the program under mpirun."""

import json
import os
import subprocess
import tempfile
from pathlib import Path


class Programs:
    """The programs of a build folder, the trainer always with the options of `device`."""

    def __init__(self, folder, *device, threads=1):
        self.device = device
        self.threads = threads  # of each rank
        self.trainer = Path(folder) / "sibp_dist"
        self.overlap = Path(folder) / "bench_overlap"
        for program in (self.trainer, self.overlap):
            if not program.is_file():
                raise FileNotFoundError(f"{program} is not there; build it, or leave out --build-dir")

    def launch(self, ranks, program, *arguments):
        """Standard output of a run that succeeds."""
        # Variables SIBP_… would be options of the program.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIBP_")}
        environment["OMP_NUM_THREADS"] = str(self.threads)
        # As in launch/train.sh: binding is forbidden in some containers, and a core may count for less than its threads.
        command = ["mpirun", "-np", str(ranks), "--bind-to", "none", "--oversubscribe", str(program),
                   *map(str, arguments)]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment,
                                check=False)
        if result.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\nended with status {result.returncode}:\n{result.stderr}")
        return result.stdout

    def has_methods(self):
        """Whether the program trains by SGD as well."""
        return "--method" in self.launch(1, self.trainer, "--help")

    def plan(self, ranks, *options):
        """The program's own predictions for so many ranks, from a calibration on as many."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan.json"
            self.launch(ranks, self.trainer, "plan", "--nodes", 1, "--ranks-per-node", ranks, "--json", file,
                        "--log-level", "warning", *self.device, *options)
            return json.loads(file.read_text(encoding="utf-8"))

    def train(self, ranks, *options):
        """The lines of metrics.jsonl of a run."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            self.launch(ranks, self.trainer, "train", "--out", out, "--progress", "none", "--log-level", "warning",
                        *self.device, *options)
            return [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]

    def time_overlap(self, ranks, case, steps):
        """Times of a step with the collectives and with some that do nothing."""
        return json.loads(self.launch(ranks, self.overlap, case.network, case.batch, steps))


def usable_cores():
    """Hardware threads that this process may run on."""
    return len(os.sched_getaffinity(0))


def physical_cores():
    """Cores among them, of which some may offer two hardware threads."""
    siblings = set()
    for cpu in os.sched_getaffinity(0):
        file = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        siblings.add(file.read_text(encoding="utf-8") if file.is_file() else str(cpu))
    return len(siblings)
