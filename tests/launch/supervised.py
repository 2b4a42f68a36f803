"""Starts launch/run.sh, with the real program or a played one, for the tests of the supervisor."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
sys.path.insert(0, str(LAUNCH))

from supervisor.processes import kill_with_variable, with_variable  # noqa: E402
from supervisor.run_folder import QUESTION  # noqa: E402

PROGRAM = os.environ.get("PROGRAM_UNDER_TEST", "")
# Every process of a supervised run carries this variable besides the supervisor's own, which it gives each start.
MARK = "SUPERVISED_RUN"
# Trains for longer than any test takes.
ENDLESS = ["--dataset", "synthetic", "--synthetic-features", "20", "--synthetic-samples", "2000", "--hidden", "16",
           "--form", "normal", "--steps", "10000000", "--progress", "none"]


def seconds_until(condition, limit):
    """How long it took until the condition held. Throws AssertionError after the limit."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > limit:
            raise AssertionError(f"not within {limit} s")
        time.sleep(0.005)
    return time.monotonic() - start


def is_asked(process):
    try:
        return f"{QUESTION}=".encode() in Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return False


class Supervised:
    """launch/run.sh while it runs, in `folder`."""

    def __init__(self, folder, *words, ranks=2, own=(), program=PROGRAM, environment=None, stdout=None,
                 stderr=subprocess.STDOUT):
        self.folder, self.mark = folder, f"{folder}:{time.monotonic_ns()}"
        variables = {name: value for name, value in os.environ.items() if not name.startswith(("SIBP_", "SLURM_"))}
        variables |= {"PROGRAM": str(program), MARK: self.mark, "OMP_NUM_THREADS": "1", **(environment or {})}
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen([str(LAUNCH / "run.sh"), "-np", str(ranks), *own, "--", *words], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=stdout or self.output,
                                        stderr=self.output if stdout else stderr,
                                        env=variables, start_new_session=True)

    def processes(self, name):
        """The ids of the processes of this run that execute a program of that name."""
        found = []
        for process in with_variable(MARK, self.mark):
            try:
                if Path(os.readlink(f"/proc/{process}/exe")).name.startswith(name):
                    found.append(process)
            except OSError:
                pass
        return found

    def ranks(self):
        """Without the process that the supervisor asks for the run's folder, before there are ranks."""
        return [process for process in self.processes(Path(PROGRAM).name) if not is_asked(process)]

    def wait_until_ready(self, start=1):
        seconds_until(lambda: list(self.folder.glob(f"**/logs/start-{start}/ready")), 60)

    def end(self, limit):
        """The exit status and the output. Throws AssertionError if it does not end in time or leaves processes."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end within {limit} s:\n{self.text()}") from None
        left = with_variable(MARK, self.mark)
        if left:
            raise AssertionError(f"processes left behind: {left}\n{self.text()}")
        return self.process.returncode, self.text()

    def text(self):
        self.output.seek(0)
        return self.output.read().decode("utf-8", "replace")

    def close(self):
        kill_with_variable(MARK, self.mark)
        self.process.wait()
        self.output.close()


class SupervisedTest(unittest.TestCase):
    """A test case with an empty folder of its own, self.folder."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="supervisor-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def start(self, *words, **keywords):
        run = Supervised(self.folder, *words, **keywords)
        self.addCleanup(run.close)
        return run

    def play(self, script):
        """A program that is this shell script; asked by the supervisor, it says that it trains in a new folder."""
        program = self.folder / "played"
        program.write_text("#!/bin/sh\n[ -z \"$SUPERVISOR_QUESTION\" ] || { printf 'train\\0\\0'; exit; }\n" + script)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program


def kill(processes, number=signal.SIGKILL):
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            pass
