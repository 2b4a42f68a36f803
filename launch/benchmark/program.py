"""Starts the programs under mpirun."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

LAUNCH = Path(__file__).resolve().parent.parent
# As in launch/train.sh: binding is forbidden in some containers, and a core may count for less than its threads.
MPIRUN = "mpirun --bind-to none --oversubscribe"


def output_of(command, environment, folder=None):
    """Standard output of a command that succeeds."""
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, cwd=folder,
                            check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\nended with status {result.returncode}:\n{result.stderr}")
    return result.stdout


class Programs:
    """The programs of a build folder, the trainer always with the options of `device`."""

    def __init__(self, folder, *device, threads=1):
        self.device = device
        self.threads = threads  # of each rank
        self.trainer = Path(folder).absolute() / "sibp_dist"
        self.overlap = Path(folder).absolute() / "bench_overlap"
        for program in (self.trainer, self.overlap):
            if not program.is_file():
                raise FileNotFoundError(f"{program} is not there; build it, or leave out --build-dir")

    def launch(self, ranks, *arguments):
        """Standard output of the trainer, in a run that succeeds. The supervisor ends a start that hangs; while the ranks
        compute it looks at them once a second."""
        with tempfile.TemporaryDirectory() as folder:  # for the supervisor's logs
            return output_of([sys.executable, "-B", "-m", "supervisor", "--launcher", MPIRUN, "-np", str(ranks), "--program",
                              str(self.trainer), "--", *map(str, arguments)], self.environment(), folder)

    def environment(self):
        # Variables SIBP_… would be options of the program.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIBP_")}
        return environment | {"OMP_NUM_THREADS": str(self.threads), "PYTHONPATH": str(LAUNCH)}

    def has_methods(self):
        """Whether the program trains by SGD as well."""
        return "--method" in self.launch(1, "--help")

    def plan(self, ranks, *options):
        """The program's own predictions for so many ranks, from a calibration on as many."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "plan.json"
            self.launch(ranks, "plan", "--nodes", 1, "--ranks-per-node", ranks, "--json", file,
                        "--log-level", "warning", *self.device, *options)
            return json.loads(file.read_text(encoding="utf-8"))

    def train(self, ranks, *options):
        """The lines of metrics.jsonl of a run."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            self.launch(ranks, "train", "--out", out, "--progress", "none", "--log-level", "warning",
                        *self.device, *options)
            return [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]

    def time_overlap(self, ranks, case, steps):
        """Times of a step with the collectives and with some that do nothing."""
        # Without the supervisor, which waits for the mark that the trainer makes when its ranks are there.
        command = [*MPIRUN.split(), "-np", str(ranks), str(self.overlap), case.network, str(case.batch), str(steps)]
        return json.loads(output_of(command, self.environment()))


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
