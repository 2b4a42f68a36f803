"""Statistics, bands, the choice of the best, and the sentences on who leads."""

import math
import unittest

from made_up import PROBLEM, FolderTest, records, write_comparison, write_run

from experiment import findings, series
from experiment.choice import best, compare, configurations, edge_of_grid, varying, widths_text
from experiment.records import DIVERGED, FINISHED, UNFINISHED, Run, load_run, load_runs


def run(method="sibp", seed=1, state=FINISHED, validation=0.9, test=0.9, loss=0.1, lines=None, **parameters):
    options = {**PROBLEM, "method": method, "seed": str(seed), **{name: str(value) for name, value in parameters.items()}}
    last = {"step": 10, "seconds_total": 1.0, "train_loss": loss, "test_accuracy": test, "final": True}
    if validation is not None:
        last |= {"validation_accuracy": validation, "validation_loss": 1 - validation}
    return Run(None, options, lines or [last], state)


class StatisticsTest(unittest.TestCase):
    def test_mean_and_deviation(self):
        self.assertEqual(series.mean([1, 2, 6]), 3)
        self.assertAlmostEqual(series.deviation([1, 2, 6]), math.sqrt(7))
        self.assertIsNone(series.deviation([4]))

    def test_interpolation(self):
        curve = [(0, 0.0), (10, 5.0), (20, 5.0)]
        self.assertEqual([series.interpolate(curve, x) for x in (-1, 0, 4, 10, 15, 99)], [0, 0, 2, 5, 5, 5])

    def test_a_band_covers_the_shared_range_with_its_extremes(self):
        found = series.band([[(0, 0.0), (10, 10.0)], [(2, 4.0), (6, 8.0), (12, 14.0)]])
        self.assertEqual(found.x, [2, 6, 10])
        self.assertEqual((found.low, found.high), ([2, 6, 10], [4, 8, 12]))
        self.assertEqual(found.mean, [3, 7, 11])

    def test_bands_of_one_curve_of_none_and_of_strangers(self):
        found = series.band([[(1, 3.0)], []])
        self.assertEqual((found.x, found.low, found.high), ([1], [3.0], [3.0]))
        self.assertIsNone(series.band([]))
        self.assertIsNone(series.band([[(0, 1.0), (1, 1.0)], [(2, 1.0), (3, 1.0)]]))

    def test_points_leave_out_what_was_not_measured_or_is_not_finite(self):
        lines = [{"step": 1, "train_loss": 2.0}, {"step": 2}, {"step": 3, "train_loss": None},
                 {"step": 3, "train_loss": 1.0}, {"step": 3, "train_loss": 0.5}]
        self.assertEqual(series.points(run(lines=lines), "step", "train_loss"), [(1, 2.0), (3, 1.0)])

    def test_reaching_a_loss(self):
        finished = run(lines=records(0.1))
        when = series.reach(finished, 0.9)
        self.assertEqual((when.steps, when.seconds), (10, 1.0))
        self.assertIsNone(series.reach(finished, 1e-9))
        finished.state = DIVERGED
        self.assertIsNone(series.reach(finished, 0.9))


class ChoiceTest(unittest.TestCase):
    def chosen(self, *runs):
        return best(configurations(runs)).parameters

    def test_validation_decides_and_never_the_test(self):
        self.assertEqual(self.chosen(run(eta=1, validation=0.90, test=0.99, loss=0.01),
                                     run(eta=2, validation=0.91, test=0.50, loss=0.5)), {"eta": "2"})

    def test_without_validation_the_training_loss_decides(self):
        self.assertEqual(self.chosen(run(eta=1, validation=None, loss=0.2, test=0.9),
                                     run(eta=2, validation=None, loss=0.1, test=0.1)), {"eta": "2"})

    def test_a_diverged_run_is_not_chosen_unless_nothing_else_is_there(self):
        diverged = run(eta=2, state=DIVERGED, validation=0.99)
        self.assertEqual(self.chosen(diverged, run(eta=1, validation=0.2)), {"eta": "1"})
        self.assertEqual(self.chosen(diverged), {"eta": "2"})

    def test_an_unfinished_run_is_not_chosen(self):
        self.assertEqual(self.chosen(run(eta=2, state=UNFINISHED), run(eta=1, state=DIVERGED)), {"eta": "1"})

    def test_what_has_more_seeds_was_chosen_by_the_search(self):
        self.assertEqual(self.chosen(run(eta=1, validation=0.8), run(eta=1, seed=2, validation=0.8),
                                     run(eta=2, validation=0.81)), {"eta": "1"})

    def test_a_goal_is_reached_in_the_fewest_steps_or_else_came_nearest(self):
        fast, slow = run(eta=1, lines=records(0.2), validation=0.1), run(eta=2, lines=records(0.1), validation=0.9)
        for goal, parameters in ((0.5, {"eta": "1"}), (1e-30, {"eta": "1"})):
            self.assertEqual(best(configurations([slow, fast]), goal).parameters, parameters)
        failing = run(eta=1, state=DIVERGED, lines=records(0.2))
        self.assertEqual(best(configurations([failing, slow]), 0.5).parameters, {"eta": "2"})

    def test_a_problem_with_a_goal_is_compared_twice(self):
        comparisons = compare([run(eta=1, loss=0.1), run(eta=2, loss=0.3, validation=0.95)],
                              lambda options: 0.2 if options["hidden"] == "500" else None)
        self.assertEqual([(c.goal, c.chosen[0].parameters["eta"]) for c in comparisons], [(None, "2"), (0.2, "1")])
        self.assertIn("tuned for training loss 0.2", comparisons[1].title)
        self.assertEqual(comparisons[1].by_source()[0].goal, 0.2)

    def test_problems_are_told_apart_and_seeds_and_places_are_not(self):
        other = run(eta=1)
        other.options["batch"] = "500"
        elsewhere = run(eta=1, seed=2)
        elsewhere.options["data-dir"] = "/elsewhere"
        comparisons = compare([run(eta=1), elsewhere, other])
        self.assertEqual([len(c.configurations) for c in comparisons], [1, 1])
        self.assertEqual([len(c.chosen[0].runs) for c in comparisons], [2, 1])

    def test_varying_parameters_and_edges_of_the_grid(self):
        groups = configurations([run(eta=eta, damping="relative:1") for eta in (0.5, 1, 2)])
        self.assertEqual(varying(groups), ["eta"])
        self.assertEqual([edge_of_grid(group, groups) for group in groups], ["eta", None, "eta"])
        self.assertIsNone(edge_of_grid(groups[0], groups[:2]))
        groups += configurations([run(eta=eta, damping="relative:3") for eta in (4, 8, 16)])
        self.assertEqual(edge_of_grid(groups[2], groups), "eta")
        groups = configurations([run(step=f"relative:{kappa}") for kappa in (0.02, 0.05, 0.1)])
        self.assertEqual([edge_of_grid(group, groups) for group in groups], ["step", None, "step"])

    def test_widths_for_people(self):
        self.assertEqual([widths_text(widths) for widths in ("", "500", "300,300,300", "4000,1000,4000", "9,9,5")],
                         ["none", "500", "3 × 300", "4000, 1000, 4000", "2 × 9, 5"])


class FindingsTest(unittest.TestCase):
    def verdict(self, *runs, targets=()):
        comparison = compare(runs)[0]
        leads = findings.leads(comparison, targets)
        return findings.verdict(leads, comparison), [finding.text for finding in leads]

    def test_a_baseline_that_wins_is_said_to_win(self):
        verdict, texts = self.verdict(*[run(seed=s, eta=1, test=0.90 + s / 1000) for s in (1, 2, 3)],
                                      *[run("adam", seed=s, lr=1, test=0.95 + s / 1000) for s in (1, 2, 3)])
        self.assertIn("adam in 1", verdict)
        self.assertIn("sibp leads clearly in none", verdict)
        self.assertTrue(any(t.startswith("Final test accuracy: adam leads") and "apart" in t for t in texts), texts)

    def test_overlapping_ranges_are_no_clear_lead(self):
        _, texts = self.verdict(*[run(seed=s, eta=1, test=0.90 + s / 1000) for s in (1, 2, 3)],
                                *[run("sgd", seed=s, lr=1, test=0.9005 + s / 1000) for s in (1, 2, 3)])
        self.assertTrue(any("test accuracy: sgd leads" in t and "overlap" in t for t in texts), texts)

    def test_one_seed_says_little_and_one_method_nothing(self):
        verdict, texts = self.verdict(run(eta=1, loss=0.1), run("sgd", lr=1, loss=0.2))
        self.assertIn("No method leads clearly", verdict)
        self.assertTrue(any("one seed alone" in t for t in texts))
        self.assertIn("One method alone", self.verdict(run(eta=1))[0])

    def test_steps_to_a_loss_and_who_never_reaches_it(self):
        runs = [run(m, seed=s, lr=1, lines=records(rate, s))
                for m, rate in (("sibp", 0.1), ("adam", 0.06), ("sgd", 0.05)) for s in (1, 2)]
        _, texts = self.verdict(*runs, targets=[0.1, 0.009, 0.0002])
        self.assertTrue(any("Steps to training loss 0.1: sibp leads with 40 steps, before adam with 60 steps (0.67 of it)" in t for t in texts), texts)
        self.assertTrue(any("only sibp reaches it" in t for t in texts), texts)
        self.assertTrue(any("not reached in all runs of: sgd" in t for t in texts), texts)

    def test_parameters_that_validation_did_not_choose_but_were_sooner(self):
        runs = [run("sgd", lr=1, lines=records(0.05)), run("sgd", lr=1, seed=2, lines=records(0.05)),
                run("sgd", lr=2, lines=records(0.2))]
        texts = [finding.text for finding in findings.sooner_elsewhere(compare(runs)[0], 0.5)]
        self.assertEqual(len(texts), 1)
        self.assertIn("lr 2", texts[0])


class RecordsTest(FolderTest):
    def test_states_of_made_up_runs(self):
        runs = load_runs(write_comparison(self.folder / "runs"))
        count = {state: sum(run.state == state for run in runs) for state in (FINISHED, DIVERGED, UNFINISHED)}
        self.assertEqual(count, {FINISHED: 23, DIVERGED: 1, UNFINISHED: 1})
        cautions = [finding.text for finding in findings.cautions(compare(runs)[0])]
        self.assertTrue(any("sgd: 1 of 5 runs diverged." in text for text in cautions), cautions)
        self.assertTrue(any("adam: 1 of 5 runs are not finished" in text for text in cautions), cautions)

    def test_a_final_loss_that_is_not_finite_is_a_divergence(self):
        lines = records(0.1)
        lines[-1]["train_loss"] = None
        self.assertEqual(load_run(write_run(self.folder / "r", PROBLEM, lines)).state, DIVERGED)

    def test_the_measured_training_loss_counts_before_that_of_the_batches(self):
        lines = [{**line, "training_sample_loss": 5.0, "training_sample_accuracy": 0.5} for line in records(0.1)]
        run_of_it = load_run(write_run(self.folder / "r", PROBLEM, lines))
        self.assertEqual((run_of_it.records[0]["train_loss"], run_of_it.records[0]["train_accuracy"]), (5.0, 0.5))
        self.assertEqual(run_of_it.records[-1]["train_loss"], lines[-1]["train_loss"])  # over the whole set

    def test_damaged_files(self):
        folder = write_run(self.folder / "r", PROBLEM, [])
        (folder / "metrics.jsonl").write_text('{"step": 1, "train_loss": 2}\n[1]\n')
        (folder / "run.json").write_text("{")
        self.assertEqual((load_run(folder).state, len(load_run(folder).records)), (UNFINISHED, 1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
