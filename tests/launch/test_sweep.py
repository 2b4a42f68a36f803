"""Sweeps by the real search with a played program: trials, pruning, going on, arrays of jobs, the page."""

import json
import os
import re
import signal
import subprocess
import sys
import unittest
from importlib.util import find_spec
from pathlib import Path

import made_up
from made_up import FolderTest

from experiment.space import parameter_of, parameters_of
from supervised import LAUNCH, kill, seconds_until

# In place of the program: the accuracy falls with the distance of eta from 1. The file `mode` beside it says what it does
# instead: never end after poor records, or measure no accuracy.
PLAYED = """
import json, math, pathlib, sys, time
words = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out, eta = pathlib.Path(words["--out"]), float(words["--eta"])
mode = pathlib.Path(__file__).with_name("mode")
mode = mode.read_text() if mode.exists() else ""
out.mkdir(parents=True, exist_ok=True)
(out / "config.ini").write_text("".join(f"{name[2:]} = {value}\\n" for name, value in words.items()))
for step in (10, 20, 30):
    record = {"step": step, "train_loss": 1.0, "final": step == 30 and mode != "endless"}
    if mode != "blind":
        record["validation_accuracy"] = 0.1 if mode else 0.9 - 0.1 * abs(math.log10(eta)) + step / 1000
    with open(out / "metrics.jsonl", "a") as file:
        file.write(json.dumps(record) + "\\n")
if mode == "endless":
    time.sleep(1000)
"""
VALUE = re.compile(r"validation_accuracy ([\d.]+)")


class SpaceTest(unittest.TestCase):
    def test_what_a_parameter_may_be(self):
        eta = parameter_of("eta=log:0.1:8")
        self.assertEqual((eta.name, eta.kind, eta.low, eta.high, eta.is_log), ("eta", "log", 0.1, 8, True))
        damping = parameter_of("--damping=relative:log:0.1:10")
        self.assertEqual((damping.name, damping.word, damping.number_of("relative:3")), ("damping", "relative:", 3))
        self.assertEqual(parameter_of("step=relative:0.02|relative:0.05").choices, ("relative:0.02", "relative:0.05"))
        self.assertEqual(parameter_of("hidden=500|300,300").choices, ("500", "300,300"))
        self.assertEqual((parameter_of("batch=int:10:20").high, parameter_of("momentum=linear:0:0.9").low), (20, 0))

    def test_what_it_may_not_be(self):
        for text in ("eta", "eta=", "=log:1:2", "eta=log:0:1", "eta=log:2:1", "eta=log:1", "eta=log:a:b", "eta=3", "eta=1|1",
                     "eta=1|", "batch=int:1.5:3", "eta=linear:nan:1", "eta=linear:0:inf"):
            with self.subTest(text), self.assertRaises(ValueError) as caught:
                parameter_of(text)
            self.assertIn(text, str(caught.exception))
        with self.assertRaisesRegex(ValueError, "eta twice"):
            parameters_of(["eta=1|2", "eta=log:1:2"])


@unittest.skipUnless(find_spec("optuna"), "this Python has no module optuna")
class SweepTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.launcher = made_up.place_program(self.folder)[1]
        self.program = self.folder / "made_up.py"
        self.program.write_text(f"#!{sys.executable}\n{PLAYED}")
        self.out = self.folder / "sweep"

    def begin(self, *words, param="eta=log:0.1:10", options=("--dataset", "played"), **variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SIBP_"))}
        environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1", **variables}
        process = subprocess.Popen(
            [str(LAUNCH / "sweep.sh"), "--param", param, "--out", str(self.out), "--program", str(self.program),
             "--launcher", str(self.launcher), *words, "--", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, cwd=self.folder, env=environment)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def sweep(self, *words, status=0, **keywords):
        process = self.begin(*words, **keywords)
        text = process.communicate(timeout=120)[0]
        self.assertEqual(process.returncode, status, text)
        return text

    def set_mode(self, mode):
        (self.folder / "mode").write_text(mode)

    def notes(self):
        return [json.loads(file.read_text()) for file in sorted(self.out.glob("runs/*/run.json"))]

    def test_a_sweep_goes_on_prunes_and_has_its_page(self):
        text = self.sweep("--trials", "5", "--jobs", "2")
        values = [float(value) for value in VALUE.findall(text)]
        self.assertEqual(len(values), 6, "five trials and the best")
        self.assertEqual(values[-1], max(values))
        self.assertEqual(len({note["values"]["eta"] for note in self.notes()}), 5)
        self.assertEqual(len(VALUE.findall(self.sweep("--trials", "5"))), 1, "nothing is left to do but to name the best")
        self.assertIn("holds another sweep", self.sweep("--trials", "5", param="eta=log:0.1:9", status=1))
        self.set_mode("endless")
        self.assertIn("trial-0005: pruned", self.sweep("--trials", "6"))
        subprocess.run([str(LAUNCH / "report.sh"), str(self.out), "--out", "report"], cwd=self.folder, check=True,
                       stdout=subprocess.DEVNULL, env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
        self.assertIn('<a href="sweep-1-sweep.html">sweep</a>', (self.folder / "report/report.html").read_text())
        page = (self.folder / "report/sweep-1-sweep.html").read_text()
        best = max(zip(values, range(5)))[0]
        self.assertIn(f"with validation_accuracy {100 * best:.2f} %", page)
        self.assertEqual(len(re.findall(r'<tr[^>]*><th scope="row">', page)), 6)
        self.assertEqual((page.count("<td>pruned</td>"), page.count("<svg")), (1, 2))

    def test_a_killed_sweep_makes_its_trial_once_more(self):
        self.set_mode("endless")
        self.begin("--trials", "2", "--jobs", "1")
        seconds_until(lambda: list(self.out.glob("runs/trial-0000/metrics.jsonl")), 60)
        self.set_mode("")
        kill(self.processes("experiment.sweep"))
        seconds_until(lambda: not self.processes(), 20)
        tried = (self.out / "runs/trial-0000/config.ini").read_text()
        self.sweep("--trials", "2", "--jobs", "1")
        self.assertEqual([note["trial"] for note in self.notes()], [1, 2])
        self.assertIn(f"eta = {self.notes()[0]['values']['eta']}\n", tried)

    def processes(self, word=""):
        """Those whose command lines name the folder, and a word."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                line = (path / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue  # ended meanwhile
            if str(self.out) in line and word in line:
                found.append(int(path.name))
        return found

    def test_an_interrupted_sweep_leaves_no_process_and_goes_on(self):
        self.set_mode("endless")
        process = self.begin("--trials", "1")
        seconds_until(lambda: list(self.out.glob("runs/trial-0000/metrics.jsonl")), 60)
        kill(self.processes("experiment.sweep"), signal.SIGTERM)
        self.assertIn("the same command goes on", process.communicate(timeout=60)[0])
        self.assertEqual((process.returncode, self.processes()), (1, []))
        self.set_mode("")
        self.sweep("--trials", "1")
        self.assertEqual(len(self.notes()), 1)

    def test_each_task_of_an_array_makes_one_trial(self):
        tasks = [self.begin("--trials", "2", SLURM_JOB_ID="7", SLURM_ARRAY_TASK_ID=str(task)) for task in (1, 2)]
        texts = [task.communicate(timeout=120)[0] for task in tasks]
        self.assertEqual([task.returncode for task in tasks], [0, 0], texts)
        self.assertEqual([len(VALUE.findall(text)) for text in texts], [1, 1])
        self.assertEqual(len({note["values"]["eta"] for note in self.notes()}), 2)
        self.assertEqual(self.sweep("--trials", "2", SLURM_JOB_ID="7", SLURM_ARRAY_TASK_ID="3"), "")

    def test_what_cannot_be_searched_is_refused(self):
        self.assertIn("validation: parameters", self.sweep("--goal", "test_accuracy", status=2))
        self.assertIn("expected it once", self.sweep(options=("--eta", "1"), status=2))
        self.assertIn("--progress: found among", self.sweep(options=("--progress", "none"), status=2))
        self.assertIn("expected NAME=log", self.sweep(param="eta=3", status=2))
        self.set_mode("blind")
        text = self.sweep("--trials", "3", "--jobs", "1", status=1)
        self.assertIn("no validation_accuracy; the runs must measure it", text)
        self.assertEqual(text.count("trial-"), 1, "the first shows it")


if __name__ == "__main__":
    unittest.main(verbosity=2)
