"""The logic of launch/benchmark: cases, medians, ratios and their table."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "launch" / "benchmark"))

import cases
import gpu
import measure
import output
from ratios import ratios


def record(seconds, communication=0.0, **more):
    return {"seconds_step": seconds, "seconds_communication": communication, "bytes_reduced": 8, **more}


def row(case, ranks, way, seconds, **more):
    return {"case": case, "network": "784-500-10", "batch": 1, "ranks": ranks, "way": way, "forms": "dual",
            "seconds": seconds, "seconds_predicted": None, "flops_over_peak": 0.5,
            "shares": dict.fromkeys(measure.PHASES, 0.2), "bytes_over_gradient": 1.0, "seconds_exposed": 0.0,
            "seconds_hidden": 0.0, "peak_memory_bytes": 100.0, "memory_predicted": None, "memory_idle": 50.0, **more}


class CasesTest(unittest.TestCase):
    def test_named_cases_are_found_and_others_refused(self):
        self.assertEqual([case.name for case in cases.find(["cifar-500", "tiny"])], ["cifar-500", "tiny"])
        self.assertEqual(cases.find([]), list(cases.CASES))
        with self.assertRaisesRegex(ValueError, "cifar-501.*mnist-100"):
            cases.find(["cifar-501"])

    def test_gradient_is_as_large_as_the_weights(self):
        (case,) = cases.find(["mnist-100"])
        self.assertEqual(case.network, "784-500-10")
        self.assertEqual(case.gradient_bytes, 4 * (785 * 500 + 501 * 10))

    def test_reduced_form_needs_ranks_and_sgd_the_option(self):
        self.assertEqual(cases.ways(1, False), ["auto", "normal", "activations", "dual"])
        self.assertEqual(cases.ways(2, True), ["sgd", "auto", "normal", "activations", "dual", "dual-split"])


class MeasureTest(unittest.TestCase):
    def test_first_record_warms_up(self):
        runs = [[record(9), record(2), record(4)], [record(9), record(6, 3.0, peak_memory_bytes=7)]]
        summary = measure.summarise(runs)
        self.assertEqual(summary["seconds"], 4)
        self.assertEqual((summary["seconds_least"], summary["seconds_most"], summary["records"]), (2, 6, 3))
        self.assertEqual(summary["peak_memory_bytes"], 7)

    def test_a_single_record_counts(self):
        self.assertEqual(measure.summarise([[record(3, 1.5)]])["shares"]["communication"], 0.5)

    def test_steps_fill_the_time_of_a_record(self):
        self.assertEqual(measure.steps_per_record(0.01, 1.0), 100)
        self.assertEqual(measure.steps_per_record(5.0, 1.0), 1)

    def test_flops_of_sgd(self):
        (case,) = cases.find(["mnist-100"])
        per_sample = 4 * (785 * 500 + 501 * 10) + 2 * 500 * 10
        self.assertEqual(measure.gradient_flops(case, 1), 100 * per_sample)
        self.assertEqual(measure.gradient_flops(case, 3), 34 * per_sample)


class RatiosTest(unittest.TestCase):
    def seen(self, rows, text, **more):
        (found,) = [ratio for ratio in ratios(rows, **more) if text in ratio["figure"]]
        return found

    def test_what_was_not_run_is_not_judged(self):
        for ratio in ratios([]):
            self.assertIsNone(ratio["seen"])
            self.assertIsNone(ratio["met"])

    def test_sgd_is_the_yardstick(self):
        rows = [row("mnist-100", 1, "auto", 1.3), row("mnist-100", 1, "sgd", 1.0)]
        ratio = self.seen(rows, "sibp / SGD, 784")
        self.assertAlmostEqual(ratio["seen"], 1.3)
        self.assertTrue(ratio["met"])
        self.assertTrue(self.seen(rows, "PyTorch's, 784", pytorch={"mnist-100": 1.0})["met"])

    def test_scaling(self):
        rows = [row("cifar-500", 1, "auto", 3.0), row("cifar-500", 2, "auto", 2.0), row("cifar-250", 1, "auto", 1.8)]
        strong = self.seen(rows, "2 ranks over 1")
        self.assertAlmostEqual(strong["seen"], 1.5)
        self.assertFalse(strong["met"])
        self.assertAlmostEqual(self.seen(rows, "weak")["seen"], 0.9)

    def test_worst_prediction_and_memory(self):
        rows = [row("mnist-100", 2, "auto", 1.0, seconds_predicted=1.1, memory_predicted=50.0),
                row("cifar-100", 2, "auto", 2.0, seconds_predicted=1.0, memory_predicted=150.0)]
        self.assertAlmostEqual(self.seen(rows, "time of auto, off by at most, 2 ranks")["seen"], 0.5)
        self.assertAlmostEqual(self.seen(rows, "memory")["seen"], 1.0)

    def test_choice_is_held_against_the_best_form(self):
        rows = [row("mnist-100", 1, "auto", 1.2), row("mnist-100", 1, "dual", 1.0), row("mnist-100", 1, "sgd", 0.1)]
        self.assertAlmostEqual(self.seen(rows, "best form")["seen"], 1.2)

    def test_collectives_that_do_nothing(self):
        self.assertTrue(self.seen([], "do nothing", overlap={"ratio": 1.1})["met"])


class GpuRatiosTest(unittest.TestCase):
    def rows(self, cores="16 cores"):
        return [row("cifar-4000", 1, "auto", 0.02, device="cuda fp32", flops_over_peak=0.7),
                row("cifar-4000", 1, "sgd", 0.01, device="cuda fp32"),
                row("cifar-4000", 1, "auto", 0.005, device="cuda tf32", flops_over_peak=0.3),
                row("cifar-4000", 1, "auto", 0.5, device=cores),
                row("mnist-100", 1, "auto", 0.0004, device="cuda fp32")]

    def seen(self, text, rows=None, pytorch=None):
        found = [ratio for ratio in gpu.ratios(self.rows() if rows is None else rows, pytorch or {})
                 if text in ratio["figure"]]
        self.assertEqual(len(found), 1, text)
        return found[0]["seen"], found[0]["met"]

    def test_what_was_not_run_is_not_judged(self):
        for ratio in gpu.ratios([], {}):
            self.assertEqual((ratio["seen"], ratio["met"]), (None, None))

    def test_each_figure_is_of_its_own_rows(self):
        self.assertEqual(self.seen("rate of a product"), (0.7, True))
        self.assertEqual(self.seen("the same, batch 4000, tf32"), (0.3, None))
        self.assertEqual(self.seen("sibp / SGD,"), (2.0, True))
        self.assertEqual(self.seen("ms a step"), (0.4, True))

    def test_as_many_cores_as_the_figure_is_for(self):
        self.assertEqual(self.seen("one GPU over 16 cores"), (25.0, True))
        self.assertEqual(self.seen("one GPU over 4 cores", self.rows("4 cores")), (25.0, None))

    def test_pytorch_by_precision(self):
        pytorch = {("cifar-4000", "fp32"): 0.005, ("cifar-4000", "tf32"): 0.005}
        self.assertEqual(self.seen("sibp / PyTorch's SGD, batch 4000, fp32", pytorch=pytorch), (4.0, False))
        self.assertEqual(self.seen("our SGD / PyTorch's, batch 4000, fp32", pytorch=pytorch), (2.0, False))
        self.assertEqual(self.seen("sibp / PyTorch's SGD, batch 4000, tf32", pytorch=pytorch), (1.0, None))

    def test_cases_of_a_gpu(self):
        self.assertEqual([case.name for case in gpu.find(["cifar-4000", "tiny"])], ["cifar-4000", "tiny"])
        with self.assertRaisesRegex(ValueError, "cifar-2000.*cifar-4000"):
            gpu.find(["cifar-2000"])


class OutputTest(unittest.TestCase):
    def test_markdown_has_every_row_and_what_was_left_out(self):
        rows = [row("mnist-100", 1, "auto", 0.0012)]
        results = {"machine": {"processor": "P", "cores": 2, "physical_cores": 1}, "date": "2000-01-01",
                   "left_out": ["the yardstick"], "rows": rows, "ratios": ratios(rows)}
        text = output.markdown(results)
        for part in ("Left out: the yardstick.", "| 1.20 |", "20 / 20 / 20 / 20 / 20", "not run"):
            self.assertIn(part, text)

    def test_rows_of_a_gpu_name_it_and_what_is_reported_has_no_verdict(self):
        rows = [row("cifar-4000", 1, "auto", 0.02, device="cuda fp32")]
        results = {"machine": {"processor": "P", "cores": 2, "physical_cores": 1, "gpu": "G"}, "date": "2000-01-01",
                   "left_out": [], "rows": rows, "ratios": gpu.ratios(rows, {})}
        text = output.markdown(results)
        for part in ("P, 2 hardware threads on 1 cores, G;", "auto, cuda fp32", "reported | not run |  |"):
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
