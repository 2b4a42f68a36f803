"""Ranks that stand still, sleep, leave or end too early: every rank ends in time, with a message that says where."""

import os
import signal

from harness import STALLED, ProgramTest, Run, main
from runs import status, training

FAULT_PROGRAM = os.environ.get("FAULT_PROGRAM", "")
LIMIT = 4  # seconds; short, as the tests wait for it


class FaultTest(ProgramTest):
    def expect_stall(self, run, pattern):
        result = run.finish(timeout=LIMIT + 60, patience=10)
        self.assertFalse(result.timed_out, str(result))
        self.assertEqual((result.status, result.left_behind), (STALLED, []), str(result))
        self.assertRegex(result.stderr, pattern, str(result))
        return result

    def misbehave(self, fault, pattern, ranks=3):
        return self.expect_stall(Run(fault, LIMIT, ranks=ranks, program=FAULT_PROGRAM), pattern)

    def test_a_rank_that_sleeps(self):
        result = self.misbehave("sleep", r"error: \[rank \d of 3 on [^\]]+\] no progress for .* in step 5")
        # The one that sleeps is where it went to sleep, and says so itself before it ends.
        self.assertRegex(result.stderr, r"warning: \[rank 1 of 3 on [^\]]+\] no progress for .* in step 4")

    def test_a_rank_that_skips_collectives(self):
        self.misbehave("leave", r"error: \[rank \d of 3 on [^\]]+\] no progress for .* in step [45]")

    def test_a_rank_that_exits_early(self):
        self.misbehave("exit", r"rank 1 .*ended.* in step 4")

    def test_a_rank_that_stands_still(self):
        folder = self.folder / "run"
        run = Run(*training(out=folder, steps=10**7, epochs=None, stall_timeout=LIMIT, checkpoint_every=1), ranks=3)
        self.addCleanup(run.kill)
        self.assertTrue(run.wait_until(lambda: (folder / "checkpoints" / "latest").exists()))
        os.kill(run.ranks()[2], signal.SIGSTOP)
        result = self.expect_stall(run, r"error: \[rank [01] of 3 on [^\]]+\] no progress for .* in (step|checkpoint)")
        self.assertRegex(result.stderr, "warning: .rank [01] of 3")
        self.assertIn(status(folder)["state"], ("failed", "running"))  # whichever rank was first to end

    def test_a_rank_alone_writes_down_that_it_stalled(self):
        folder = self.folder / "run"
        run = Run(*training(out=folder, steps=10**7, epochs=None, stall_timeout=LIMIT, checkpoint_every=1), ranks=2)
        self.addCleanup(run.kill)
        self.assertTrue(run.wait_until(lambda: (folder / "checkpoints" / "latest").exists()))
        os.kill(run.ranks()[1], signal.SIGSTOP)
        self.expect_stall(run, "error: .rank 0 of 2")
        self.assertEqual((status(folder)["state"], status(folder)["exit_status"]), ("failed", STALLED))
        self.assertRegex(status(folder)["message"], "no progress")

    def test_a_rank_that_stood_still_for_a_while_is_no_stall(self):
        folder = self.folder / "run"
        run = Run(*training(out=folder, steps=10**7, epochs=None, stall_timeout=LIMIT), ranks=1)
        self.addCleanup(run.kill)
        self.assertTrue(run.wait_until(lambda: (folder / "status.json").exists()))
        (rank,) = run.ranks().values()
        os.kill(rank, signal.SIGSTOP)
        self.assertFalse(run.wait_until(lambda: False, LIMIT + 2))
        os.kill(rank, signal.SIGCONT)
        self.assertFalse(run.wait_until(lambda: False, 1))
        self.assertIsNone(run.process.poll())


if __name__ == "__main__":
    main()
