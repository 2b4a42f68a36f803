"""Checkpoints and going on from them, with the whole program."""

import json
import math
import os
import shutil
import signal
import subprocess

import datasets
from checkpointed import CheckpointTest, rewrite
from harness import DATA, DISAGREE, DIVERGED, MODEL, STOPPED, USAGE, MPIEXEC, PROGRAM, Run, main
from runs import checkpoints, records, status, training, write_status


class Resuming(CheckpointTest):
    def test_every_stop_gives_the_unbroken_run(self):
        whole, _ = self.train("whole", checkpoint_every=7)
        self.stop_early()
        self.assertEqual(status(self.run_folder)["state"], "stopped")
        self.assertEqual(status(self.run_folder)["exit_status"], STOPPED)
        # The same command again, as a job script gives it.
        self.stop_early(resume="auto", checkpoint_every=7)
        self.assertEqual(checkpoints(self.run_folder), ["step-00000001", "step-00000002"])
        self.train(resume="auto", checkpoint_every=7)
        self.expect_equal(self.run_folder, whole)
        self.assertEqual(checkpoints(self.run_folder), checkpoints(whole))
        self.assertEqual(status(self.run_folder)["state"], "done")
        self.assertEqual(status(self.run_folder)["checkpoint"], "checkpoints/step-00000060")

    def test_auto_starts_where_there_is_nothing(self):
        whole, _ = self.train("whole")
        self.train(resume="auto")
        self.expect_equal(self.run_folder, whole)
        # Nor is a run that came to no checkpoint anything.
        shutil.rmtree(self.run_folder / "checkpoints")
        (self.run_folder / "model.safetensors").unlink()
        write_status(self.run_folder, checkpoint=None)
        self.train(resume="auto")
        self.expect_equal(self.run_folder, whole)

    def test_what_may_change_the_last_bits_is_said(self):
        self.stop_early(ranks=1)
        _, result = self.train(resume="auto", ranks=2, environment={"OPENBLAS_CORETYPE": "Nehalem"})
        self.assertRegex(result.stderr, r"\[warning\] going on with .*ranks 2 instead of 1: the weights may differ")

    def test_a_folder_alone_says_everything(self):
        whole, _ = self.train("whole", hidden="20,15", method="adam", form=None, lr=0.01)
        self.stop_early(hidden="20,15", method="adam", form=None, lr=0.01)
        self.succeed("--resume", self.run_folder, "--progress", "none", ranks=2)
        self.expect_equal(self.run_folder, whole)

    def test_forms_that_were_chosen_stay(self):
        self.stop_early(form=None)
        config = (self.run_folder / "config.ini").read_text(encoding="utf-8")
        _, result = self.train(resume="auto", form=None)
        self.assertNotIn("by these rates", result.stderr)
        self.assertEqual((self.run_folder / "config.ini").read_text(encoding="utf-8"), config)

    def test_one_checkpoint_is_gone_on_from_in_a_new_folder(self):
        whole, _ = self.train("whole", checkpoint_every=20)
        branch = self.folder / "branch"
        self.succeed("--resume", whole / "checkpoints" / "step-00000040", "--out", branch, "--progress", "none",
                     ranks=2)
        self.assertEqual((branch / "model.safetensors").read_bytes(), (whole / "model.safetensors").read_bytes())
        self.assertEqual(records(branch), [record for record in records(whole) if record["step"] > 40])
        self.assertEqual(len(checkpoints(whole)), 3)

    def test_a_longer_run(self):
        whole, _ = self.train("whole", epochs=4, schedule="constant")
        self.train(epochs=2, schedule="constant")
        self.train(epochs=4, schedule="constant", resume="auto")
        self.expect_equal(self.run_folder, whole)
        self.fail_with(USAGE, ["--steps or --epochs", r"\b15 steps", "step 60"],
                       *training(out=self.run_folder, epochs=1, schedule="constant", resume="auto"))

    def test_any_number_of_ranks(self):
        """Stopped on a ranks and gone on with on b, for all a and b: the same batches, and losses equal to rounding."""
        whole, _ = self.train("whole", ranks=1, steps=40, epochs=None, schedule="constant")
        later = [record for record in records(whole) if record["step"] >= 20]
        for a in range(1, 5):
            first, _ = self.train(f"on{a}", ranks=a, steps=20, epochs=None, schedule="constant")
            for b in range(1, 5):
                with self.subTest(stopped_on=a, resumed_on=b):
                    folder = self.folder / f"on{a}then{b}"
                    self.succeed("--resume", first / "checkpoints" / "latest", "--out", folder, "--steps", "40",
                                 "--progress", "none", ranks=b)
                    self.assertEqual([record["step"] for record in records(folder)],
                                     [record["step"] for record in later])
                    for record, expected in zip(records(folder), later):
                        self.assertAlmostEqual(record["train_loss"], expected["train_loss"],
                                               delta=1e-3 * expected["train_loss"])


class Refusals(CheckpointTest):
    def test_another_training(self):
        self.stop_early()
        before = {path: path.read_bytes() for path in self.run_folder.rglob("*") if path.is_file()}
        for name, value in (("hidden", "31"), ("batch", "61"), ("logical_shards", "63"), ("seed", "8"), ("eta", "0.3"),
                            ("synthetic_samples", "1001")):
            with self.subTest(name):
                self.fail_on_resume(USAGE, "--" + name.replace("_", "-") + ": found '" + value, "expected",
                                    **{name: value})
        after = {path: path.read_bytes() for path in self.run_folder.rglob("*") if path.is_file()}
        del before[self.run_folder / "run.lock"], after[self.run_folder / "run.lock"]
        self.assertEqual(after, before)

    def test_other_data(self):
        for name, images in (("data", 600), ("fewer", 590)):
            datasets.write_mnist(self.folder / name, training=images)
        common = {"dataset": "mnist", "synthetic_samples": None, "synthetic_features": None, "synthetic_classes": None}
        self.stop_early(data_dir=self.folder / "data", **common)
        self.fail_on_resume(DATA, "--data-dir", "490 training samples", "500", data_dir=self.folder / "fewer", **common)
        pixels = self.folder / "data" / datasets.TRAIN_IMAGES
        content = bytearray(pixels.read_bytes())
        content[16:16 + 784 * 50] = bytes(784 * 50)
        pixels.write_bytes(content)
        self.fail_on_resume(DATA, "--data-dir", "not those", data_dir=self.folder / "data", **common)

    def test_other_data_of_the_same_shape_and_statistics(self):
        common = {"dataset": "mnist", "synthetic_samples": None, "synthetic_features": None, "synthetic_classes": None}
        data = datasets.write_mnist(self.folder / "data")
        self.stop_early(data_dir=data, **common)
        for name, header, size, what in ((datasets.TRAIN_LABELS, 8, 1, "training samples or their labels"),
                                         (datasets.TRAIN_IMAGES, 16, 784, "training samples or their labels"),
                                         (datasets.TEST_LABELS, 8, 1, "test samples or their labels"),
                                         (datasets.TEST_IMAGES, 16, 784, "test samples or their labels")):
            with self.subTest(name):
                content = (data / name).read_bytes()
                items = [content[place:place + size] for place in range(header, len(content), size)]
                (data / name).write_bytes(content[:header] + b"".join(reversed(items)))
                self.fail_on_resume(DATA, "--data-dir: the " + what, "step-00000001", data_dir=data, **common)
                (data / name).write_bytes(content)
        self.train(resume="auto", ranks=3, data_dir=data, **common)

    def test_a_checkpoint_without_a_digest_is_gone_on_from_with_a_warning(self):
        self.stop_early()
        (checkpoint,) = (self.run_folder / "checkpoints").glob("step-*")
        state = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
        del state["data"]
        rewrite(checkpoint, "state.json", (json.dumps(state) + "\n").encode())
        _, result = self.train(resume="auto")
        self.assertRegex(result.stderr, r"\[warning\] .*step-00000001 is of version 0\.1")

    def test_an_option_of_the_checkpoints_method(self):
        self.stop_early(method="adam", form=None, lr=0.01)
        self.fail_on_resume(USAGE, "--lr: found '0.02', expected '0.01' as in the checkpoint", resume=self.run_folder,
                            form=None, lr=0.02)
        self.fail_on_resume(USAGE, "--lr: means nothing to --method sibp", out=self.folder / "new", form=None, lr=0.02)

    def test_nothing_to_go_on_from(self):
        self.fail_on_resume(MODEL, "nowhere", "does not exist", resume=self.folder / "nowhere")
        (self.folder / "empty").mkdir()
        self.fail_on_resume(MODEL, "empty", "no checkpoint", resume=self.folder / "empty")
        self.fail_on_resume(USAGE, "--resume", "auto", "--out", out=None)

    def test_a_run_whose_checkpoints_are_away(self):
        """As where the file system that holds them is not mounted."""
        self.stop_early()
        away = self.folder / "away"
        (self.run_folder / "checkpoints").rename(away)
        before = {name: (self.run_folder / name).read_bytes() for name in ("metrics.jsonl", "config.ini", "status.json")}
        for make in (lambda: None, (self.run_folder / "checkpoints").mkdir):
            make()
            self.fail_on_resume(MODEL, "had the checkpoint checkpoints/step-00000001", "mounted", "start anew")
            self.assertEqual({name: (self.run_folder / name).read_bytes() for name in before}, before)
        (self.run_folder / "checkpoints").rmdir()
        away.rename(self.run_folder / "checkpoints")
        self.train(resume="auto", checkpoint_every=20)
        shutil.rmtree(self.run_folder / "checkpoints/step-00000060")
        _, result = self.train(resume="auto")
        self.assertRegex(result.stderr, r"\[warning\] .*step-00000060 is gone; older")

    def test_a_status_that_is_none(self):
        self.stop_early()
        for text in ("", "{", "[]", "null", '{"state": 3}', '{"state": "done", "run": 7}', "[" * 100000):
            with self.subTest(text=text[:30]):
                (self.run_folder / "status.json").write_text(text, encoding="utf-8")
                self.fail_on_resume(MODEL, "status.json", "remove it")
        (self.run_folder / "status.json").unlink()
        self.train(resume="auto")

    def test_a_folder_that_is_no_run(self):
        self.run_folder.mkdir()
        (self.run_folder / "precious").write_text("x", encoding="utf-8")
        self.fail_on_resume(USAGE, "--out", "not empty")
        self.assertEqual([path.name for path in self.run_folder.iterdir()], ["precious"])

    def test_two_jobs_in_one_folder(self):
        first = Run(*training(out=self.run_folder, steps=10**7, epochs=None, checkpoint_every=5), ranks=2)
        self.addCleanup(first.kill)
        self.assertTrue(first.wait_until(lambda: (self.run_folder / "checkpoints" / "latest").exists()))
        self.fail_on_resume(USAGE, "--out", "in use by process")
        self.fail_on_resume(USAGE, "--out", resume=None)
        os.kill(first.ranks()[1], signal.SIGTERM)
        result = first.finish()
        self.assertEqual(result.status, STOPPED, result)

    def test_other_builds(self):
        other = PROGRAM + "_double"
        if not os.path.exists(other):
            self.skipTest("the program is not built in double precision here")
        result = subprocess.run([MPIEXEC, "--oversubscribe", "-np", "1", PROGRAM, "--version", ":", "-np", "1", other,
                                 "--version"], check=False, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, DISAGREE, result)
        self.assertRegex(result.stderr, "error: rank 1 runs .*float64, but rank 0 runs .*float32")


class Best(CheckpointTest):
    """Learns for a while, then forgets: the step size grows with the warm-up."""
    SETTINGS = {"validation": 100, "evaluate_every": 5, "checkpoint_every": 5, "keep": 1, "schedule": "constant",
                "keep_best": "validation_accuracy"}

    @staticmethod
    def values(folder, key):
        return {record["step"]: record[key] for record in records(folder) if key in record}

    def expect_best(self, folder, measure, best):
        values = self.values(folder, measure)
        step = next(step for step, value in values.items() if value == best(values.values()))
        found = status(folder)["best"]
        self.assertEqual((found["measure"], found["step"], found["value"]), (measure, step, values[step]))
        self.assertEqual(set(checkpoints(folder)), {f"step-{step:08}", "step-00000060"})
        self.assertEqual(found["checkpoint"], f"checkpoints/step-{step:08}")
        return step, values[step]

    def test_the_best_stays(self):
        folder, result = self.train("accuracy", **self.SETTINGS)
        step, value = self.expect_best(folder, "validation_accuracy", max)
        self.assertRegex(result.stdout, f"best +validation accuracy {100 * value:.2f} % after step {step}\n")
        folder, result = self.train("loss", **self.SETTINGS | {"keep_best": "validation_loss"})
        step, value = self.expect_best(folder, "validation_loss", min)
        self.assertRegex(result.stdout, f"best +validation loss {value:.4f} after step {step}\n")

    def test_it_survives_stops(self):
        whole, _ = self.train("whole", **self.SETTINGS)
        self.stop_early(**self.SETTINGS)
        for minutes in (1e-6,) * 12:
            self.stop_early(resume="auto", **self.SETTINGS)
        self.train(resume="auto", **self.SETTINGS)
        self.expect_equal(self.run_folder, whole)
        self.assertEqual(status(self.run_folder)["best"], status(whole)["best"])
        self.assertEqual(checkpoints(self.run_folder), checkpoints(whole))

    def test_no_validation_set(self):
        self.fail_with(USAGE, ["--keep-best", "--validation N"],
                       *training(out=self.run_folder, **self.SETTINGS | {"validation": 0}), ranks=2)


class Divergence(CheckpointTest):
    def test_a_finite_loss_that_is_far_off(self):
        settings = {"method": "sgd", "form": None, "schedule": "constant", "loss": "mean-squared-error",
                    "hidden": None, "network": "dense(10)", "epochs": None}
        # Grows, but not to infinity before the end.
        _, result = self.train("short", **settings, lr="5", steps=30, expect=DIVERGED)
        self.assertRegex(result.errors[0], r"the loss is [0-9.]+e\+[0-9]+ at step 30, .* stays above")
        self.assertEqual(status(self.folder / "short")["exit_status"], DIVERGED)


    def test_the_last_good_checkpoint_stays(self):
        # Grows by a factor in every step.
        _, result = self.train(method="sgd", form=None, lr="1e4", schedule="constant", loss="mean-squared-error",
                               activation="identity", checkpoint_every=1, keep=1, expect=DIVERGED)
        self.assertRegex(result.errors[0], "not finite")
        self.assertEqual(len(checkpoints(self.run_folder)), 1)
        self.succeed("checkpoint", "verify", self.run_folder)
        weights, _ = datasets.read_safetensors(self.run_folder / "checkpoints/latest/weights.safetensors")
        for name, (_, values) in weights.items():
            self.assertTrue(all(map(math.isfinite, values)), name)


if __name__ == "__main__":
    main()
