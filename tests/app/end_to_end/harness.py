"""Runs the real program under mpirun, for the end-to-end tests.

The program and mpirun come from PROGRAM_UNDER_TEST and MPIEXEC_UNDER_TEST. (Names beginning with SIBP_ are options of the
program, and unknown ones are errors, so none reaches it unless a test says so.)
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid
from dataclasses import dataclass
from pathlib import Path

PROGRAM = os.environ.get("PROGRAM_UNDER_TEST", "")
MPIEXEC = os.environ.get("MPIEXEC_UNDER_TEST", "mpirun")

# Exit statuses of the program; the same numbers as in include/sibp/core/error.hpp.
DONE, RUNTIME, USAGE, DATA, MODEL, DIVERGED, DISAGREE = range(7)
STALLED, STOPPED = 75, 85

# Every process of a run carries this variable, so that those left behind are found wherever they hang.
MARK = "END_TO_END_RUN"

ERROR = re.compile(r"\berror: ")


@dataclass
class Result:
    command: str
    status: int
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool
    left_behind: list  # process ids that outlived mpirun

    @property
    def errors(self):
        """The lines of the standard error stream that are error messages."""
        return [line for line in self.stderr.splitlines() if ERROR.search(line)]

    def __str__(self):
        return (f"{self.command}\nexit status {self.status} after {self.seconds:.1f} s"
                f"{', timed out' if self.timed_out else ''}\n"
                f"--- stdout\n{self.stdout}--- stderr\n{self.stderr}")


def processes_marked(mark):
    marked = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                marked.append(int(folder.name))
        except OSError:
            pass  # ended meanwhile, or another user's
    return marked


def wait_for_end(mark, seconds):
    """The processes of a run that are still there after so many seconds, killed."""
    deadline = time.monotonic() + seconds
    while (left := processes_marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return left


class Run:
    """The program under mpirun, while it runs."""

    def __init__(self, *arguments, ranks=1, environment=None, cwd=None, program=None):
        self.mark = uuid.uuid4().hex
        child_environment = {name: value for name, value in os.environ.items() if not name.startswith("SIBP_")}
        child_environment |= {"OMP_NUM_THREADS": "1", MARK: self.mark}
        child_environment |= environment or {}
        self.program = str(program or PROGRAM)
        self.command = [MPIEXEC, "-np", str(ranks), "--oversubscribe", "--bind-to", "none", self.program,
                        *map(str, arguments)]
        self.streams = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        self.start = time.monotonic()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.streams[0],
                                        stderr=self.streams[1], env=child_environment, cwd=cwd)

    def ranks(self):
        """The process of each rank, by its number."""
        found = {}
        for process in processes_marked(self.mark):
            try:
                folder = Path(f"/proc/{process}")
                if os.readlink(folder / "exe") != os.path.realpath(self.program):
                    continue
                variables = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue  # ended meanwhile
            for variable in variables:
                if variable.startswith(b"OMPI_COMM_WORLD_RANK="):
                    found[int(variable.partition(b"=")[2])] = process
        return found

    def wait_until(self, condition, seconds=120):
        """Waits for something to become true; false if the run ends or the time is over before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if condition():
                return True
            time.sleep(0.005)
        return condition()

    def kill(self):
        """Ends whatever is still there of a run."""
        wait_for_end(self.mark, 0)
        self.process.wait()
        for stream in self.streams:
            stream.close()

    def finish(self, timeout=60, patience=1):
        """Waits for the end of mpirun, and `patience` seconds more for all that it started; what came of it."""
        timed_out = False
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            timed_out = True
        seconds = time.monotonic() - self.start
        left_behind = wait_for_end(self.mark, 0 if timed_out else patience)
        self.process.wait()
        texts = []
        for stream in self.streams:
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
            stream.close()
        return Result(" ".join(self.command), self.process.returncode, *texts, seconds, timed_out, left_behind)


def run(*arguments, timeout=60, **keywords):
    """Runs the program with the arguments and returns what came of it."""
    return Run(*arguments, **keywords).finish(timeout)


class ProgramTest(unittest.TestCase):
    """A test case with an empty folder of its own, self.folder."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sibp-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_and_expect(self, status, *arguments, **keywords):
        """Runs the program in self.folder and checks its exit status and that no process is left."""
        result = run(*arguments, cwd=self.folder, **keywords)
        self.assertFalse(result.timed_out, f"does not end\n{result}")
        self.assertEqual(result.left_behind, [], f"processes left behind\n{result}")
        self.assertEqual(result.status, status, f"wrong exit status\n{result}")
        return result

    def succeed(self, *arguments, **keywords):
        result = self.run_and_expect(DONE, *arguments, **keywords)
        self.assertEqual(result.errors, [], str(result))
        return result

    def fail_with(self, status, patterns, *arguments, ranks=3, seconds=10, **keywords):
        """Runs the program and checks that it fails in time with one message that matches every pattern."""
        # Ranks end together, after the message. mpirun would sleep two seconds before it ends those that do not.
        at_once = {"OMPI_MCA_odls_base_sigkill_timeout": "0"}
        keywords["environment"] = at_once | (keywords.get("environment") or {})
        result = self.run_and_expect(status, *arguments, ranks=ranks, **keywords)
        self.assertEqual(len(result.errors), 1, f"not one error message\n{result}")
        for pattern in patterns:
            self.assertRegex(result.errors[0], re.compile(pattern, re.IGNORECASE), f"not in the message\n{result}")
        self.assertLessEqual(result.seconds, seconds, str(result))
        return result


def options(settings):
    """The command line of {"data_dir": folder, …}: --data-dir folder …; settings that are None are left out."""
    return [text for name, value in settings.items() if value is not None
            for text in ("--" + name.replace("_", "-"), str(value))]


def main():
    if not Path(PROGRAM).is_file():
        sys.exit("PROGRAM_UNDER_TEST does not name the program")
    unittest.main(verbosity=2)
