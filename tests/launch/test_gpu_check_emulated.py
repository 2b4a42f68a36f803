"""launch/gpu_check.sh from a bundle, from the first part to the last, on an emulated GPU: with the programs of the build
folder that is the first argument, and the emulated one that is the second."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from packing import pack

BUILD, EMULATED = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))


class EmulatedCheckTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sibp-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def packed(self):
        """A bundle in which the emulated programs stand for those that need a GPU."""
        tests = sorted(EMULATED.parent.glob("test_emulated_*_float"))
        self.assertGreaterEqual(len(tests), 4)
        lines = [f"cpu sibp_dist {EMULATED}", f"cpu bench_overlap {BUILD / 'bench_overlap'}",
                 *(f"cpu {test.name} {test}" for test in tests)]
        build, bundle = self.folder / "build", self.folder / "bundle"
        build.mkdir()
        (build / "bundle_programs.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        pack(bundle, "--build-dir", build, "--no-archive")
        return bundle

    def place_tools(self):
        """A folder with what a machine with a GPU has besides, played: nvidia-smi, compute-sanitizer, which only runs its
        program, and a Python with PyTorch."""
        tools = {
            "nvidia-smi": "echo 'Emulated H1, 80 GiB, 580.1, 9.0, 0:1, 1980 MHz, 2619 MHz, 700 W'",
            "compute-sanitizer": 'while [ "${1#-}" != "$1" ] || [ ! -x "$1" ]; do shift; done\nexec "$@"',
            "python-with-torch": 'case "$*" in\n*importlib*) echo 2.11 ;;\n*torch_sgd.py*) echo \'{"seconds": 0.02}\' ;;\nesac',
        }
        folder = self.folder / "tools"
        folder.mkdir()
        for name, body in tools.items():
            (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
            (folder / name).chmod(0o755)
        return folder

    def files_of(self, bundle):
        return {(path, path.stat().st_mtime_ns) for path in bundle.rglob("*")}

    def test_every_part_runs(self):
        bundle = self.packed()
        tools = self.place_tools()
        before = self.files_of(bundle)
        run = subprocess.run([bundle / "launch/gpu_check.sh", "--short", "--tiny", "--patience", "8", "--out", "out",
                              "--python", tools / "python-with-torch"], cwd=self.folder, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=False, env={**os.environ, "PATH": f"{tools}:/usr/bin:/bin"})
        log = (self.folder / "out/gpu_check.log").read_text(encoding="utf-8")
        self.assertEqual(run.returncode, 0, f"{run.stdout}{run.stderr}{log[-5000:]}")
        self.assertEqual(self.files_of(bundle), before, "the check writes into the bundle")
        results = json.loads((self.folder / "out/gpu_check.json").read_text(encoding="utf-8"))
        self.assertEqual(results["verdict"], "passed")
        status = {part["name"]: part["status"] for part in results["parts"]}
        for name in ("device", "tests", "steps", "nccl", "training", "memcheck", "benchmark", "pytorch"):
            self.assertEqual(status[name], "passed", name)
        passed = {finding["what"] for part in results["parts"] for finding in part["findings"]
                  if finding["status"] == "passed"}
        for what in ("a training on the GPU", "test_emulated_device_float", "test_emulated_training_float",
                     "test_emulated_communicator_float", "dense: sibp, dual: weights after 20 steps",
                     "dense: published: weights after 1 step", "Fashion-MNIST, sibp, tf32"):
            self.assertIn(what, passed)
        self.assertEqual(results["data"]["pytorch_seconds"], {"tiny fp32": 0.02})
        self.assertEqual({row["way"] for row in results["data"]["rows"]}, {"auto", "sgd"})
        text = (self.folder / "out/gpu_check.md").read_text(encoding="utf-8")
        self.assertIn("# GPU check: passed", text)
        for line in ("- GPU: compute_cap: 9.0\n", "- driver and libraries: driver",
                     "- tiny, PyTorch's SGD, fp32: 20.000 ms a step\n"):
            self.assertIn(line, text)
        self.assertIn("Emulated H1, 80 GiB", run.stdout)
        self.assertIn("| Benchmark | passed |", run.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
