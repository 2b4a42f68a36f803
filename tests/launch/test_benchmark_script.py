"""A smoke run of launch/benchmark.sh: one tiny case, with the programs of the build folder that is the first argument, and
on an emulated GPU by the program that is the second, if there is one."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(1))
EMULATED = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ""
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

    @unittest.skipIf(not EMULATED, "a build without GPU support")
    def test_tiny_case_on_a_gpu(self):
        with tempfile.TemporaryDirectory() as folder:
            build, out = Path(folder) / "build", Path(folder) / "results"
            build.mkdir()
            (build / "sibp_dist").symlink_to(EMULATED)
            (build / "bench_overlap").symlink_to(BUILD / "bench_overlap")
            run = subprocess.run([SCRIPT, "--device", "cuda", "--quick", "--build-dir", build, "--out", out, "tiny"],
                                 capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stderr)
            results = json.loads((out / "results.json").read_text(encoding="utf-8"))
            text = (out / "results.md").read_text(encoding="utf-8")
        seen = [(row["device"], row["way"]) for row in results["rows"]]
        self.assertEqual(seen[:-1], [(f"cuda {precision}", way) for precision in ("fp32", "tf32")
                                     for way in ("auto", "sgd")])
        self.assertTrue(seen[-1][0].endswith("cores"))
        for row in results["rows"]:
            self.assertGreater(row["seconds"], 0)
            self.assertGreater(row["flops_over_peak"], 0)
        self.assertIn("| 40-30-10 | 20 | 1 | sgd, cuda tf32 |", text)

    def test_a_gpu_that_is_not_there_is_an_error(self):
        run = subprocess.run([SCRIPT, "--device", "cuda", "--quick", "--build-dir", BUILD, "tiny"], capture_output=True,
                             text=True, check=False)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("--device: found cuda, but", run.stderr)

    def test_unknown_case_is_refused(self):
        run = subprocess.run([SCRIPT, "--build-dir", BUILD, "huge"], capture_output=True, text=True, check=False)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("unknown case 'huge'", run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
