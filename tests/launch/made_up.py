"""Made-up folders of runs, so that the tests know what a report has to say; and a program that makes such folders."""

import json
import math
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "launch"))

PROBLEM = {"dataset": "mnist", "data-dir": "/data", "normalize": "mean", "validation": "5000", "hidden": "500",
           "batch": "100", "steps": "100"}
# How fast the training loss falls by method.
RATES = {"sibp": 0.08, "published": 0.01, "proxprop": 0.025, "sgd": 0.03, "adam": 0.04}


def records(rate, seed=1, steps=100, every=10, offset=0.0, seconds_per_step=0.1):
    """The records of a training whose loss falls by exp(−rate · step); accuracies follow from the loss."""
    lines = []
    for step in range(every, steps + 1, every):
        loss = 2.3 * math.exp(-rate * step) * (1 + 0.02 * seed) + offset
        accuracy = 1 - loss / 3
        record = {"step": step, "epoch": step / 50, "train_loss": loss, "train_accuracy": accuracy,
                  "seconds_total": step * seconds_per_step, "final": step == steps}
        if step % (2 * every) == 0:
            record |= {"validation_loss": loss + 0.1, "validation_accuracy": accuracy - 0.01,
                       "test_loss": loss + 0.1, "test_accuracy": accuracy - 0.02}
        lines.append(record)
    return lines


def write_run(folder, options, lines, notes=None):
    """A run's folder; notes are what an experiment keeps beside it."""
    folder.mkdir(parents=True, exist_ok=True)  # the supervisor may have put its logs there
    (folder / "config.ini").write_text("# made up\n" + "".join(f"{k} = {v}\n" for k, v in options.items()))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if notes is not None:
        (folder / "run.json").write_text(json.dumps(notes))
    return folder


def write_comparison(folder, hidden="500", methods=tuple(RATES), faster=1.0):
    """Runs of all methods: three seeds with the best parameters, one with others, and among them a diverged run of sgd
    and an unfinished one of adam."""
    for method in methods:
        name = "eta" if method in ("sibp", "published") else "lr"
        for value, share, seeds in ((0.1, 0.6, (1,)), (0.3, 1.0, (1, 2, 3)), (1, 0.7, (1,))):
            for seed in seeds:
                options = {**PROBLEM, "hidden": hidden, "method": method, name: value, "seed": seed}
                notes = {"status": 0, "ranks": 2, "command": ["mpirun", "-np", "2", "sibp_dist", f"--{name}", str(value)],
                         "machine": {"CPU": "a made-up processor with <angles> & a long name", "cores": "2",
                                     "memory": "8.0 GiB", "program": "sibp_dist 0.1.0", "MPI": "mpirun 4.1",
                                     "BLAS": "OpenBLAS"}}
                lines = records(RATES[method] * share * faster, seed)
                if method == "sgd" and value == 1:
                    notes["status"], lines = 5, lines[:3]
                if method == "adam" and value == 1:
                    notes, lines = None, lines[:4]
                write_run(folder / f"{hidden}-{method}-{value}-{seed}", options, lines, notes)
    return folder


class FolderTest(unittest.TestCase):
    """A test case with an empty folder of its own, self.folder."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="experiment-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)


# In place of mpirun: leaves its options out and starts the program by this Python.
LAUNCHER = f"""#!/bin/sh
while [ "${{1##*/}}" != made_up.py ]; do shift; done
exec "{sys.executable}" -B "$@"
"""


def place_program(folder):
    """Puts the played program and what starts it into the folder, and returns their paths."""
    program, launcher = folder / "made_up.py", folder / "launcher"
    shutil.copy(__file__, program)
    launcher.write_text(LAUNCHER)
    program.chmod(0o755)
    launcher.chmod(0o755)
    return program, launcher


def play_program(words):
    """What sibp_dist would do with these options: larger step sizes learn faster, and diverge above 2; momentum takes from
    the validation accuracy."""
    options = {word[2:]: value for word, value in zip(words[::2], words[1::2])}
    folder = Path(options.pop("out"))
    if options.pop("progress") != "none" or (folder / "metrics.jsonl").exists():
        return 2
    if (Path(sys.argv[0]).parent / "interrupt").exists():
        write_run(folder, options, records(0.1)[:3])
        return 1
    rate = float(options.get("eta", options.get("lr", 0.1)))
    diverges = rate > 2
    lines = records(rate / 10, int(options["seed"]))
    for line in lines:
        if "validation_accuracy" in line:
            line["validation_accuracy"] -= float(options.get("momentum", 0))
    write_run(folder, options, lines[:2] if diverges else lines)
    return 5 if diverges else 0


if __name__ == "__main__":
    sys.exit(play_program(sys.argv[1:]))
