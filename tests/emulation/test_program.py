"""The whole program on GPUs that are emulated: how it takes them, and that it trains as it does on processors."""

import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app" / "end_to_end"))

from harness import USAGE, ProgramTest, main, options  # pylint: disable=wrong-import-position

GPUS = 8  # of tests/emulation/cuda_runtime.cpp


class EmulatedGpus(ProgramTest):
    def training(self, folder, **changes):
        return options({
            "dataset": "synthetic", "synthetic_samples": 1000, "synthetic_features": 64, "validation": 100,
            "hidden": "30,20", "batch": 60, "epochs": 1, "seed": 7, "form": "normal", "progress": "none",
            "device": "cuda", "out": self.folder / folder,
        } | changes)

    def final(self, folder, *arguments, ranks):
        """The last record of a run."""
        result = self.succeed(*arguments, ranks=ranks)
        lines = (self.folder / folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return json.loads(lines[-1]), str(result)

    def test_training_is_that_of_processors(self):
        on_cpu, _ = self.final("cpu", *self.training("cpu", device="cpu"), ranks=1)
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                folder = f"gpu-{ranks}"
                on_gpu, text = self.final(folder, *self.training(folder), ranks=ranks)
                for quantity in ("train_loss", "validation_loss", "test_loss"):
                    self.assertAlmostEqual(on_gpu[quantity] / on_cpu[quantity], 1, places=4)
                self.assertIn("on a GPU: emulated GPU, products in fp32", text)
                self.assertIn("driver for CUDA 13.0", text)
                self.assertEqual("NCCL 2.28.0" in text, ranks > 1)
        model = self.folder / "gpu-2" / "model.safetensors"
        data = options({"dataset": "synthetic", "synthetic_samples": 1000, "synthetic_features": 64, "validation": 100,
                        "seed": 7})
        for device in ("cpu", "cuda"):
            text = str(self.succeed("evaluate", "--model", model, "--device", device, *data))
            loss = float(re.search(r"^loss +([\d.]+)", text, re.MULTILINE)[1])
            self.assertAlmostEqual(loss / on_gpu["test_loss"], 1, places=4)

    def test_forms_are_chosen_by_nominal_or_measured_rates(self):
        for form, rates in (("auto", "nominal rates: "), ("measure", "measured rates: ")):
            with self.subTest(form):
                text = str(self.succeed(*self.training(form, form=form), ranks=2))
                self.assertRegex(text, rates + "(.|\n)*ms a step by these rates")

    def test_other_methods(self):
        for method in ("sgd", "adam", "published"):
            arguments = self.training(method, method=method)
            place = arguments.index("--form")
            del arguments[place:place + 2]
            self.succeed(*arguments, ranks=2)

    def test_a_profiler_sees_the_phases_of_each_step(self):
        profiler = {"NVTX_INJECTION64_PATH": os.environ["NVTX_PROFILER"]}
        text = str(self.succeed(*self.training("profiled"), environment=profiler))
        for phase in ("forward", "backward", "solve"):
            self.assertGreaterEqual(int(re.search(f"^nvtx {phase} (\\d+)$", text, re.MULTILINE)[1]), 15)  # steps
        self.assertIn("nvtx left open: 1", text)  # the last phase

    def test_a_batch_beyond_the_memory_names_one_that_fits(self):
        self.fail_with(USAGE, ["--batch", "GB of the GPU's memory", r"a batch of \d+ fits"],
                       *self.training("large", synthetic_samples=100000, batch=90000, form="dual"), ranks=1)

    def test_more_ranks_than_gpus(self):
        self.fail_with(USAGE, ["--device", f"{GPUS + 1} ranks on", f"but {GPUS} GPUs"], *self.training("many"),
                       ranks=GPUS + 1, seconds=60)


if __name__ == "__main__":
    main()
