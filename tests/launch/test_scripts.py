"""launch/experiment.sh and launch/report.sh as a user starts them, with a program that is played."""

import json
import os
import subprocess
import unittest
from pathlib import Path

from made_up import PROBLEM, FolderTest, place_program, records, write_run

try:
    from experiment.arguments import parse
    MISSING = ""
except ImportError as error:
    MISSING = f"{error}; launch/install.sh report installs it"

SCRIPTS = Path(__file__).resolve().parents[2] / "launch"


@unittest.skipIf(MISSING, MISSING)
class ScriptsTest(FolderTest):
    def call(self, script, *words, environment=None):
        return subprocess.run([str(SCRIPTS / script), *map(str, words)], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False,
                              timeout=120, env={**os.environ, **(environment or {})})

    def experiment(self, *words, **keywords):
        program, launcher = place_program(self.folder)
        return self.call("experiment.sh", "fashion-mnist", "--quick", "--methods", "sibp,sgd", "--program", program,
                         "--launcher", launcher, *words, **keywords)

    def test_an_experiment_its_resumption_and_the_report_of_two(self):
        first = self.experiment("--out", "here/exp", "--ranks", "3", environment={"SIBP_ETA": "5"})
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertIn("[12/12]", first.stdout)
        self.assertIn("each 3 ×", first.stdout)
        self.assertIn("SIBP_ETA", first.stderr)
        for name in ("plan.json", "report.html"):
            self.assertTrue((self.folder / "here/exp" / name).is_file(), name)
        again = self.experiment("--out", "here/exp", "--ranks", "3")
        self.assertEqual(again.stdout.count("(kept)"), 12, again.stdout)
        self.assertEqual(self.experiment("--out", "there/exp").returncode, 0)
        both = self.call("report.sh", "here", "there", "--out", "both")
        self.assertEqual(both.returncode, 0, both.stderr)
        page = (self.folder / "both/report.html").read_text(encoding="utf-8")
        self.assertIn("sgd (there/exp)", page)
        self.assertIn("launch/report.sh here there --out both", page)

    def test_several_runs_at_once_and_options_for_all_of_them(self):
        result = self.experiment("--out", "exp", "--jobs", "3", "--", "--epochs", "2", "--batch", "50")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("12 runs, 3 at once, ranks × threads of each 1 ×", result.stdout)
        self.assertIn("[12/12]", result.stdout)
        options = json.loads((self.folder / "exp/plan.json").read_text())["problems"][0]["options"]
        self.assertEqual([options.get(name) for name in ("epochs", "batch", "steps")], ["2", "50", None])

    def test_a_folder_of_another_experiment_is_refused(self):
        self.assertEqual(self.experiment("--out", "exp").returncode, 0)
        for change in (["--data-dir", "/data"], ["--ranks", "7"]):
            other = self.experiment("--out", "exp", *change)
            self.assertEqual(other.returncode, 1)
            self.assertIn("error: ", other.stderr)
            self.assertIn("another plan", other.stderr)

    def test_runs_by_hand(self):
        write_run(self.folder / "hand", {**PROBLEM, "seed": 1, "eta": 1}, records(0.05))
        self.assertEqual(self.call("report.sh", "hand").returncode, 0)
        self.assertTrue((self.folder / "report/report.html").is_file())

    def test_methods_are_the_experiments_own_unless_named(self):
        words = ["run", "deep", "--program", "p", "--data-dir", "d"]
        self.assertIsNone(parse(words).methods)
        self.assertEqual(parse([*words, "--methods", "sgd,published"]).methods, ["sgd", "published"])

    def test_wrong_words(self):
        for script, words, message in (
                ("experiment.sh", ["minst"], "found 'minst'"), ("experiment.sh", [], "large-batch"),
                ("experiment.sh", ["cifar10-mlp", "--quick"], "fetch_data.sh cifar10 DIR"),
                ("experiment.sh", ["fashion-mnist", "--methods", "lbfgs"], "lbfgs"),
                ("experiment.sh", ["fashion-mnist", "--quik"], "--quik"),
                ("experiment.sh", ["fashion-mnist", "--ranks", "0"], "at least 1"),
                ("experiment.sh", ["fashion-mnist", "--jobs", "0"], "--jobs: found 0"),
                ("experiment.sh", ["fashion-mnist", "--", "--epochs"], "each as --NAME VALUE"),
                ("experiment.sh", ["fashion-mnist", "--", "--seed", "3"], "sets it for each run"),
                ("benchmark.sh", ["mnist-101"], "unknown case 'mnist-101'"),
                ("benchmark.sh", ["--device", "cuda", "deep-100"], "for a GPU"),
                ("report.sh", [], "DIR"), ("report.sh", ["absent"], "no such folder: absent"),
                ("report.sh", ["."], "no runs")):
            result = self.call(script, *words)
            self.assertNotEqual(result.returncode, 0, (script, words))
            self.assertIn(message, result.stderr)
            self.assertNotIn("Traceback", result.stderr)
            self.assertEqual(result.stdout, "", "nothing is installed or built for wrong words")
        for script in ("experiment.sh", "report.sh"):
            self.assertIn("Usage: launch/" + script, self.call(script, "--help").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
