"""What launch/benchmark/scaling.py makes of the runs of launch/scaling.sbatch."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

from made_up import FolderTest

SCRIPT = Path(__file__).resolve().parents[2] / "launch" / "benchmark" / "scaling.py"


def records(seconds, final=True):
    """Two records, of which the first warms up."""
    phases = {f"seconds_{phase}": seconds / 5 for phase in ("forward", "backward", "solve", "communication", "reading")}
    later = {"seconds_step": seconds, "final": final, **phases}
    return [{**later, "seconds_step": 9 * seconds, "final": False}, later]


class ScalingTest(FolderTest):
    def write(self, nodes, seconds, **keywords):
        folder = self.folder / f"nodes-{nodes}"
        folder.mkdir()
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in records(seconds, **keywords)))

    def call(self):
        return subprocess.run([sys.executable, "-B", str(SCRIPT), str(self.folder)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, check=False)

    def test_speed_up_and_efficiency(self):
        self.write(1, 1.0)
        self.write(2, 0.5)
        self.write(4, 0.5)
        self.write(8, 0.1, final=False)
        self.assertEqual(self.call().returncode, 0)
        points = json.loads((self.folder / "scaling.json").read_text())
        self.assertEqual([(point["nodes"], point["speed_up"], point["efficiency"]) for point in points],
                         [(1, 1.0, 1.0), (2, 2.0, 1.0), (4, 2.0, 0.5)])
        self.assertIn("| 4 | 500.00 | 2.00 | 50 % | 20 / 20 / 20 / 20 / 20 |", (self.folder / "scaling.md").read_text())

    def test_nothing_to_show_is_an_error(self):
        result = self.call()
        self.assertEqual(result.returncode, 1)
        self.assertIn("no finished run", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
