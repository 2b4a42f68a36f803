"""A ConvNet through the whole program: train, evaluate, predict, go on, describe, plan, and what is refused."""

import csv
import json
import re

from harness import USAGE, ProgramTest, main, options
from runs import checkpoints, records

NETWORK = "conv(6,3) norm relu maxpool(2) residual( conv(8,3,stride=2) norm relu ) relu meanpool dense(5)"
DATA = {"dataset": "synthetic", "synthetic_samples": 240, "synthetic_shape": "8x8x3", "synthetic_classes": 5, "seed": 7}
TEST = 48
MAPS = 4  # with the residual's projection


def training(**changes):
    return options(DATA | {"network": NETWORK, "normalize": "channel", "batch": 60, "epochs": 3, "log_every": 4,
                           "progress": "none"} | changes)


def table(text):
    """The rows of --describe by their layer's text, each a list of words."""
    return [line.split() for line in text.splitlines()[text.splitlines().index("") + 2:]]


def peak_memory(folder):
    """The most memory that a rank had, in bytes."""
    return json.loads((folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])["peak_memory_bytes"]


class ConvNetTest(ProgramTest):
    def train(self, name, ranks=1, **changes):
        folder = self.folder / name
        self.succeed(*training(out=folder, **changes), ranks=ranks)
        return folder

    def test_train_evaluate_predict(self):
        finals = {}
        for ranks in (1, 2):
            folder = self.train(f"run{ranks}", ranks)
            finals[ranks] = records(folder)[-1]
            self.assertLess(finals[ranks]["train_loss"], records(folder)[0]["train_loss"])
            model = options(DATA | {"model": folder / "model.safetensors"})
            result = self.succeed("evaluate", *model, ranks=ranks)
            accuracy = re.search(r"accuracy[^\d\n]*([\d.]+)", result.stdout)
            self.assertAlmostEqual(float(accuracy[1]) / 100, finals[ranks]["test_accuracy"], places=3)
            path = self.folder / f"{ranks}.csv"
            self.succeed("predict", *model, "--predictions", path, ranks=ranks)
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            right = sum(row["label"] == row["predicted"] for row in rows)
            self.assertAlmostEqual(right / TEST, finals[ranks]["test_accuracy"], places=6)
        self.assertAlmostEqual(finals[1]["train_loss"], finals[2]["train_loss"], delta=2e-3 * finals[1]["train_loss"])

    def test_a_run_goes_on(self):
        for ranks in (1, 2):
            whole = self.train(f"whole{ranks}", ranks, checkpoint_every=5, keep=9)
            half = self.folder / f"half{ranks}"
            self.succeed("--resume", whole / "checkpoints" / "step-00000005", "--out", half, "--progress", "none", ranks=ranks)
            self.assertEqual((half / "model.safetensors").read_bytes(), (whole / "model.safetensors").read_bytes())
            self.assertIn("step-00000005", checkpoints(whole))

    def test_the_config_says_what_the_network_decided(self):
        folder = self.train("run", epochs=1)
        config = (folder / "config.ini").read_text(encoding="utf-8")
        for line in ("step = newton-muon:0.03", "momentum = 0.9", "momentum-of = gradient", "nesterov = on", "eta = 0.5",
                     "conv-gram-every = 10", "conv-gram-sample = 8"):
            self.assertIn(f"\n{line}\n", config)
        described = self.succeed(*training(batch=2000, synthetic_samples=2400), "--describe").stdout
        self.assertRegex(described, r"method +sibp: .*step newton-muon:0\.06, ")
        again = self.folder / "again"
        self.succeed("--config", folder / "config.ini", "--out", again, "--progress", "none")
        self.assertEqual((again / "model.safetensors").read_bytes(), (folder / "model.safetensors").read_bytes())
        dense = self.train("dense", network=None, hidden=20, steps=2, epochs=None)
        config = (dense / "config.ini").read_text(encoding="utf-8")
        self.assertIn("\nstep = fixed\n", config)
        self.assertNotIn("conv-", config)

    def test_describe_has_a_row_a_node(self):
        for method in ("sibp", "sgd"):
            with self.subTest(method):
                text = self.succeed(*training(method=method), "--describe", ranks=2).stdout
                rows = table(text)
                nodes = [row for row in rows if row[0].isdigit()]
                self.assertEqual([int(row[0]) for row in nodes], list(range(1, len(nodes) + 1)))
                self.assertEqual(sum(row[1].startswith(("conv", "dense")) for row in nodes), MAPS)
                self.assertEqual(text.count("normal" if method == "sibp" else "gradient"), MAPS + (2 if method == "sgd" else 0))
                self.assertIn("8x8x6", text)
                parameters = sum(int(row[3]) for row in nodes if len(row) > 5)
                self.assertEqual(int(rows[-1][1]), parameters)
                self.assertEqual(rows[-1][0], "all")

    def test_memory_is_what_describe_says(self):
        changes = {"synthetic_shape": "32x32x3", "network": "conv(32,3) norm relu maxpool(2) conv(32,3) relu meanpool dense(5)",
                   "batch": 240, "epochs": 1}
        text = self.succeed(*training(**changes), "--describe").stdout
        size, unit = re.search(r"^memory +([\d.]+) ([kMG]B) on a rank", text, re.MULTILINE).groups()
        predicted = float(size) * {"kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]
        measured = peak_memory(self.train("run", **changes))
        self.assertLess(measured, 1.2 * predicted)
        self.assertGreater(measured, 0.6 * predicted)

    def test_plan(self):
        file = self.folder / "plan.json"
        machine = {"flops": "1e11", "latency": "1e-6", "bandwidth": "1e10", "nodes": "1,2", "batch": 500, "json": file}

        def plan(**changes):
            self.succeed("plan", *options(machine | {"shape": "32x32x3", "classes": 10} | changes))
            return json.loads(file.read_text(encoding="utf-8"))["strong"]
        small = plan(network="cifar10-small")
        self.assertEqual(list(small[0]["alternatives"]), ["normal"])  # steps are relative
        self.assertEqual(small[0]["forms"], ",".join(["normal"] * 7))
        fixed = plan(network="cifar10-small", step="fixed")
        self.assertIn("dual", fixed[0]["alternatives"])
        without = plan(network="conv(32,3) maxpool(4) dense(10)")
        with_norm = plan(network="conv(32,3) norm maxpool(4) dense(10)")
        for point, more in zip(without, with_norm):
            self.assertGreater(more["seconds_network"], point["seconds_network"])
            self.assertEqual(more["flops_network"], point["flops_network"])
        self.assertGreater(with_norm[1]["seconds_communication"], without[1]["seconds_communication"])

    def test_what_does_not_fit_the_network_is_refused_by_name(self):
        def refused(words, **changes):
            self.fail_with(USAGE, words, *training(out=self.folder / "none", **changes), ranks=2)
        refused(["--method", "published", r"conv\(6,3"], method="published")
        refused(["--form", "dual", "layer 1, a convolution"], form="dual,normal,normal,dual")
        refused(["--form", "4 layers"], form="normal,dual")
        refused(["--form", "dual", "relative"], form="dual")
        refused(["--form", "dual", "--step relative"], form="dual", step="relative:0.1")
        for name, value in (("conv_damping", "relative:1"), ("conv_gram_every", 2), ("conv_gram_average", 0.5),
                            ("conv_gram_sample", 2)):
            option = "--" + name.replace("_", "-")
            refused([option, "no convolutions"], network=None, hidden=20, **{name: value})
            self.assertFalse((self.folder / "none").exists())
        self.succeed(*training(network=None, hidden=20, steps=1, epochs=None, out=self.folder / "passed"),
                     environment={"SIBP_CONV_GRAM_EVERY": "2"})

    def test_methods_train_it(self):
        for method, rate in (("proxprop", None), ("sgd", None), ("adam", 0.01)):
            with self.subTest(method):
                folder = self.train(method, 2, method=method, lr=rate, epochs=8)
                self.assertLess(records(folder)[-1]["train_loss"], records(folder)[0]["train_loss"])


if __name__ == "__main__":
    main()
