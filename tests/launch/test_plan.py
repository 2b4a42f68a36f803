"""The plans: what is run, and that every method is tuned as much as any other."""

import unittest

from made_up import FolderTest

from experiment.methods import BASELINES, GRIDS, METHODS, points, quick_grids
from experiment.plan import EXPERIMENTS, Plan, count_runs, make_plan, search_runs


# Methods that an experiment does without unless they are asked for.
OF_CONV_NETS = {"adamw", "muon", "kfac"}
LEFT_OUT = {name: OF_CONV_NETS for name in EXPERIMENTS} | {
    "deep": OF_CONV_NETS | {"published"}, "cifar10-conv": {"published", "adam"}}


def step_sizes(grid):
    return {next(iter(point.values())) for point in grid}


class PlanTest(FolderTest):
    def test_baselines_get_as_many_points_as_sibp_and_every_method_four_step_sizes(self):
        for name in EXPERIMENTS:
            for quick in (False, True):
                for problem in make_plan(name, quick).problems:
                    self.assertEqual(set(METHODS) - set(problem.grids), LEFT_OUT[name])
                    for method, grid in problem.grids.items():
                        if method in BASELINES:
                            self.assertGreaterEqual(len(grid), len(problem.grids["sibp"]), (name, method))
                        self.assertGreaterEqual(len(step_sizes(grid)), 4, (name, method))
                        self.assertEqual(len({tuple(point.items()) for point in grid}), len(grid))

    def test_goals_are_among_the_targets_and_measured_on_a_sample(self):
        for name in EXPERIMENTS:
            for problem in make_plan(name).problems:
                self.assertIn(problem.goal, [None, *problem.targets])
                self.assertIn("training-sample", problem.options)
            self.assertEqual({problem.goal for problem in make_plan(name, quick=True).problems}, {None})
        self.assertEqual([make_plan(name).problems[0].goal for name in ("mnist", "cifar10-mlp")], [0.02, 0.5])

    def test_a_method_may_be_asked_for_where_it_is_left_out_by_default(self):
        problem = make_plan("deep", only=["published", "muon"]).problems[0]
        self.assertEqual(list(problem.grids), ["published", "muon"])

    def test_protocols(self):
        mnist = make_plan("mnist").problems[0].options
        self.assertEqual([mnist[key] for key in ("dataset", "hidden", "batch", "validation")],
                         ["mnist", "500", "100", "5000"])
        cifar = make_plan("cifar10-mlp").problems[0].options
        self.assertEqual([cifar[key] for key in ("dataset", "hidden", "batch", "validation", "normalize")],
                         ["cifar10", "512,512", "500", "5000", "mean"])
        large = make_plan("large-batch").problems[0].options
        self.assertEqual([large["batch"], large["steps"]], ["6000", "10"])
        conv = make_plan("cifar10-conv").problems[0]
        self.assertEqual([conv.options[key] for key in ("preset", "validation")], ["cifar10-small", "5000"])
        self.assertEqual({len(grid) for grid in conv.grids.values()}, {8})  # equal budgets
        self.assertEqual([problem.options["hidden"] for problem in make_plan("deep").problems],
                         [",".join(["300"] * 6), ",".join(["300"] * 12)])
        self.assertRaises(ValueError, make_plan, "minst")

    def test_options_of_the_user_stand_instead_of_the_experiments(self):
        options = make_plan("cifar10-mlp", shared={"steps": "40", "batch": "100"}).problems[0].options
        self.assertEqual([options.get(name) for name in ("steps", "epochs", "batch")], ["40", None, "100"])

    def test_a_coarse_plan_has_the_step_sizes_of_the_full_one_and_its_length(self):
        coarse, full = (make_plan("cifar10-conv", coarse=coarse) for coarse in (True, False))
        self.assertEqual(coarse.problems[0].options, full.problems[0].options)
        for method, grid in coarse.problems[0].grids.items():
            self.assertEqual(len(grid), 4, method)
            self.assertEqual(step_sizes(grid), step_sizes(full.problems[0].grids[method]))
        self.assertIsNone(coarse.time_limit)

    def test_a_plan_is_read_as_it_was_written(self):
        plan = make_plan("deep", quick=True, only=["sgd", "sibp"], data_dir="/data")
        plan.write(self.folder / "new")
        self.assertEqual(Plan.read(self.folder / "new"), plan)
        self.assertEqual(plan.problems[0].options["data-dir"], "/data")
        self.assertEqual(list(plan.problems[0].grids), ["sgd", "sibp"])

    def test_runs_have_names_of_their_own_and_are_counted(self):
        plan = make_plan("deep")
        runs = search_runs(plan)
        self.assertEqual(len({run.name for run in runs}), len(runs))
        self.assertEqual(count_runs(plan), len(runs) + 2 * (len(METHODS) - len(LEFT_OUT["deep"])) * 2)
        plan = make_plan("mnist")  # each method is chosen twice
        self.assertEqual(count_runs(plan), len(search_runs(plan)) + 2 * (len(METHODS) - len(LEFT_OUT["mnist"])) * 2)

    def test_arguments(self):
        run = search_runs(make_plan("mnist", only=["sgd"]))[0]
        words = run.arguments({"batch": "100"})
        self.assertEqual(words, ["--batch", "100", "--method", "sgd", "--lr", "0.05", "--momentum", "0.9", "--seed", "1"])

    def test_the_methods_take_turns_in_the_search(self):
        runs = search_runs(make_plan("mnist"))
        by_turns = [method for method in METHODS if method not in LEFT_OUT["mnist"]]
        self.assertEqual([run.method for run in runs[:len(by_turns)]], by_turns)

    def test_quick_grids_span_the_full_ones(self):
        (grid,), full = quick_grids(GRIDS["adam"]), GRIDS["adam"][0]
        self.assertEqual(len(points([grid])), 4)
        self.assertEqual((grid["lr"][0], grid["lr"][-1]), (full["lr"][0], full["lr"][-1]))
        for method, grids in GRIDS.items():
            self.assertEqual(len(points(quick_grids(grids))), 4, method)


if __name__ == "__main__":
    unittest.main(verbosity=2)
