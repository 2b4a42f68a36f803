"""Stops on request: signals, time limits and disks that fill up, with the whole program."""

import os
import shutil
import signal
import subprocess
import time

from checkpointed import CheckpointTest
from harness import DONE, RUNTIME, STOPPED, Run, main
from runs import checkpoints, status, training


class Stops(CheckpointTest):
    def start_long_run(self, ranks=2, **changes):
        run = Run(*training(**({"out": self.run_folder, "steps": 10**7, "epochs": None, "checkpoint_every": "1h",
                                "schedule": "constant"} | changes)), ranks=ranks)
        self.addCleanup(run.kill)
        # The state is written once more when training begins, and metrics only later.
        self.assertTrue(run.wait_until(lambda: (self.run_folder / "status.json").exists()))
        return run

    def expect_stopped(self, run):
        result = run.finish()
        self.assertEqual((result.status, result.left_behind, result.errors), (STOPPED, [], []), str(result))
        state = status(self.run_folder)
        self.assertEqual((state["state"], state["exit_status"]), ("stopped", STOPPED))
        self.assertEqual(checkpoints(self.run_folder)[-1], f"step-{state['step']:08}")
        return state["step"]

    def test_a_signal_to_any_rank(self):
        for number, rank in ((signal.SIGTERM, 0), (signal.SIGINT, 1), (signal.SIGUSR1, 2)):
            with self.subTest(number.name):
                run = self.start_long_run(ranks=3)
                os.kill(run.ranks()[rank], number)
                step = self.expect_stopped(run)
                self.run_and_expect(DONE, "--resume", self.run_folder, "--steps", step + 3, "--progress", "none",
                                    ranks=3)
                shutil.rmtree(self.run_folder)

    def test_a_terminal_that_hangs_up(self):
        run = self.start_long_run()
        os.kill(run.ranks()[1], signal.SIGHUP)
        self.expect_stopped(run)

    def test_signals_about_a_write_end_nothing(self):
        run = self.start_long_run()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            os.kill(run.ranks()[0], number)
        time.sleep(0.5)
        self.assertIsNone(run.process.poll(), "the run has not gone on")
        os.kill(run.ranks()[0], signal.SIGTERM)
        self.expect_stopped(run)

    def test_mpirun_passes_sigusr1_on(self):
        run = self.start_long_run()
        run.process.send_signal(signal.SIGUSR1)
        self.expect_stopped(run)

    def test_a_signal_in_a_long_evaluation(self):
        # The test set of 20 samples a step is evaluated after every step; the evaluation of all is broken off.
        run = self.start_long_run(synthetic_samples=60000, evaluate_every=1, log_every=1)
        os.kill(run.ranks()[1], signal.SIGTERM)
        self.expect_stopped(run)

    def test_a_second_interrupt_ends_at_once(self):
        run = self.start_long_run(ranks=2)
        # While the other rank stands still, the first request cannot be agreed on.
        ranks = run.ranks()
        os.kill(ranks[1], signal.SIGSTOP)
        os.kill(ranks[0], signal.SIGINT)
        time.sleep(0.2)
        self.assertIsNone(run.process.poll())
        os.kill(ranks[0], signal.SIGINT)
        result = run.finish(timeout=10, patience=10)
        self.assertFalse(result.timed_out, result)
        self.assertNotIn(result.status, (DONE, STOPPED))

    def test_a_time_between_checkpoints(self):
        run = self.start_long_run(checkpoint_every="0.3s", keep=2)
        self.assertTrue(run.wait_until(lambda: len(checkpoints(self.run_folder)) == 2 and
                                       "step" in status(self.run_folder)["checkpoint"]))
        first = checkpoints(self.run_folder)
        self.assertTrue(run.wait_until(lambda: not set(first) & set(checkpoints(self.run_folder))))
        os.kill(run.ranks()[0], signal.SIGTERM)
        self.expect_stopped(run)

    def test_minutes(self):
        since = time.monotonic()
        _, result = self.train(expect=STOPPED, steps=10**7, epochs=None, max_minutes=0.05)
        self.assertGreater(time.monotonic() - since, 3)
        self.assertRegex(result.stderr, "stopped .* after step [0-9]+ with a checkpoint; go on with --resume")

    def test_a_disk_that_fills_up(self):
        """Training goes on while there is an older checkpoint, and does not end well without a last one."""
        self.run_folder.mkdir()
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(self.run_folder)],
                                               check=False, capture_output=True).returncode != 0:
            self.skipTest("no small file system to fill")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.run_folder)], check=False)
        run = self.start_long_run(checkpoint_every="0.2s", keep=1, log_every=10**6, evaluate_every=10**6)
        self.assertTrue(run.wait_until(lambda: checkpoints(self.run_folder)))
        filler = self.run_folder / "filler"
        file = os.open(filler, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(file, bytes(512))
        except OSError:
            os.close(file)
        time.sleep(1)
        self.assertIsNone(run.process.poll(), "the run has not gone on")
        os.kill(run.ranks()[0], signal.SIGTERM)
        result = run.finish()
        self.assertEqual(result.status, RUNTIME, str(result))
        self.assertRegex(result.stderr, "no checkpoint: .*No space left on device.* goes on")
        self.assertRegex(result.errors[-1], "No space left")
        filler.unlink()
        self.succeed("checkpoint", "verify", self.run_folder)
        self.run_and_expect(STOPPED, "--resume", self.run_folder, "--max-minutes", "1e-6", "--progress", "none", ranks=2)


if __name__ == "__main__":
    main()
