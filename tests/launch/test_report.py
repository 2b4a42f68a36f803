"""The report's text and files from made-up runs."""

import re
import unittest
from html.parser import HTMLParser

from made_up import PROBLEM, FolderTest, records, write_comparison, write_run

from experiment.choice import compare
from experiment.plan import Plan, Problem

try:
    from experiment.report import NothingToReport, gather, source_names, targets_of, write_report
    MISSING = ""
except ImportError as error:
    MISSING = f"{error}; launch/install.sh report installs it"

VOID = {"meta", "link", "br", "line", "path", "use", "rect", "img"}


class Checker(HTMLParser):
    """Notes elements that are not closed in their order, and addresses outside the page."""

    def __init__(self):
        super().__init__()
        self.open, self.faults, self.outside = [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.outside += [f"{name}={value}" for name, value in attrs
                         if name in ("src", "href", "xlink:href", "srcset") and value and value[0] != "#"
                         and not value.startswith("data:,")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


@unittest.skipIf(MISSING, MISSING)
class ReportTest(FolderTest):
    def report(self, *folders):
        path = write_report([self.folder / folder for folder in folders], self.folder / "out", "launch/report.sh <here>")
        return path.read_text(encoding="utf-8")

    def test_runs_that_are_no_text_or_malformed_stop_no_report(self):
        runs = self.folder / "runs"
        write_comparison(runs)
        for number, (name, content) in enumerate((
                ("config.ini", b"dataset = \xff\xfe\nmethod = sibp\n"), ("metrics.jsonl", b"\xff\n"),
                ("metrics.jsonl", b'{"step": "one", "train_loss": [1], "final": true}\n'), ("metrics.jsonl", b"[" * 100000),
                ("metrics.jsonl", b'{"step": ' + b"9" * 5000 + b"}\n"), ("run.json", b"\xff"), ("run.json", b"[1]"),
                ("run.json", b'{"status": [], "ranks": {}, "machine": 3, "command": 5}'))):
            options = {**PROBLEM, "method": "sibp", "eta": "0.1", "seed": str(number)}
            (write_run(runs / f"odd-{number}", options, records(0.05)) / name).write_bytes(content)
        self.assertIn("<figure", self.report("runs"))

    def test_all_is_there(self):
        write_comparison(self.folder / "runs")
        page = self.report("runs")
        checker = Checker()
        checker.feed(page)
        self.assertEqual((checker.faults, checker.open, checker.outside), ([], [], []))
        self.assertEqual(page.count("<figure"), 9)
        self.assertNotIn("url(http", page)
        self.assertNotIn("<script", page)
        for text in ("25 runs: 1 diverged, 23 finished, 1 unfinished", "Clear leads, of the measures below: sibp in",
                     "sgd: 1 of 5 runs diverged.", "&lt;angles&gt; &amp;", "OpenBLAS", "launch/report.sh &lt;here&gt;",
                     "mpirun -np 2 sibp_dist --lr 0.3", "eta 0.3", "loss 0.05", "not reached"):
            self.assertTrue(text in page, text)
        for method in ("sibp", "published", "proxprop", "sgd", "adam"):
            self.assertRegex(page, f'<th scope="row">{method}</th><td>(eta|lr) 0.3</td><td>3</td>')
        (png,) = (self.folder / "out").glob("*.png")
        self.assertEqual(png.read_bytes()[:4], b"\x89PNG")
        self.assertIn(png.name, page)
        (loss,) = (self.folder / "out").glob("loss-*.svg")
        self.assertEqual(loss.name, png.name.replace("plots-", "loss-").replace(".png", ".svg"))
        picture = loss.read_text(encoding="utf-8")
        for text in (">training loss<", ">steps<", ">sibp<", ">published<", ">proxprop<", ">sgd<", ">adam<"):
            self.assertIn(text, picture)

    def test_plots_use_the_colours_of_the_page_only(self):
        write_comparison(self.folder / "runs")
        figures = "".join(re.findall(r"<figure.*?</figure>", self.report("runs"), flags=re.DOTALL))
        self.assertIn("var(--series-4)", figures)
        self.assertNotRegex(figures, r"(?:fill|stroke|color)\s*[:=]\s*\"?#")

    def test_means_and_deviations(self):
        for seed, accuracy in ((1, 0.5), (2, 0.6), (3, 0.7)):
            lines = records(0.05, seed)
            lines[-1]["test_accuracy"] = accuracy
            write_run(self.folder / "runs" / str(seed), {**PROBLEM, "seed": seed, "eta": 1}, lines)
        self.assertIn("<td>60.00 ± 10.00 %</td>", self.report("runs"))

    def test_nothing_finished_makes_a_report_all_the_same(self):
        write_run(self.folder / "runs" / "cut", {**PROBLEM, "seed": 1, "eta": 1}, records(0.05)[:3])
        write_run(self.folder / "runs" / "empty", {**PROBLEM, "seed": 2, "eta": 1}, [])
        write_run(self.folder / "runs" / "gone", {**PROBLEM, "method": "sgd", "seed": 1, "lr": 9}, [], {"status": 5})
        page = self.report("runs")
        self.assertIn("3 runs: 1 diverged, 2 unfinished", page)
        self.assertNotIn("<figure", page)

    def test_runs_without_validation_and_without_notes(self):
        lines = [{key: value for key, value in line.items() if "validation" not in key} for line in records(0.05)]
        write_run(self.folder / "runs" / "a", {**PROBLEM, "seed": 1, "eta": 1}, lines)
        page = self.report("runs")
        self.assertIn("nothing was held out", page)
        self.assertIn("not recorded", page)
        self.assertEqual(page.count("<figure"), 6)

    def test_two_experiments_stand_beside_each_other(self):
        for name, faster in (("anna", 1), ("ben", 2)):
            write_comparison(self.folder / name / "exp" / "runs", methods=("sibp", "sgd"), faster=faster)
            Plan("played", False, [Problem("p", dict(PROBLEM), {}, [0.5])], [1]).write(self.folder / name / "exp")
        page = self.report("anna", "ben")
        for text in ("sibp (anna/exp)", "sibp (ben/exp)", "loss 0.5", "(circles)"):
            self.assertIn(text, page)
        self.assertIn("ben/exp: Clear leads, of the measures below: sibp in", page)
        self.assertNotIn("before sibp", page)
        self.assertNotIn("--quick", page)

    def test_a_goal_has_a_part_of_its_own(self):
        for lr, validation in ((1, 0.5), (0.1, 0.9)):
            lines = [{**line, "validation_accuracy": validation} for line in records(lr / 10)]
            write_run(self.folder / "exp" / f"run-{lr}", {**PROBLEM, "method": "sgd", "seed": 1, "lr": lr}, lines)
        plain = self.report("exp")
        self.assertEqual(plain.count("<section>"), 2)  # the comparison, and the machine
        Plan("played", False, [Problem("p", dict(PROBLEM), {}, [0.5], 0.5)], [1]).write(self.folder / "exp")
        page = self.report("exp")
        self.assertEqual(page.count("<section>"), 3)
        self.assertIn("100 steps: tuned for training loss 0.5</h2>", page)
        first, second = page.split("tuned for training loss 0.5</h2>")
        self.assertIn("<td>lr 0.1</td><td>1</td>", first)
        self.assertIn("<td>lr 1</td><td>1</td>", second)
        self.assertEqual(len(list((self.folder / "out").glob("*.png"))), 2)

    def test_a_run_given_twice_counts_once_and_runs_by_hand_are_taken_together(self):
        for seed in (1, 2):
            write_run(self.folder / f"hand-{seed}", {**PROBLEM, "seed": seed, "eta": 1}, records(0.05, seed))
        runs = gather([self.folder / "hand-1", self.folder / "hand-2", self.folder])
        self.assertEqual(len(runs), 2)
        self.assertEqual(len(compare(runs)[0].chosen), 1)

    def test_an_empty_folder_is_an_error(self):
        self.assertRaises(NothingToReport, gather, [self.folder])

    def test_names_of_sources_and_targets(self):
        a, b = self.folder / "a" / "x", self.folder / "b" / "x"
        self.assertEqual(source_names([a, b]), ["a/x", "b/x"])
        self.assertEqual(source_names([a, self.folder / "y"]), ["x", "y"])
        write_run(self.folder / "r", {**PROBLEM, "seed": 1, "eta": 1}, records(0.05))
        comparison = compare(gather([self.folder]))[0]
        self.assertEqual(targets_of(comparison, [0.5, 0.00001]), [0.5])
        self.assertEqual(targets_of(comparison, [0.00001]), [0.1, 0.05, 0.02])


if __name__ == "__main__":
    unittest.main(verbosity=2)
