"""Every foreseeable error: one clear message, the documented exit status, and every rank gone within ten seconds."""

import math
import os
import re
import struct
import subprocess
from pathlib import Path

import datasets
from datasets import SIDE, TRAIN_IMAGES, TRAIN_LABELS
from harness import DATA, DIVERGED, MODEL, PROGRAM, RUNTIME, USAGE, ProgramTest, main, options


class ErrorTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.data = datasets.write_mnist(self.folder / "data")

    def training(self, **changes):
        """The command line of a short training that works, with changes."""
        return options({"dataset": "mnist", "data_dir": self.data, "hidden": "20", "batch": 50, "epochs": 1,
                        "progress": "none", "out": self.folder / "run"} | changes)


class DataErrors(ErrorTest):
    def fail_on_data(self, *patterns, **changes):
        return self.fail_with(DATA, patterns, *self.training(**changes))

    def test_missing_folder(self):
        self.fail_on_data("no-such-folder", data_dir=self.folder / "no-such-folder")

    def test_missing_file(self):
        (self.data / TRAIN_LABELS).unlink()
        self.fail_on_data(TRAIN_LABELS)

    def test_missing_file_on_one_rank(self):
        (self.data / TRAIN_LABELS).unlink()
        self.fail_with(DATA, [TRAIN_LABELS], *self.training(), ranks=1)

    def test_truncated(self):
        path = self.data / TRAIN_IMAGES
        path.write_bytes(path.read_bytes()[:-100])
        self.fail_on_data(TRAIN_IMAGES, str(16 + 600 * SIDE * SIDE))

    def test_truncated_in_header(self):
        path = self.data / TRAIN_IMAGES
        path.write_bytes(path.read_bytes()[:7])
        self.fail_on_data(TRAIN_IMAGES)

    def test_empty(self):
        (self.data / TRAIN_IMAGES).write_bytes(b"")
        self.fail_on_data(TRAIN_IMAGES)

    def test_truncated_gzip(self):
        path = self.compressed() / (TRAIN_IMAGES + ".gz")
        content = path.read_bytes()
        path.write_bytes(content[:len(content) // 2])
        self.fail_on_data(path.name, data_dir=path.parent)

    def test_gzip_of_too_few_bytes(self):
        folder = self.compressed()
        content = (self.data / TRAIN_IMAGES).read_bytes()
        path = datasets.write(folder / TRAIN_IMAGES, content[:-100], compress=True)
        self.fail_on_data(path.name, data_dir=folder)

    def test_damaged_gzip(self):
        path = self.compressed() / (TRAIN_IMAGES + ".gz")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
        self.fail_on_data(path.name, data_dir=path.parent)

    def test_wrong_magic(self):
        path = self.data / TRAIN_IMAGES
        path.write_bytes(struct.pack(">I", 0x12345678) + path.read_bytes()[4:])
        self.fail_on_data(TRAIN_IMAGES, "not an IDX file|magic")

    def test_trailing_garbage(self):
        path = self.data / TRAIN_IMAGES
        path.write_bytes(path.read_bytes() + b"garbage")
        self.fail_on_data(TRAIN_IMAGES, str(16 + 600 * SIDE * SIDE))

    def test_trailing_garbage_in_gzip(self):
        folder = self.compressed()
        content = (self.data / TRAIN_IMAGES).read_bytes()
        path = datasets.write(folder / TRAIN_IMAGES, content + b"garbage", compress=True)
        self.fail_on_data(path.name, data_dir=folder)

    def test_trailing_garbage_after_gzip(self):
        path = self.compressed() / (TRAIN_IMAGES + ".gz")
        path.write_bytes(path.read_bytes() + b"garbage")
        self.fail_on_data(path.name, data_dir=path.parent)

    def test_fewer_labels_than_images(self):
        (self.data / TRAIN_LABELS).write_bytes(datasets.labels_file(datasets.labels(599, 1)))
        self.fail_on_data(TRAIN_LABELS, "600", "599")

    def test_label_out_of_range(self):
        # One rank alone holds the last sample, so the others must be told.
        values = bytearray(datasets.labels(600, 1))
        values[599] = 10
        (self.data / TRAIN_LABELS).write_bytes(datasets.labels_file(values))
        self.fail_on_data(TRAIN_LABELS, "label", r"\b10\b")

    def test_cifar10_of_a_bad_size(self):
        folder = datasets.write_cifar10(self.folder / "cifar10")
        path = folder / "data_batch_3.bin"
        os.truncate(path, path.stat().st_size - 1)
        self.fail_on_data("data_batch_3.bin", "cut short", dataset="cifar10", data_dir=folder)

    def compressed(self):
        return datasets.write_mnist(self.folder / "compressed", compress=True)


class UsageErrors(ErrorTest):
    def fail_on_usage(self, *patterns, ranks=3, **changes):
        return self.fail_with(USAGE, patterns, *self.training(**changes), ranks=ranks)

    def test_more_ranks_than_shards(self):
        self.fail_on_usage("--logical-shards", r"\b2\b", r"\b3\b", logical_shards=2)

    def test_batch_larger_than_data(self):
        self.fail_on_usage("--batch", "601", "600", batch=601)

    def test_all_data_held_out(self):
        self.fail_on_usage("--validation", "600", validation=600)

    def test_output_does_not_fit_the_classes(self):
        self.fail_on_usage("--network", r"\b7\b", r"\b10\b", hidden=None, network="dense(20,relu) dense(7)")

    def test_unknown_option(self):
        self.fail_on_usage("--colour", colour=3)

    def test_abbreviated_option(self):
        self.fail_on_usage("--seed|--see", see=3)

    def test_repeated_option(self):
        self.fail_with(USAGE, ["--eta"], *self.training(eta=1), "--eta", "1")

    def test_unknown_command(self):
        self.fail_with(USAGE, ["celebrate"], "celebrate")

    def test_impossible_values(self):
        # One value for each way of being impossible; tests/app tries the parser's corners without mpirun.
        impossible = {
            "eta": ["-1", "much", "nan"],
            "damping": ["sometimes:1", "relative:-1"],
            "batch": ["0", "1.5"],
            "epochs": ["99999999999999999999"],
            "logical_shards": ["0"],
            "schedule": ["sometimes"],
            "carry": ["none"],
            "normalize": ["max"],
            "init": ["normal:-1"],
            "hidden": ["20,,30"],
            "network": ["dense(20"],
            "dataset": ["mnits"],
            "progress": ["often"],
            "log_level": ["loud"],
        }
        for name, values in impossible.items():
            for value in values:
                changes = {name: value} | ({"hidden": None} if name == "network" else {})
                with self.subTest(f"{name} {value}"):
                    self.fail_on_usage("--" + name.replace("_", "-"), ranks=1, **changes)

    def test_unknown_variable(self):
        result = self.succeed(*self.training(), environment={"SIBP_ETTA": "3"}, ranks=2)
        self.assertEqual(result.stderr.count("SIBP_ETTA: no option has this environment variable; did you mean SIBP_ETA?"), 1)

    def test_impossible_value_in_variable(self):
        self.fail_with(USAGE, ["SIBP_ETA"], *self.training(), environment={"SIBP_ETA": "much"})

    def test_unknown_key_in_config(self):
        config = self.folder / "bad.ini"
        config.write_text("colour = 3\n", encoding="utf-8")
        self.fail_on_usage("bad.ini", "colour", config=config)

    def test_missing_config(self):
        self.fail_on_usage("--config", "missing.ini", config=self.folder / "missing.ini")

    def test_out_that_is_not_empty(self):
        folder = self.folder / "old-run"
        folder.mkdir()
        (folder / "metrics.jsonl").write_text("precious\n", encoding="utf-8")
        self.fail_on_usage("old-run", "empty", out=folder)
        self.assertEqual((folder / "metrics.jsonl").read_text(encoding="utf-8"), "precious\n")

    def test_gpus_where_there_are_none(self):
        self.fail_on_usage("--device", "found cuda", "SIBP_GPU=on|CUDA finds no GPU", device="cuda")
        self.fail_on_usage("--precision", "tf32", precision="tf32")


    def test_out_is_looked_at_before_the_data(self):
        (self.folder / "old-run").mkdir()
        (self.folder / "old-run" / "file").touch()
        self.fail_on_usage("old-run", "empty", out=self.folder / "old-run", data_dir=self.folder / "no-such-folder")


class RunErrors(ErrorTest):
    def test_out_under_a_regular_file(self):
        (self.folder / "file").write_text("precious\n", encoding="utf-8")
        self.fail_with(RUNTIME, ["file/run"], *self.training(out=self.folder / "file" / "run"))

    def test_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        self.mount_64_kib(small)
        # 784-100-10 takes 310 KiB.
        result = self.fail_with(RUNTIME, ["small/run", "space"], *self.training(hidden="100", out=small / "run"))
        self.assertFalse((small / "run" / "model.safetensors").exists(), f"half a model is left\n{result}")

    def mount_64_kib(self, folder):
        if os.geteuid() != 0:
            self.skipTest("only root may mount the small file system that this test fills")
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=False,
                               capture_output=True, text=True)
        if mount.returncode != 0:
            self.skipTest(f"no small file system to fill: {mount.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", str(folder)], check=False)

    def test_loss_that_is_not_finite(self):
        self.fail_with(DIVERGED, ["finite|positive definite", "step"], *self.training(eta="1e30"))

    def test_weights_that_are_not_finite(self):
        weights = self.weights()
        weights["layers.1.bias"][1][3] = math.nan
        path = datasets.write_safetensors(self.folder / "nan.safetensors", weights)
        self.fail_with(DIVERGED, ["finite"], *self.training(init=path))

    def test_factorisation_that_fails(self):
        # 10 samples span no 785 features, and so small a damping is lost in float.
        self.fail_with(DIVERGED, ["positive definite", "layer", "damping|λ|lambda"],
                       *self.training(batch=10, damping="absolute:1e-30", form="normal"))

    def weights(self):
        return {
            "layers.0.weight": ([20, 784], [0.01] * (20 * 784)),
            "layers.0.bias": ([20], [0.0] * 20),
            "layers.1.weight": ([10, 20], [0.01] * 200),
            "layers.1.bias": ([10], [0.0] * 10),
        }


    def run_with_allocations(self, count):
        """A training that has no memory from this allocation on: its result, and whether it is what it should be."""
        folder = self.folder / str(count)
        result = subprocess.run([PROGRAM, *self.training(out=folder)], check=False, capture_output=True, text=True, errors="replace",
                                timeout=60, env={**os.environ, "NO_MEMORY_FROM": str(count), "OMP_NUM_THREADS": "1",
                                                 "LD_PRELOAD": os.environ["NO_MEMORY_UNDER_TEST"]})
        with self.subTest(allocations=count):
            self.assertTrue(result.returncode != 0 or (folder / "model.safetensors").exists(), result)
        return result

    def test_no_memory(self):
        """From some allocation on there is none: a message or a crash, but no hang and no success."""
        if os.environ["SANITIZED"]:
            self.skipTest("sanitizers allocate in their own way")
        too_few, enough = 128, 1 << 22
        self.assertEqual(self.run_with_allocations(enough).returncode, 0)
        while enough - too_few > 16:
            middle = (too_few + enough) // 2
            if self.run_with_allocations(middle).returncode == 0:
                enough = middle
            else:
                too_few = middle
        # The first ones are those of libraries, which crash; the last ones are our own.
        messages = 0
        for before in (100, 200, 400, 800, 1600, 3200, 6400):
            result = self.run_with_allocations(too_few - before)
            messages += re.search("sibp_dist: error: .*(memory|bad_alloc)", result.stderr) is not None
        self.assertGreater(messages, 0)

    def test_little_address_space(self):
        """OpenBLAS would try again for ever, and Open MPI's start may fail before."""
        if os.environ["SANITIZED"]:
            self.skipTest("sanitizers need all of the address space")
        program = os.environ["PROGRAM_OF_PROCESSORS_UNDER_TEST"]
        words = ["bash", "-c", 'ulimit -v "$1"; shift; exec "$@"', "bash"]
        messages = 0
        for kilobytes in (60_000, *range(100_000, 400_001, 20_000)):
            with self.subTest(kilobytes=kilobytes):
                result = subprocess.run([*words, str(kilobytes), program, *self.training(out=self.folder / str(kilobytes))],
                                        check=False, capture_output=True, text=True, errors="replace", timeout=60,
                                        env={**os.environ, "OMP_NUM_THREADS": "1"})
                self.assertTrue(result.returncode == 0 or result.stderr, result)
                messages += "OpenBLAS needs 128 MiB" in result.stderr
        self.assertGreater(messages, 0)


class ModelErrors(ErrorTest):
    def fail_on_model(self, path):
        for ranks in (1, 3):
            self.fail_with(MODEL, [Path(path).name], "evaluate", *options({
                "model": path, "dataset": "mnist", "data_dir": self.data}), ranks=ranks)

    def test_missing(self):
        self.fail_on_model(self.folder / "missing.safetensors")

    def test_not_a_model(self):
        path = self.folder / "text.safetensors"
        path.write_text("This is no model, only some text of some length.\n", encoding="utf-8")
        self.fail_on_model(path)

    def test_truncated(self):
        path = datasets.write_safetensors(self.folder / "short.safetensors", {"layers.0.weight": ([2, 2], [1.0] * 4)})
        path.write_bytes(path.read_bytes()[:-4])
        self.fail_on_model(path)

    def test_start_of_another_shape(self):
        path = datasets.write_safetensors(self.folder / "other.safetensors", {
            "layers.0.weight": ([10, 3], [1.0] * 30), "layers.0.bias": ([10], [0.0] * 10)})
        self.fail_with(MODEL, ["other.safetensors"], *self.training(init=path))


if __name__ == "__main__":
    main()
