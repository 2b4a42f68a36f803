"""Small trainings, and what they leave, for the tests of checkpoints and faults."""

import json

from harness import options

# 15 steps an epoch.
SETTINGS = {
    "dataset": "synthetic", "synthetic_samples": 1000, "synthetic_features": 64, "synthetic_classes": 10,
    "validation": 100, "hidden": "30", "batch": 60, "epochs": 4, "log_every": 5, "seed": 7, "form": "normal",
    "progress": "none",
}
# In their place: a small network of every kind of state.
CONVNET = {
    "synthetic_features": None, "synthetic_shape": "8x8x1", "hidden": None, "normalize": "channel",
    "network": "conv(4,3) norm relu maxpool(2) residual( conv(4,3) norm ) relu dense(10)",
}


def training(**changes):
    """The command line of a short training, with changes; settings that are None are left out."""
    return options(SETTINGS | changes)


def records(folder):
    """The records of a run without what differs from run to run: times and memory."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{key: value for key, value in json.loads(line).items() if "second" not in key and "memory" not in key}
            for line in lines]


def status(folder):
    return json.loads((folder / "status.json").read_text(encoding="utf-8"))


def write_status(folder, **changes):
    (folder / "status.json").write_text(json.dumps(status(folder) | changes), encoding="utf-8")


def checkpoints(folder):
    """The names of the checkpoints in a run's folder, oldest first."""
    return sorted(path.name for path in (folder / "checkpoints").glob("step-*"))
