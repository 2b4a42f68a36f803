"""Smoke runs of jobs of launch/train.sh, cut short: on Fashion-MNIST where Debian's package puts it."""

import json
from pathlib import Path

from harness import ProgramTest, main, options

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


class TrainScriptTest(ProgramTest):
    def setUp(self):
        super().setUp()
        if not FASHION_MNIST.is_dir():
            self.skipTest(f"no {FASHION_MNIST} (package dataset-fashion-mnist)")

    def test_the_preset_of_no_options(self):
        folder = self.folder / "run"
        self.succeed("--preset", "fashion-small", "--progress", "lines", "--out", folder, ranks=2, timeout=120,
                     environment={"SIBP_STEPS": "20"})
        final = json.loads((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        self.assertEqual(final["step"], 20)
        self.assertGreater(final["test_accuracy"], 0.3)  # the chance is 10 %

    def test_few_steps(self):
        folder = self.folder / "run"
        self.succeed(*options({"dataset": "fashion-mnist", "hidden": 500, "steps": 20, "progress": "lines", "out": folder}),
                     ranks=2, timeout=120)
        final = json.loads((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
        self.assertEqual(final["step"], 20)
        # The chance is 10 %; 20 steps of 100 samples are worth about 70 %.
        self.assertGreater(final["test_accuracy"], 0.5)


if __name__ == "__main__":
    main()
