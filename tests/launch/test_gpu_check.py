"""The logic of launch/gpu_check.sh, with programs that are played."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
sys.path[:0] = [str(LAUNCH), str(LAUNCH / "benchmark")]

# pylint: disable=wrong-import-position
from gpu_check import made_up, page, programs_of_tests, runner, weights
from gpu_check.context import TIME_OVER, Outcome
from gpu_check.findings import FACT, FAILED, PASSED, UNAVAILABLE, Findings, read
from gpu_check.parts import PARTS

GTEST = """[==========] Running 4 tests from 1 test suite.
[ RUN      ] Sums/Products.Small/0
[       OK ] Sums/Products.Small/0 (3 ms)
[ RUN      ] Sums/Products.Small/1
products_test.cpp:12: Failure
Expected: 3
[  FAILED  ] Sums/Products.Small/1, where GetParam() = 1 (2 ms)
[ RUN      ] Gpu.Second
there is one GPU
[  SKIPPED ] Gpu.Second (0 ms)
[ RUN      ] Gpu.Long
"""
ENDED = """[       OK ] Gpu.Long (3 ms)
[  PASSED  ] 2 tests.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Gpu.Second
[  FAILED  ] 1 test, listed below:
[  FAILED  ] Sums/Products.Small/1, where GetParam() = 1
"""


def finding(status, what="it"):
    return {"status": status, "what": what, "seen": "3", "expected": ""}


class LogicTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def test_the_parts_fit_into_eight_and_three_minutes(self):
        self.assertLessEqual(sum(part.seconds for part in PARTS), 480)
        self.assertLessEqual(sum(part.seconds_short for part in PARTS), 180)
        self.assertEqual([part.name for part in PARTS], ["device", "tests", "steps", "nccl", "training", "memcheck",
                                                         "benchmark", "cifar10-94", "pytorch"])

    def test_a_part_passes_unless_something_failed(self):
        self.assertEqual(runner.verdict([finding(PASSED), finding(UNAVAILABLE), finding(FACT)]), PASSED)
        self.assertEqual(runner.verdict([finding(PASSED), finding(FAILED)]), FAILED)
        self.assertEqual(runner.verdict([finding(UNAVAILABLE)]), UNAVAILABLE)

    def judged(self, outcome):
        findings = Findings(self.folder / "findings.jsonl")
        programs_of_tests.judge(findings, "test_sums", outcome)
        return [(seen["status"], seen["what"], seen["seen"]) for seen in read(findings.path)[0]]

    def test_a_test_program_that_is_cut_names_the_test(self):
        seen = self.judged(Outcome(TIME_OVER, GTEST, ""))
        self.assertIn((FAILED, "test_sums: Gpu.Long", "time over during it"), seen)
        self.assertIn((FAILED, "test_sums: Sums/Products.Small/1", "products_test.cpp:12: Failure Expected: 3"), seen)
        self.assertIn((UNAVAILABLE, "test_sums: Gpu.Second", "there is one GPU"), seen)

    def test_a_test_program_that_ends_fails_by_its_tests(self):
        self.assertEqual(self.judged(Outcome(1, GTEST + ENDED, "")), [
            (FAILED, "test_sums: Sums/Products.Small/1", "products_test.cpp:12: Failure Expected: 3"),
            (UNAVAILABLE, "test_sums: Gpu.Second", "there is one GPU"), (PASSED, "test_sums", "2 tests passed")])

    def test_a_test_program_that_finds_no_gpu_fails(self):
        text = "all tests: Skipped\nCUDA finds no GPU\n\n[  SKIPPED ] all\n"
        self.assertEqual(self.judged(Outcome(0, text, "")),
                         [(FAILED, "test_sums", "no test passed: all tests: Skipped CUDA finds no GPU [ SKIPPED ] all")])

    def test_a_test_program_that_crashes_or_does_not_start_fails(self):
        self.assertIn((FAILED, "test_sums: Gpu.Long", "its program ended with status -11"),
                      self.judged(Outcome(-11, GTEST, "")))
        self.assertIn((FAILED, "test_sums", "libcudart.so.13: cannot open"),
                      self.judged(Outcome(127, "", "error: libcudart.so.13: cannot open\n")))

    def test_weights_are_compared_tensor_by_tensor(self):
        expected = {"a": [3.0, 4.0], "b": [1.0]}
        self.assertEqual(weights.worst_difference({"a": [3.0, 4.5], "b": [1.0]}, expected), (0.1, "a"))
        self.assertEqual(weights.worst_difference({"a": [3.0, math.nan], "b": [2.0]}, expected), (math.inf, "a"))
        self.assertLess(weights.worst_difference({"bias": [2e-9]}, {"bias": [1e-9]})[0], 1e-6)
        with self.assertRaises(ValueError):
            weights.worst_difference({"a": [3.0, 4.0]}, expected)

    def test_made_up_images_have_the_form_of_the_real_ones(self):
        folder = made_up.make_cifar10(self.folder)
        self.assertEqual({path.stat().st_size for path in folder.iterdir()}, {10000 * 3073})
        self.assertEqual(len(list(folder.iterdir())), 6)
        labels = (folder / "test_batch.bin").read_bytes()[::3073]
        self.assertEqual(set(labels), set(range(10)))

    def test_the_page_names_what_failed_and_what_is_not_available(self):
        parts = [{"title": "First", "status": FAILED, "seconds": 3.2, "limit": 10,
                  "findings": [finding(PASSED), finding(FAILED, "sum"), finding(UNAVAILABLE, "conv")]}]
        text = page.markdown({"verdict": "failed in first", "gpu": "H1", "started": "now", "mode": "short", "parts": parts,
                              "data": {}})
        self.assertIn("| First | **failed** | 1 passed, 1 failed, 1 not available | 3 of 10 |", text)
        self.assertIn("## Failed\n\n- sum: 3\n", text)
        self.assertIn("## Not available\n\n- conv: 3\n", text)
        self.assertNotIn("## Figures", text)


class ScriptTest(unittest.TestCase):
    """The script with a sibp_dist that is a shell script."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.out = self.folder / "out"

    def check(self, body, *words):
        program = self.folder / "programs/sibp_dist"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
        return subprocess.run([LAUNCH / "gpu_check.sh", "--programs", program.parent, "--out", self.out, *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def parts(self):
        results = json.loads((self.out / "gpu_check.json").read_text(encoding="utf-8"))
        return {part["name"]: part for part in results["parts"]}

    def test_a_part_that_hangs_is_ended_and_the_others_go_on(self):
        started = time.monotonic()
        run = self.check("sleep 4711", "--short", "--patience", "0.4", "--only", "device", "--only", "nccl")
        self.assertLess(time.monotonic() - started, 60)
        self.assertEqual(run.returncode, 1)
        parts = self.parts()
        self.assertEqual(parts["device"]["status"], FAILED)
        self.assertIn("its time", parts["device"]["findings"][-1]["seen"])
        self.assertEqual(parts["nccl"]["status"], UNAVAILABLE)
        self.assertIn("| NCCL with one rank | not available |", run.stdout)
        self.assertTrue(run.stdout.rstrip().endswith("failed in device"), run.stdout)
        left = [entry for entry in os.listdir("/proc") if entry.isdigit() and b"4711" in self.command_line(entry)]
        self.assertEqual(left, [])

    @staticmethod
    def command_line(process):
        try:
            return Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            return b""

    def test_a_program_that_does_not_know_convolutions_is_no_failure(self):
        body = """case "$*" in
          *conv*|*cifar10-*) echo "12:00 error: --network: unknown kind of layer 'conv'" >&2; exit 2 ;;
          *--describe*) exit 0 ;;
          *) echo "error: no GPU" >&2; exit 1 ;;
        esac"""
        self.assertEqual(self.check(body, "--only", "training").returncode, 1)
        seen = {found["what"]: found for found in self.parts()["training"]["findings"]}
        self.assertEqual(seen["ConvNet on made-up images, sibp"]["status"], UNAVAILABLE)
        self.assertIn("unknown kind of layer", seen["ConvNet on made-up images, sibp"]["seen"])
        self.assertEqual(seen["Fashion-MNIST, sibp"]["status"], FAILED)
        self.assertEqual(seen["Fashion-MNIST, sibp"]["seen"], "no GPU")

    def test_wrong_words(self):
        for words, message in ((["--only", "all"], "--only"), (["--cifar10", "absent"], "absent"), (["--fast"], "--fast")):
            run = self.check("true", *words)
            self.assertEqual(run.returncode, 2)
            self.assertIn(message, run.stderr)
            self.assertFalse(self.out.exists())
        self.out.mkdir()
        (self.out / "file").write_text("", encoding="utf-8")
        self.assertIn("is not empty", self.check("true").stderr)
        help_text = subprocess.run([LAUNCH / "gpu_check.sh", "--help"], capture_output=True, text=True, check=True).stdout
        for part in PARTS:
            self.assertIn(part.name, help_text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
