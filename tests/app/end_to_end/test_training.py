"""Training, evaluating and predicting with the whole program: what a run prints and leaves, and that it can be repeated."""

import contextlib
import csv
import json
import math
import os
import re
import subprocess
import sys

import datasets
from harness import DATA, MODEL, USAGE, ProgramTest, main, options

RECORD_KEYS = {
    "step", "epoch", "train_loss", "train_accuracy", "eta", "lambda_min", "lambda_max", "seconds_step", "seconds_forward",
    "seconds_backward", "seconds_solve", "seconds_communication", "seconds_reading", "seconds_total", "bytes_reduced",
    "samples_per_second",
}
EVALUATION_KEYS = {"validation_loss", "validation_accuracy", "test_loss", "test_accuracy"}
FEATURES, CLASSES, TRAINING, VALIDATION = 64, 10, 1000, 100
TEST = TRAINING // 5


def synthetic(**changes):
    """The command line of a short training on synthetic data, with changes."""
    return options({
        "dataset": "synthetic", "synthetic_samples": TRAINING, "synthetic_features": FEATURES,
        "synthetic_classes": CLASSES, "validation": VALIDATION, "hidden": "30", "batch": 60, "epochs": 2, "log_every": 5,
        "seed": 7, "progress": "none",
    } | changes)


def records(folder):
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def reported(text, quantity):
    """The number after a word such as "accuracy" in what the program prints, percentages as shares."""
    match = re.search(quantity + r"[^\d\n]*([\d.]+(?:e[+-]?\d+)?)\s*(%?)", text)
    if not match:
        raise AssertionError(f"no {quantity} in: {text}")
    return float(match[1]) / (100 if match[2] else 1)


@contextlib.contextmanager
def busy_cores():
    """Keeps all cores busy, each with two loops."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class TrainingTest(ProgramTest):
    def train(self, name, ranks=1, **changes):
        folder = self.folder / name
        result = self.succeed(*synthetic(out=folder, **changes), ranks=ranks)
        return folder, result

    def test_what_a_run_leaves(self):
        for ranks in (1, 3):
            with self.subTest(ranks=ranks):
                folder, result = self.train(f"run{ranks}", ranks)
                self.assertEqual({path.name for path in folder.iterdir()},
                                 {"checkpoints", "config.ini", "metrics.jsonl", "model.safetensors", "run.lock",
                                  "status.json"})
                self.check_metrics(records(folder))
                self.check_model(folder / "model.safetensors")
                self.assertIn(str(folder), result.stdout)
                self.assertAlmostEqual(reported(result.stdout, "test[^\n]*accuracy"),
                                       records(folder)[-1]["test_accuracy"], places=3)

    def check_metrics(self, lines):
        steps = 2 * math.ceil((TRAINING - VALIDATION) / 60)
        for record in lines:
            self.assertEqual(RECORD_KEYS - record.keys(), set())
            self.assertTrue(all(math.isfinite(value) for value in record.values()), record)
        self.assertEqual([record["step"] for record in lines], sorted(record["step"] for record in lines))
        self.assertEqual([record for record in lines[:-1] if record.get("final")], [])
        last = lines[-1]
        self.assertTrue(last["final"])
        self.assertEqual(EVALUATION_KEYS - last.keys(), set())
        self.assertEqual((last["step"], last["epoch"]), (steps, 2))
        self.assertLess(last["train_loss"], lines[0]["train_loss"])
        self.assertGreater(last["test_accuracy"], 2 / CLASSES)

    def check_model(self, path):
        tensors, metadata = datasets.read_safetensors(path)
        self.assertEqual({name: shape for name, (shape, _) in tensors.items()}, {
            "layers.0.weight": [30, FEATURES], "layers.0.bias": [30],
            "layers.1.weight": [CLASSES, 30], "layers.1.bias": [CLASSES],
            "normalisation.shift": [FEATURES], "normalisation.scale": [FEATURES],
        })
        self.assertTrue(all(math.isfinite(value) for _, values in tensors.values() for value in values))
        self.assertTrue(all(isinstance(value, str) for value in metadata.values()))
        self.assertTrue(any("dense(30,relu)" in value.replace(" ", "") for value in metadata.values()), metadata)

    def test_model_loads_in_python(self):
        # In a process of its own: the package brings libraries that are none of this test's business.
        if subprocess.run([sys.executable, "-c", "import safetensors.numpy"], check=False,
                          capture_output=True).returncode != 0:
            self.skipTest("the Python package safetensors is not installed")
        folder, _ = self.train("run")
        shape = subprocess.run(
            [sys.executable, "-c",
             "import sys, safetensors.numpy as s; print(s.load_file(sys.argv[1])['layers.0.weight'].shape)",
             str(folder / "model.safetensors")], check=True, capture_output=True, text=True).stdout
        self.assertEqual(shape.strip(), f"(30, {FEATURES})")

    def test_config_repeats_the_run(self):
        first, _ = self.train("first", validation=0, hidden="20,15", damping="relative:2", schedule="cosine",
                              normalize="standard")
        again = self.folder / "again"
        self.succeed("--config", first / "config.ini", "--out", again, "--progress", "none")
        self.assertEqual((again / "model.safetensors").read_bytes(), (first / "model.safetensors").read_bytes())
        self.assertEqual((again / "config.ini").read_text(encoding="utf-8"),
                         (first / "config.ini").read_text(encoding="utf-8"))

    def test_precedence_of_options(self):
        config = self.folder / "some.ini"
        config.write_text("seed = 1\nepochs = 1\nbatch = 50\n", encoding="utf-8")
        folder = self.folder / "run"
        self.succeed(*synthetic(out=folder, config=config, batch=100, epochs=None, seed=None),
                     environment={"SIBP_EPOCHS": "3", "SIBP_BATCH": "10"})
        settings = dict(re.findall(r"(?m)^([\w-]+)\s*=\s*(.*?)\s*$", (folder / "config.ini").read_text(encoding="utf-8")))
        self.assertEqual((settings["seed"], settings["epochs"], settings["batch"]), ("1", "3", "100"))

    def test_ranks_agree(self):
        finals = []
        for ranks in (1, 2, 4):
            folder, _ = self.train(f"run{ranks}", ranks)
            finals.append(records(folder)[-1])
        for final in finals[1:]:
            self.assertAlmostEqual(final["train_loss"], finals[0]["train_loss"], delta=1e-3 * finals[0]["train_loss"])
            self.assertAlmostEqual(final["test_accuracy"], finals[0]["test_accuracy"], delta=2 / TEST)

    def test_matrices_may_travel_rounded(self):
        exact, _ = self.train("float32", 2, form="dual", sums="library")
        rounded, result = self.train("bfloat16", 2, form="dual", sums="library", wire="bf16", log_level="info")
        self.assertIn("travels as bfloat16", result.stdout + result.stderr)
        self.assertIn("\nwire = bfloat16\n", (rounded / "config.ini").read_text(encoding="utf-8"))
        a, b = (records(folder)[-1] for folder in (exact, rounded))
        self.assertAlmostEqual(b["bytes_reduced"] / a["bytes_reduced"], 0.5, places=6)
        self.assertNotEqual(a["train_loss"], b["train_loss"])
        self.assertAlmostEqual(b["train_loss"] / a["train_loss"], 1, delta=0.05)

    def test_the_way_of_sums_is_recorded(self):
        folder, _ = self.train("sums", 2, form="normal")
        self.assertRegex((folder / "config.ini").read_text(encoding="utf-8"), "\nsums = (shared|library)\n")

    def test_the_same_command_gives_the_same_bits_on_a_busy_machine(self):
        """With the defaults, which choose forms and the way of sums: no clock may decide."""
        def trained(name):
            folder, _ = self.train(name, 2, hidden="64,48,32", batch=90)
            return ((folder / "model.safetensors").read_bytes(),
                    re.search(r"(?m)^form = .*\n(?s:.*)^sums = .*$", (folder / "config.ini").read_text(encoding="utf-8"))[0])
        first = trained("quiet")
        with busy_cores():
            for k in range(3):
                model, choice = trained(f"busy{k}")
                self.assertEqual(choice, first[1])
                self.assertTrue(model == first[0], "other weights")  # not a page of bytes

    def test_what_is_wrong_is_said_before_anything_is_measured(self):
        for change, status in (({"warmup_steps": 10000}, USAGE), ({"validation": 2000}, USAGE),
                               ({"training_sample": 5000}, USAGE), ({"logical_shards": 1}, USAGE),
                               ({"init": "no.safetensors"}, MODEL), ({"batch_list": "no.list", "epochs": None}, DATA)):
            with self.subTest(change):
                words = synthetic(form="measure", log_level="info", **change)
                named = next(iter(change.values())) if status != USAGE else next(iter(change)).replace("_", "-")
                result = self.fail_with(status, [re.escape(named)], *words, ranks=2)
                self.assertNotIn("measured rates", result.stderr)

    def test_forms_and_sums_may_be_chosen_by_measurement(self):
        folder, result = self.train("measured", 2, form="measure", sums="measure", log_level="info")
        self.assertIn("measured rates: ", result.stderr)
        self.assertIn("by a trial: ", result.stderr)
        text = (folder / "config.ini").read_text(encoding="utf-8")
        self.assertRegex(text, r"(?m)^form = [a-z-]+,[a-z-]+$")
        self.assertRegex(text, r"(?m)^sums = (shared|library)$")

    def test_evaluate_gives_the_same_accuracy(self):
        folder, _ = self.train("run", 2, normalize="standard")
        final = records(folder)[-1]
        for ranks in (1, 2, 4):
            with self.subTest(ranks=ranks):
                result = self.succeed("evaluate", *self.of_model(folder), ranks=ranks)
                self.assertAlmostEqual(reported(result.stdout, "accuracy"), final["test_accuracy"], places=4)

    def test_predict_writes_a_row_for_each_sample(self):
        folder, _ = self.train("run")
        tables = []
        for ranks in (1, 3):
            path = self.folder / f"predictions{ranks}.csv"
            self.succeed("predict", *self.of_model(folder), "--predictions", path, ranks=ranks)
            with path.open(newline="", encoding="utf-8") as file:
                tables.append(list(csv.DictReader(file)))
        rows = tables[0]
        self.assertEqual(list(rows[0]), ["index", "label", "predicted", "probability"])
        self.assertEqual([int(row["index"]) for row in rows], list(range(TEST)))
        right = sum(row["label"] == row["predicted"] for row in rows)
        self.assertAlmostEqual(right / TEST, records(folder)[-1]["test_accuracy"], places=6)
        for row in rows:
            self.assertIn(int(row["predicted"]), range(CLASSES))
            self.assertTrue(1 / CLASSES <= float(row["probability"]) <= 1, row)
        self.assertEqual([row["predicted"] for row in tables[1]], [row["predicted"] for row in rows])

    def test_a_model_is_used_on_its_data_set_unless_another_is_named(self):
        """MNIST's files stand for Fashion-MNIST as well: they have one shape."""
        data = datasets.write_mnist(self.folder / "data", training=300)
        folder = self.folder / "run"
        model = folder / "model.safetensors"
        self.succeed("--dataset", "mnist", "--data-dir", data, "--out", folder, "--hidden", "20", "--steps", "3",
                     "--batch", "50", "--progress", "none")
        for command in ("evaluate", "predict"):
            # The default is the other one.
            own = self.succeed(command, "--model", model, "--data-dir", data, "--dataset", "mnist")
            self.assertNotIn("trained on", own.stderr)
            for place in (folder, folder / "checkpoints" / "latest", model):
                by_place = self.succeed(command, place, "--data-dir", data)
                self.assertIn("the data set is that of the model, mnist", by_place.stderr)
                self.assertEqual(by_place.stdout, own.stdout)
            other = self.succeed(command, "--model", model, "--data-dir", data, "--dataset", "fashion-mnist")
            self.assertIn("was trained on mnist, and is used on fashion-mnist", other.stderr)
            self.assertEqual(other.stdout, own.stdout)
        self.succeed("evaluate", "--model", model, "--data-dir", data, environment={"SIBP_DATASET": "fashion-mnist"})

    def of_model(self, folder):
        """The options of evaluate and predict for a run on the data of synthetic()."""
        return options({
            "model": folder / "model.safetensors", "dataset": "synthetic", "synthetic_samples": TRAINING,
            "synthetic_features": FEATURES, "synthetic_classes": CLASSES, "seed": 7,
        })

    def test_pictures_are_changed_in_training_alone(self):
        pictures = {"synthetic_features": None, "synthetic_shape": "8x8x1"}
        folder, _ = self.train("plain", **pictures)
        model = folder / "model.safetensors"
        # A step that changes no weight: the losses of batches differ, those of evaluations do not.
        still = pictures | {"init": model, "steps": 1, "epochs": None, "log_every": 1, "method": "sgd", "lr": "1e-30"}
        plain, _ = self.train("still", ranks=2, **still)
        changed, _ = self.train("changed", ranks=2, augment="flip,translate:2,cutout:3", label_smoothing="0.1", **still)
        self.assertIn("\naugment = flip,translate:2,cutout:3\n", (changed / "config.ini").read_text(encoding="utf-8"))
        final, final_of_changed = records(plain)[-1], records(changed)[-1]
        for key in ("test_loss", "test_accuracy", "validation_loss"):
            self.assertEqual(final[key], final_of_changed[key])
        self.assertEqual(final["train_loss"], final_of_changed["train_loss"])
        self.fail_with(USAGE, ["--augment", "1x1x64", "no pictures"], *synthetic(augment="flip"), ranks=2)

    def test_views_are_reported_apart(self):
        folder, _ = self.train("run", synthetic_features=None, synthetic_shape="8x8x1", augment="flip")
        words = ["--model", folder / "model.safetensors", "--dataset", "synthetic", "--synthetic-samples", str(TRAINING),
                 "--seed", "7"]
        pictures = words + ["--synthetic-shape", "8x8x1"]
        plain = self.succeed("evaluate", *pictures).stdout
        for views in ("flip", "flip+translate"):
            outputs = [self.succeed("evaluate", *pictures, "--views", views, ranks=ranks).stdout for ranks in (1, 3)]
            self.assertTrue(outputs[0].startswith(plain), outputs[0])
            self.assertEqual(reported(outputs[0], "accuracy with views"), reported(outputs[1], "accuracy with views"))
        self.assertNotIn("views", plain)
        self.fail_with(USAGE, ["--views", "flip", "1x1x64", "pictures"], "evaluate", *words, "--views", "flip", ranks=2)

    def test_start_from_a_model(self):
        folder, _ = self.train("first")
        before = records(folder)[-1]
        again, _ = self.train("second", init=folder / "model.safetensors", steps=1, epochs=None, eta="1e-12")
        self.assertAlmostEqual(records(again)[-1]["train_loss"], before["train_loss"], places=4)

    def test_data_files_plain_and_compressed(self):
        losses = []
        for compress in (False, True):
            data = datasets.write_mnist(self.folder / f"data{compress}", training=300, compress=compress)
            folder = self.folder / f"run{compress}"
            self.succeed(*options({"dataset": "mnist", "data_dir": data, "hidden": "20", "batch": 50, "epochs": 1,
                                   "form": "normal", "progress": "none", "out": folder}), ranks=2)
            losses.append(records(folder)[-1]["train_loss"])
        self.assertEqual(losses[0], losses[1])

    def test_cifar10(self):
        data = datasets.write_cifar10(self.folder / "data")
        self.succeed(*options({"dataset": "cifar10", "data_dir": data, "hidden": "20", "batch": 50, "steps": 2,
                               "progress": "none", "out": self.folder / "run"}), ranks=2)
        self.assertEqual(records(self.folder / "run")[-1]["step"], 2)


if __name__ == "__main__":
    main()
