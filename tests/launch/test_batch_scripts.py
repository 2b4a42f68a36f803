"""The batch scripts find what lies beside them, wherever that is."""

import os
import shutil
import subprocess
import unittest
import unittest.mock
from pathlib import Path

from made_up import FolderTest

LAUNCH = Path(__file__).resolve().parents[2] / "launch"


class BatchScriptsTest(FolderTest):
    def script(self, path, text):
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self, name, *words):
        """Runs a copy of the script, as Slurm does, with the project in a folder whose name has blanks."""
        place = self.folder / "a place  with blanks"
        shutil.copytree(LAUNCH, place / "launch", dirs_exist_ok=True)
        command = " ".join(map(str, (place / "launch" / name, *words)))
        (self.folder / "bin").mkdir(exist_ok=True)
        self.script(self.folder / "bin/scontrol",
                    f"#!/bin/sh\nprintf '%s\\n' 'JobId=7 JobName=x' '   JobState=RUNNING' '   Command={command}'\n")
        launcher = self.script(self.folder / "launcher", '#!/bin/sh\necho "launched $*"\n')
        copy = self.folder / "slurm_script"
        shutil.copy(LAUNCH / name, copy)
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "SLURM_JOB_ID": "7",
                       "SLURM_NTASKS": "1", "SLURM_JOB_NODELIST": "n1", "SLURM_JOB_NUM_NODES": "1", "PROGRAM": "/bin/true",
                       "LAUNCHER": str(launcher)}
        return subprocess.run(["bash", str(copy), *words], cwd=self.folder, env=environment, check=False, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)

    def test_a_path_with_blanks(self):
        for name in ("sibp.sbatch", "sibp_gpu.sbatch"):
            with self.subTest(name):
                result = self.start(name, "--hidden", "3")
                self.assertIn("launched", result.stdout)
                self.assertIn("--hidden 3", result.stdout)
                self.assertEqual(result.returncode, 0, result.stdout)

    def test_trackers_are_the_supervisors(self):
        with unittest.mock.patch.dict(os.environ, TRACK="tensorbord"):
            result = self.start("sibp.sbatch", "--hidden", "3")
        self.assertIn("--track: invalid choice: 'tensorbord'", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
