"""A smoke run of launch/benchmark.sh: one tiny case, with the programs of the build folder that is the first argument."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = sys.argv.pop(1)
SCRIPT = Path(__file__).resolve().parents[2] / "launch" / "benchmark.sh"


class BenchmarkScriptTest(unittest.TestCase):
    def test_tiny_case(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "results"
            run = subprocess.run([SCRIPT, "--quick", "--build-dir", BUILD, "--out", out, "tiny"], capture_output=True,
                                 text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            results = json.loads((out / "results.json").read_text(encoding="utf-8"))
            text = (out / "results.md").read_text(encoding="utf-8")
        seen = {(row["ranks"], row["way"]) for row in results["rows"]}
        self.assertLessEqual({(1, "auto"), (1, "normal"), (1, "activations"), (1, "dual")}, seen)
        for row in results["rows"]:
            self.assertGreater(row["seconds"], 0)
            self.assertGreater(row["flops"], 0)
            self.assertGreater(row["peak_memory_bytes"], 1e6)
            self.assertEqual(row["bytes_reduced"] > 0, row["ranks"] > 1)
        self.assertIn("| 40-30-10 | 20 | 1 | dual |", text)

    def test_unknown_case_is_refused(self):
        run = subprocess.run([SCRIPT, "--build-dir", BUILD, "huge"], capture_output=True, text=True, check=False)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("unknown case 'huge'", run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
