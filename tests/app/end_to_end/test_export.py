"""Models for ONNX and PyTorch, run by the real onnxruntime and PyTorch on the whole test set.

EXPORT_PYTHON names an interpreter that has onnxruntime, torch and safetensors; the default is the one that runs this.
What it lacks is skipped.
"""

import array
import csv
import os
import struct
import subprocess
import sys
from pathlib import Path

import datasets
from harness import MODEL, USAGE, ProgramTest, main, options

PYTHON = os.environ.get("EXPORT_PYTHON", sys.executable)
EXPORTED = Path(__file__).with_name("exported.py")
CLASSES = datasets.CLASSES
HEIGHT, WIDTH, CHANNELS = 9, 8, 3  # all differ, so that none takes the place of another
TEST = 150

# Every kind of layer, on pictures and on vectors, and every activation.
PICTURES = ("conv(6,3) norm relu residual( conv(8,3,stride=2) norm(scale=fixed) leaky-relu conv(8,3) norm(group=4) ) gelu "
            "maxpool(2) dropout(0.2) conv(5,1,tanh) meanpool(2) residual( conv(5,1) ) "
            "dense(8,relu) norm residual( residual( dense(8,identity) ) norm(group=2) ) sigmoid dense(10)")
# A dense layer on pixels of several channels, windows that overlap.
FLATTENED = "conv(4,3,padding=0,relu) maxpool(2,stride=1) dense(12,tanh) dense(10)"


def lack(form):
    """Why exported models of a form cannot be run here, or None."""
    check = subprocess.run([PYTHON, "-B", EXPORTED, "--check", form], capture_output=True, text=True)
    return None if check.returncode == 0 else f"{PYTHON}: {check.stderr.strip().splitlines()[-1]}"


LACKS = {form: lack(form) for form in ("onnx", "torch")}


def write_pictures(folder):
    """A data set of IDX files; the pixels of the test as they are in the file, channels fastest."""
    size = HEIGHT * WIDTH * CHANNELS
    for name, count, seed in (("train", 400, 1), ("test", TEST, 2)):
        labels = datasets.labels(count, seed)
        pixels = datasets.images(labels, size, seed)
        header = struct.pack(">5I", 0x804, count, HEIGHT, WIDTH, CHANNELS)
        datasets.write(folder / f"{name}-images", header + pixels)
        datasets.write(folder / f"{name}-labels", datasets.labels_file(labels))
    return pixels


def channels_slowest(pixels):
    size = HEIGHT * WIDTH * CHANNELS
    return [pixels[first + pixel * CHANNELS + channel] for first in range(0, len(pixels), size)
            for channel in range(CHANNELS) for pixel in range(HEIGHT * WIDTH)]


class ExportTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.pixels = write_pictures(self.folder)
        self.data = options({"dataset": "idx", "data_dir": self.folder, "train_images": "train-images",
                             "train_labels": "train-labels", "test_images": "test-images", "test_labels": "test-labels"})

    def train(self, *arguments, steps=8, ranks=1):
        self.succeed(*self.data, *options({"batch": 50, "steps": steps, "progress": "none", "out": "run"}), *arguments,
                     ranks=ranks)

    def predictions(self):
        rows = csv.DictReader(self.succeed("predict", "run", *self.data).stdout.splitlines())
        return [(int(row["predicted"]), float(row["probability"])) for row in rows]

    def run_exported(self, model, shape):
        """Logits and probabilities of each test sample."""
        values = array.array("f", channels_slowest(self.pixels))
        (self.folder / "pixels").write_bytes(values.tobytes())
        subprocess.run([PYTHON, "-B", EXPORTED, model, "pixels", ",".join(map(str, shape)), "outputs"], check=True,
                       cwd=self.folder)
        outputs = array.array("f", (self.folder / "outputs").read_bytes()).tolist()
        rows = [outputs[first:first + CLASSES] for first in range(0, len(outputs), CLASSES)]
        self.assertEqual(len(rows), 2 * TEST)
        return rows[:TEST], rows[TEST:]

    def check_against_predict(self, shape=(TEST, CHANNELS, HEIGHT, WIDTH)):
        expected = self.predictions()
        logits = []
        for form, name in (("onnx", "run/model.onnx"), ("torch", "run/model_torch.py")):
            self.assertIn(name, self.succeed("export", "run", "--to", form, ranks=2).stdout)
            with self.subTest(form):
                if LACKS[form]:
                    self.skipTest(LACKS[form])
                of_form, probabilities = self.run_exported(name, shape)
                logits.append(of_form)
                for row, (predicted, probability) in zip(probabilities, expected, strict=True):
                    self.assertAlmostEqual(row[predicted], probability, delta=1e-5)
                    self.assertLessEqual(max(row), row[predicted] + 1e-5)
        if len(logits) == 2:
            for a, b in zip(*logits, strict=True):
                for x, y in zip(a, b, strict=True):
                    self.assertAlmostEqual(x, y, delta=1e-5 * max(1, abs(x)))
        self.assertGreater(len({predicted for predicted, _ in expected}), 1, "the model says the same of all")

    def test_every_kind_of_layer(self):
        self.train("--network", PICTURES, "--normalize", "channel", "--method", "adam", steps=60, ranks=2)
        self.check_against_predict()

    def test_dense_layers_on_pictures(self):
        self.train("--network", FLATTENED, "--normalize", "standard")
        self.check_against_predict()

    def test_dense_layers_alone(self):
        self.train("--hidden", "30,20", "--loss", "mean-squared-error")
        self.check_against_predict()

    def test_folder_of_a_checkpoint_and_names(self):
        self.train("--hidden", "5")
        checkpoint = max((self.folder / "run/checkpoints").glob("step-*"))
        self.succeed("export", checkpoint, "--to", "torch", "--out", "mine.py")
        self.assertTrue((self.folder / "mine.safetensors").is_file())
        self.succeed("export", "run/model.safetensors", "--to", "torch")
        first, second = (self.folder / name for name in ("mine.safetensors", "run/model_torch.safetensors"))
        self.assertEqual(datasets.read_safetensors(first), datasets.read_safetensors(second))

    def test_refusals(self):
        self.train("--hidden", "5")
        self.fail_with(USAGE, ["--to", "onnx or torch"], "export", "run")
        self.fail_with(USAGE, ["--to", "'keras'", "onnx, torch"], "export", "run", "--to", "keras")
        self.fail_with(USAGE, ["--out", "model.py", "another name"], "export", "run", "--to", "torch", "--out",
                       "run/model.py")
        self.fail_with(USAGE, ["--out", r"\.py"], "export", "run", "--to", "torch", "--out", "x.pt")
        self.fail_with(MODEL, ["nowhere"], "export", "nowhere", "--to", "onnx")
        model = self.folder / "run/model.safetensors"
        model.write_bytes(model.read_bytes()[:-8])
        self.fail_with(MODEL, ["model.safetensors"], "export", "run", "--to", "onnx")
        self.assertFalse((self.folder / "run/model.onnx").exists())

    def test_weights_that_are_not_finite(self):
        self.train("--hidden", "5")
        model = self.folder / "run/model.safetensors"
        content = bytearray(model.read_bytes())
        content[-4:] = struct.pack("<f", float("nan"))
        model.write_bytes(bytes(content))
        self.fail_with(MODEL, ["not finite"], "export", "run", "--to", "onnx")


if __name__ == "__main__":
    main()
