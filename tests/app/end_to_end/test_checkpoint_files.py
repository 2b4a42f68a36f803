"""Checkpoints that were damaged, renamed or copied, and file systems that lack something, with the whole program."""

import os
import shutil
import signal
import time

from checkpointed import CheckpointTest, rewrite
from harness import MODEL, RUNTIME, STOPPED, Run, main
from runs import checkpoints, status, training


class FileSystems(CheckpointTest):
    def test_one_without_links_that_cannot_flush_folders(self):
        poor = {"LD_PRELOAD": os.environ["POOR_FILE_SYSTEM_UNDER_TEST"]}
        whole, _ = self.train("whole", checkpoint_every=20)
        self.stop_early(environment=poor)
        self.train(resume="auto", checkpoint_every=20, environment=poor)
        self.expect_equal(self.run_folder, whole)
        self.assertEqual((self.run_folder / "checkpoints/latest").read_text(encoding="utf-8"), "step-00000060\n")
        self.succeed("checkpoint", "verify", self.run_folder)

    def test_a_copy_whose_links_were_followed(self):
        whole, _ = self.train("whole", checkpoint_every=20)
        stopped, _ = self.stop_early("stopped")
        shutil.copytree(stopped, self.run_folder, symlinks=False)
        self.assertTrue((self.run_folder / "checkpoints/latest/manifest.json").exists())
        self.train(resume="auto", checkpoint_every=20)
        self.expect_equal(self.run_folder, whole)
        self.assertTrue((self.run_folder / "checkpoints/latest").is_symlink())

    def test_pipes_where_files_should_be(self):
        self.stop_early()
        for name in ("metrics.jsonl", "config.ini", "status.json"):
            with self.subTest(name):
                content = (self.run_folder / name).read_bytes()
                (self.run_folder / name).unlink()
                os.mkfifo(self.run_folder / name)
                self.fail_on_resume(RUNTIME, name, "no regular file")
                (self.run_folder / name).unlink()
                (self.run_folder / name).write_bytes(content)
        self.train(resume="auto")

    def test_a_folder_that_is_renamed_meanwhile(self):
        run = Run(*training(out=self.run_folder, steps=10**7, epochs=None, checkpoint_every=5), ranks=2)
        self.addCleanup(run.kill)
        # Once the second is begun, the first is whole, and whatever befalls the others ends nothing.
        self.assertTrue(run.wait_until(lambda: len(checkpoints(self.run_folder)) > 1))
        self.run_folder.rename(self.folder / "renamed")
        time.sleep(1)
        os.kill(run.ranks()[0], signal.SIGTERM)
        result = run.finish()
        self.assertEqual(result.status, RUNTIME, result)
        self.assertRegex(result.stderr, "run is not the folder of this run any more; it was renamed")
        self.assertFalse((self.run_folder / "metrics.jsonl").exists())
        self.train("renamed", steps=10**7, epochs=None, resume="auto", expect=STOPPED, max_minutes=1e-6)

    def test_records_that_are_lost_are_missed(self):
        self.train(steps=30, epochs=None, schedule="constant")
        metrics = self.run_folder / "metrics.jsonl"
        size = metrics.stat().st_size
        os.truncate(metrics, 100)
        _, result = self.train(steps=40, epochs=None, schedule="constant", resume="auto")
        self.assertRegex(result.stderr, r"\[warning\] .*metrics.jsonl has 100 bytes, expected [0-9]+")
        self.assertGreater(size, 100)


class DamagedCheckpoints(CheckpointTest):
    def test_the_older_one_is_used_and_the_damage_is_named(self):
        whole, _ = self.train("whole", checkpoint_every=20)
        self.train(checkpoint_every=20)
        weights = self.run_folder / "checkpoints" / "step-00000060" / "weights.safetensors"
        content = bytearray(weights.read_bytes())
        content[-5] ^= 4
        weights.write_bytes(content)
        (self.run_folder / "checkpoints" / "step-00000040" / "state.json").unlink()
        _, result = self.train(checkpoint_every=20, resume="auto")
        for name in ("step-00000060/weights.safetensors is damaged: its SHA-256", "step-00000040/state.json"):
            self.assertIn(name, result.stderr)
        self.assertIn("going on from " + str(self.run_folder / "checkpoints" / "step-00000020"), result.stderr)
        self.expect_equal(self.run_folder, whole)
        self.assertTrue((self.run_folder / "checkpoints" / "damaged-00000060").exists())

    def expect_unusable(self, *patterns):
        """Neither the run goes on from its only checkpoint, nor does `verify` find it whole."""
        before = sorted(self.run_folder.rglob("*"))
        self.fail_with(MODEL, patterns, *training(out=self.run_folder, resume="auto"), ranks=2, seconds=60)
        self.assertEqual(sorted(self.run_folder.rglob("*")), before)
        for pattern in patterns:
            self.assertRegex(self.run_and_expect(MODEL, "checkpoint", "verify", self.run_folder).stdout, pattern)

    def test_a_checkpoint_that_was_renamed(self):
        self.stop_early()
        folder = self.run_folder / "checkpoints"
        (folder / "step-00000001").rename(folder / "step-00000060")
        self.expect_unusable("step-00000060 is named as step 60, but holds step 1;")

    def test_a_checkpoint_of_another_run(self):
        self.stop_early()
        other, _ = self.train("other")
        shutil.copytree(other / "checkpoints/step-00000060", self.run_folder / "checkpoints/step-00000060")
        _, result = self.train(resume="auto", checkpoint_every=30, keep=9)
        names = [status(folder)["run"] for folder in (other, self.run_folder)]
        self.assertRegex(result.stderr, "step-00000060 is of the run {}, but its folder is of the run {};".format(*names))
        self.assertRegex(result.stderr, "going on from .*step-00000001")
        self.assertTrue((self.run_folder / "checkpoints/damaged-00000060").exists())
        self.succeed("checkpoint", "verify", self.run_folder)
        shutil.rmtree(self.run_folder / "checkpoints")
        shutil.copytree(other / "checkpoints", self.run_folder / "checkpoints", symlinks=True)
        self.expect_unusable("step-00000060 is of the run {}, but its folder is of the run {};".format(*names))

    def test_a_manifest_names_just_its_files(self):
        self.stop_early()
        checkpoint = self.run_folder / "checkpoints/step-00000001"
        manifest = (checkpoint / "manifest.json").read_bytes()
        (checkpoint / "more").touch()
        self.expect_unusable("does not name more")
        (checkpoint / "more").unlink()
        (checkpoint / "manifest.json").write_bytes(b'{\n "files": {},\n "format": 1\n}\n')
        self.expect_unusable("names no file")
        (checkpoint / "manifest.json").write_bytes(manifest)
        rewrite(checkpoint, "config.ini", None)
        self.expect_unusable("config.ini")

    def test_where_none_can_be_used(self):
        self.stop_early()
        (self.run_folder / "checkpoints" / "step-00000001" / "manifest.json").unlink()
        for resume in ("auto", self.run_folder):
            self.fail_with(MODEL, ["step-00000001", "manifest.json"], *training(out=self.run_folder, resume=resume),
                           ranks=2)

    def test_ls_verify_and_show(self):
        self.train(checkpoint_every=30, method="sgd", form=None)
        listing = self.succeed("checkpoint", "ls", self.run_folder).stdout
        self.assertRegex(listing, r"step-00000030 .* step 30 of 60, 2.00 epochs(.|\n)*step-00000060")
        self.succeed("checkpoint", "verify", self.run_folder, ranks=2)
        shown = self.succeed("checkpoint", "show", self.run_folder).stdout
        for pattern in ("step-00000060", r"method\.velocity\.0 \(30 × 65\)", "momentum = 0.9"):
            self.assertRegex(shown, pattern)
        newest = self.run_folder / "checkpoints" / "step-00000060"
        os.truncate(newest / "state.json", 10)
        self.assertIn("DAMAGED", self.succeed("checkpoint", "ls", self.run_folder).stdout)
        for words in (("verify", self.run_folder), ("verify", newest), ("show", newest), ("ls", self.folder / "nowhere"),
                      ("ls", self.folder)):
            self.fail_with(MODEL, [], "checkpoint", *words, ranks=1)
        self.assertRegex(self.succeed("checkpoint", "show", self.run_folder).stdout,
                         "skipped(.|\n)*checkpoint .*step-00000030")

    def test_weights_of_a_checkpoint_are_a_model(self):
        self.train()
        self.succeed("evaluate", "--model", self.run_folder / "checkpoints" / "latest" / "weights.safetensors",
                     "--dataset", "synthetic", "--synthetic-samples", "1000", "--synthetic-features", "64",
                     "--synthetic-classes", "10", "--seed", "7")


if __name__ == "__main__":
    main()
