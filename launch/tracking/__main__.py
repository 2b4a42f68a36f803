"""One tracker of one run: python -m tracking RUN tensorboard|wandb|mlflow|prometheus [FILE].

Works until its standard input ends. A number there is the exit status of the run."""

import json
import os
import select
import sys
from pathlib import Path

from .follow import MetricsFile
from .prometheus import Prometheus
from .trackers import TRACKERS

PERIOD = 1.0  # seconds between looks


def wait(seconds):
    """None, or what standard input holds once it has ended."""
    if not select.select([sys.stdin], [], [], seconds)[0]:
        return None
    return sys.stdin.read().strip()


class Memory:
    """How far a tracker came, and the name of its own run there, beside the run's files for another start."""

    def __init__(self, file):
        self.file = file
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            self.read, self.digest, self.id = int(kept["read"]), str(kept["sha256"]), str(kept["id"])
        except (OSError, ValueError, LookupError, TypeError):
            self.read, self.digest, self.id = 0, "", None

    def keep(self, metrics, id):
        if (metrics.read, metrics.digest, id) == (self.read, self.digest, self.id):
            return
        self.read, self.digest, self.id = metrics.read, metrics.digest, id
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps({"read": self.read, "sha256": self.digest, "id": id}) + "\n", encoding="utf-8")
        os.replace(partial, self.file)


def follow(metrics, tracker, keep):
    """Tells the tracker of every record until standard input ends."""
    end = None
    while end is None:
        end = wait(PERIOD)
        records, was_cut = metrics.look()
        if was_cut:
            tracker.begin_again()
        for record in records:
            tracker.record(record)
        tracker.look()
        keep(metrics, tracker.id)
    tracker.end(int(end) if end else None)


def main(run, name, file=None):
    metrics_path = run / "metrics.jsonl"
    end = None
    while end is None and not metrics_path.exists():  # a folder that holds anything else is not the program's to claim
        end = wait(PERIOD)
    if not metrics_path.exists():
        return
    if name == "prometheus":
        follow(MetricsFile(metrics_path), Prometheus(run, file), lambda *_: None)
        return
    memory = Memory(run / f"tracking-{name}.json")
    follow(MetricsFile(metrics_path, memory.read, memory.digest), TRACKERS[name](run, memory.id), memory.keep)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute(), *sys.argv[2:])
