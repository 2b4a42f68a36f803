"""The commands of the first page, word for word in a fresh clone.

The environment shortens them: few steps on a small data set. PROGRAM_UNDER_TEST stands for what the clone would build; with
README_FULL=1 in the environment the clone installs and builds, as a user's does.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from documents import ROOT, commands, lines

sys.path.insert(0, str(ROOT / "tests" / "app" / "end_to_end"))
from datasets import write_mnist  # noqa: E402  (after the path)

PROGRAM = os.environ.get("PROGRAM_UNDER_TEST", "")
MPIEXEC = os.environ.get("MPIEXEC_UNDER_TEST", "")
IS_FULL = bool(os.environ.get("README_FULL"))
SECONDS = 3600 if IS_FULL else 240  # of one command
README = ROOT / "README.md"

# Commands that are not run, and why.
LEFT_OUT = {
    r"^\./launch/test\.sh$": "runs this test",
    r"^sbatch ": "needs Slurm; tests/cluster runs the script",
    r"-DSIBP_GPU=on|--device cuda": "needs a GPU",
}
if not IS_FULL:
    LEFT_OUT[r"^cmake "] = "builds, which takes minutes: README_FULL=1"

LEAST_COMMANDS = 7  # that are run


def reason(command):
    """Why a command is left out; nothing if it is run."""
    return next((why for pattern, why in LEFT_OUT.items() if re.search(pattern, command)), None)


def git(*words):
    return subprocess.run(["git", "-c", "safe.directory=*", *map(str, words)], stdin=subprocess.DEVNULL, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, timeout=60).stdout


def clone(to):
    """A clone with the changes of the working tree that are not committed, but not its new files."""
    subprocess.run(["git", "-c", "safe.directory=*", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(to)], check=True, timeout=60,
                   stdin=subprocess.DEVNULL, env={**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                                                  "GIT_CONFIG_VALUE_0": "*"})
    for name in git("-C", ROOT, "diff", "--name-only", "HEAD").splitlines():
        (to / name).unlink(missing_ok=True)
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def pattern_of(line):
    """What a printed line of the page must look like: numbers, times and '…' stand for any."""
    line = re.sub(r"\bin (?:\d+:[\d:]+|\d+ s)", "in DURATION", " ".join(line.split()))
    escaped = re.escape(line)
    escaped = re.sub(r"(?<![\w-])\d[\d.]*(?:\\?\.\d+)?(?![\w-])", r"[\\d.]+", escaped)
    return escaped.replace("…", r".+?").replace("TIME", r"[\w-]+").replace("DURATION", r"(?:[\d:]+|\d+\ s)")


class CommandsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (ROOT / ".git").exists():
            raise unittest.SkipTest("not a git repository: nothing to clone")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.clone = Path(folder.name) / "sibp_dist"
        clone(cls.clone)
        data = write_mnist(Path(folder.name) / "data")
        cls.environment = {**os.environ, "RANKS": "2", "OMP_NUM_THREADS": "1", "SIBP_STEPS": "3", "SIBP_DATA_DIR": str(data),
                           "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                           "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}
        if os.path.dirname(MPIEXEC):
            cls.environment["PATH"] = f"{os.path.dirname(MPIEXEC)}:{os.environ['PATH']}"
        if not IS_FULL:
            (cls.clone / "build" / "release").mkdir(parents=True)
            (cls.clone / "build" / "release" / "sibp_dist").symlink_to(PROGRAM)
            cls.environment["PROGRAM"] = PROGRAM

    def execute(self, command):
        """Status and output of a command as a shell in the clone runs it; ends all of it when its time is over."""
        process = subprocess.Popen(["bash", "-c", command], cwd=self.clone, env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                                   start_new_session=True)
        try:
            printed, _ = process.communicate(timeout=SECONDS)
            return process.returncode, printed
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return "timed out", process.communicate()[0]

    def test_commands_of_the_first_page(self):
        run, first = 0, ""
        for command in commands(README):
            why = reason(command)
            if why is not None:
                print(f"left out, {why}: {command}", flush=True)
                continue
            print(f"running: {command}", flush=True)
            status, printed = self.execute(command)
            self.assertEqual(status, 0, f"{command}\n{printed}")
            run, first = run + 1, first or printed
        self.assertGreaterEqual(run, LEAST_COMMANDS)
        self.check_print(first)
        self.assertTrue((self.clone / "runs" / "first" / "model.safetensors").is_file())
        self.assertGreater(len((self.clone / "predictions.csv").read_text(encoding="utf-8").splitlines()), 100)

    def check_print(self, printed):
        """The page shows what the first command prints."""
        shown = [line.text for line in lines(README) if line.fence == "text"]
        self.assertGreater(len(shown), 3)
        printed = [" ".join(line.split()) for line in printed.splitlines()]
        for line in shown:
            self.assertTrue(any(re.fullmatch(pattern_of(line), one) for one in printed),
                            f"the page shows\n{line}\nbut the command prints\n" + "\n".join(printed))

    def test_what_is_left_out_is_there(self):
        for pattern in LEFT_OUT:
            self.assertTrue(any(re.search(pattern, command) for command in commands(README)), pattern)


if __name__ == "__main__":
    unittest.main(verbosity=2)
