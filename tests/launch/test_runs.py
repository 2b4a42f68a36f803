"""Runs and campaigns with a program that is played: choosing, resuming, divergence, errors, the time limit."""

import time
import unittest
from pathlib import Path

import made_up
from made_up import FolderTest, place_program

from experiment.campaign import Campaign, OtherPlan, claim_folder
from experiment.plan import Plan, Problem
from experiment.records import DIVERGED, FINISHED, UNFINISHED, load_run, load_runs
from experiment.runs import OutOfTime, RunFailed, Runner


class CampaignTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.program, launcher = place_program(self.folder)
        self.out = self.folder / "out"
        self.runner = Runner(self.program, [str(launcher)], 2, self.out, {"CPU": "played"})
        self.lines = []
        self.plan = Plan("played", False, [Problem("small", dict(made_up.PROBLEM), {
            "sibp": [{"eta": "0.5"}, {"eta": "1"}, {"eta": "3"}], "sgd": [{"lr": "0.2"}, {"lr": "0.1"}]})], [1, 2, 3])

    def carry_out(self, plan=None, jobs=1):
        return Campaign(plan or self.plan, self.runner, self.lines.append, jobs).carry_out()

    def states(self):
        return [run.state for run in load_runs(self.out)]

    def test_the_best_of_each_gets_three_seeds_and_divergence_is_a_result(self):
        self.assertTrue(self.carry_out())
        runs = load_runs(self.out)
        seeds = {(run.method, run.options.get("eta") or run.options["lr"]): [] for run in runs}
        for run in runs:
            seeds[run.method, run.options.get("eta") or run.options["lr"]].append(run.seed)
        self.assertEqual({key: len(found) for key, found in seeds.items()},
                         {("sibp", "0.5"): 1, ("sibp", "1"): 3, ("sibp", "3"): 1, ("sgd", "0.2"): 3, ("sgd", "0.1"): 1})
        self.assertEqual(sorted(set(self.states())), [DIVERGED, FINISHED])
        self.assertIn("[9/9]", self.lines[-1])
        self.assertTrue(any("left" in line for line in self.lines))
        self.assertTrue(any("diverged" in line for line in self.lines))
        notes = load_run(self.runner.path("small/sibp/eta_1-seed_2")).notes
        self.assertEqual((notes["ranks"], notes["machine"]["CPU"]), (2, "played"))

    def test_the_best_for_a_goal_gets_all_seeds_too(self):
        problem = Problem("small", dict(made_up.PROBLEM), {
            "sibp": [{"eta": "0.5"}, {"eta": "1"}], "sgd": [{"lr": "0.5", "momentum": "0.9"}, {"lr": "0.1"}]},
            [1.0], 1.0)
        self.assertTrue(self.carry_out(Plan("played", False, [problem], [1, 2])))
        names = {run.folder.name for run in load_runs(self.out) if run.seed == "2"}
        self.assertEqual(names, {"eta_1-seed_2", "lr_0.5-momentum_0.9-seed_2", "lr_0.1-seed_2"})
        self.assertIn("[8/8]", self.lines[-1])

    def test_several_runs_at_once_make_the_same_ones(self):
        self.assertTrue(self.carry_out(jobs=3))
        names = {run.folder.name for run in load_runs(self.out)}
        self.assertEqual(sorted(name for name in names if not name.endswith("seed_1")),
                         ["eta_1-seed_2", "eta_1-seed_3", "lr_0.2-seed_2", "lr_0.2-seed_3"])
        self.assertEqual(len(names), 9)
        self.assertIn("[9/9]", self.lines[-1])

    def test_an_error_ends_the_runs_beside_it(self):
        pids = self.folder / "pids"
        self.program.write_text("import os, pathlib, sys, time\n"
                                "if '--eta' in sys.argv:\n    sys.exit(1)\n"
                                f"open({str(pids)!r}, 'a').write(str(os.getpid()) + ' ')\ntime.sleep(60)\n")
        start = time.monotonic()
        with self.assertRaisesRegex(RunFailed, "exit status 1"):
            self.carry_out(jobs=2)
        self.assertLess(time.monotonic() - start, 40)
        for pid in (pids.read_text().split() if pids.exists() else []):
            self.assertFalse(Path(f"/proc/{pid}").exists())

    def test_a_cut_experiment_goes_on_where_it_was(self):
        self.carry_out()
        kept = self.runner.path("small/sibp/eta_1-seed_1")
        cut = self.runner.path("small/sgd/lr_0.2-seed_3")
        before = {folder: (folder / "metrics.jsonl").stat().st_mtime_ns for folder in (kept, cut)}
        lines = (cut / "metrics.jsonl").read_text().splitlines()
        (cut / "metrics.jsonl").write_text("\n".join(lines[:4]) + '\n{"step": 5')
        (cut / "run.json").unlink()
        self.assertEqual(load_run(cut).state, UNFINISHED)
        self.assertEqual(len(load_run(cut).records), 4)
        self.lines.clear()
        self.assertTrue(self.carry_out())
        self.assertEqual((kept / "metrics.jsonl").stat().st_mtime_ns, before[kept])
        self.assertNotEqual((cut / "metrics.jsonl").stat().st_mtime_ns, before[cut])
        self.assertEqual(load_run(cut).state, FINISHED)
        self.assertEqual(sum("(kept)" in line for line in self.lines), 8)

    def test_an_error_stops_with_its_output_and_is_done_again(self):
        interrupt = self.folder / "interrupt"
        interrupt.touch()
        with self.assertRaisesRegex(RunFailed, "exit status 1"):
            self.carry_out()
        self.assertEqual(self.states(), [UNFINISHED])
        interrupt.unlink()
        self.assertTrue(self.carry_out())
        self.assertNotIn(UNFINISHED, self.states())

    def test_runs_made_with_other_options_are_made_again(self):
        name = "small/sgd/lr_0.1-seed_1"
        words = ["--lr", "0.1", "--seed", "1"]
        self.runner.make(name, words)
        self.assertTrue(self.runner.is_done(name, words))
        self.assertFalse(self.runner.is_done(name, [*words, "--steps", "7"]))
        self.assertFalse(self.runner.is_done("small/absent", words))

    def test_the_time_limit_leaves_runs_for_another_start(self):
        self.plan.time_limit = 0.0
        self.assertFalse(self.carry_out())
        self.assertIn("goes on", self.lines[-1])
        self.plan.time_limit = 600.0
        self.assertTrue(self.carry_out())

    def test_a_run_that_takes_too_long_is_ended_with_its_children(self):
        pid_file = self.folder / "pid"
        self.program.write_text(f"import os, pathlib, time\npathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))\n"
                                "time.sleep(60)\n")
        start = time.monotonic()
        with self.assertRaises(OutOfTime):
            self.runner.make("small/slow", ["--seed", "1"], timeout=2)
        self.assertLess(time.monotonic() - start, 20)
        self.assertFalse(Path(f"/proc/{pid_file.read_text()}").exists())

    def test_a_folder_holds_one_plan(self):
        claim_folder(self.plan, self.out)
        claim_folder(self.plan, self.out)
        other = Plan("other", False, self.plan.problems, [1])
        self.assertRaises(OtherPlan, claim_folder, other, self.out)
        (self.folder / "used").mkdir()
        (self.folder / "used" / "letter").touch()
        self.assertRaises(OtherPlan, claim_folder, self.plan, self.folder / "used")


if __name__ == "__main__":
    unittest.main(verbosity=2)
