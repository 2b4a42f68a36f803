"""What the comparison knows of the methods: their order, the option that is their step size, and their grids.

A grid maps options of the program, without their dashes, to the values tried; its points are all combinations. The
first option is the step size, with at least four values. A method has one grid or several. Baselines have at least as
many points as sibp; `published`, whose steps take about ten times as long, may have fewer. With --quick or --coarse a
method has its first grid's step sizes, and the first value of everything else.
"""

from __future__ import annotations

from itertools import product
from typing import Dict, List, Sequence

Grid = Dict[str, List[str]]
Parameters = Dict[str, str]

# The method whose claims are examined, then the others.
METHODS = ["sibp", "published", "proxprop", "sgd", "adam", "adamw", "muon", "kfac"]
BASELINES = ["proxprop", "sgd", "adam", "adamw", "muon", "kfac"]

# Options that are step sizes; a best value at the end of the tried ones is worth a remark.
STEP_SIZES = ("eta", "lr", "step")

# Two step sizes of SGD with the same rate / (1 − momentum) learn about equally fast: each momentum has its own.
GRIDS: Dict[str, List[Grid]] = {
    "sibp": [{"eta": ["1", "2", "4", "8"], "damping": ["relative:1", "relative:3", "relative:10"],
              "weight-decay": ["0"]}],
    "published": [{"eta": ["0.1", "0.3", "1", "3"], "damping": ["absolute:1", "absolute:10"]}],
    "proxprop": [{"lr": ["0.3", "1", "3", "10"], "tau": ["0.05", "0.5"], "outer": ["sgd"]},
                 {"lr": ["0.001", "0.002", "0.004", "0.01"], "tau": ["1"], "outer": ["adam"]}],
    "sgd": [{"lr": ["0.05", "0.1", "0.2", "0.3", "0.4", "0.6"], "momentum": ["0.9"]},
            {"lr": ["0.25", "0.5", "1", "1.5", "2", "3"], "momentum": ["0.5"]}],
    "adam": [{"lr": ["0.001", "0.002", "0.003", "0.004", "0.006", "0.01"], "beta2": ["0.999", "0.99"]}],
}

CIFAR10_GRIDS: Dict[str, List[Grid]] = {
    "sibp": [{"eta": ["0.5", "1", "2", "4"], "damping": ["relative:1", "relative:3"], "weight-decay": ["0"]}],
    "published": [{"eta": ["0.1", "0.3", "1", "3"], "damping": ["absolute:1"]}],
    "proxprop": [{"lr": ["0.3", "1", "3", "10"], "tau": ["0.05"], "outer": ["sgd"]},
                 {"lr": ["0.0003", "0.001", "0.003", "0.01"], "tau": ["1"], "outer": ["adam"]}],
    "sgd": [{"lr": ["0.01", "0.03", "0.1", "0.2", "0.4"], "momentum": ["0.9"]},
            {"lr": ["0.1", "0.3", "1"], "momentum": ["0.5"]}],
    "adam": [{"lr": ["0.0001", "0.0003", "0.0006", "0.001", "0.0015", "0.002", "0.004", "0.008"]}],
}

# With 10 updates in all, step sizes are larger and proximal weights smaller.
LARGE_BATCH_GRIDS: Dict[str, List[Grid]] = {
    "sibp": [{"eta": ["2", "3", "4", "6"], "damping": ["relative:0.015", "relative:0.05", "relative:0.15"],
              "weight-decay": ["0"]}],
    "published": [{"eta": ["0.1", "0.3", "1", "3"], "damping": ["absolute:1", "absolute:10"]}],
    "proxprop": [{"lr": ["1", "3", "10", "30"], "tau": ["0.05", "0.5"], "outer": ["sgd"]},
                 {"lr": ["0.003", "0.01", "0.02", "0.04"], "tau": ["1"], "outer": ["adam"]}],
    "sgd": [{"lr": ["0.5", "1", "2", "3", "4", "6"], "momentum": ["0.9"]},
            {"lr": ["1", "2", "3", "4", "6", "8"], "momentum": ["0.5"]}],
    "adam": [{"lr": ["0.003", "0.005", "0.01", "0.015", "0.02", "0.04"], "beta2": ["0.999", "0.99"]}],
}

_DEEP_BASELINES: Dict[str, List[Grid]] = {
    "proxprop": [{"lr": ["0.1", "0.3", "1", "3"], "tau": ["0.05"], "outer": ["sgd"]},
                 {"lr": ["0.0003", "0.001", "0.003", "0.01"], "tau": ["1"], "outer": ["adam"]}],
    "sgd": [{"lr": ["0.01", "0.03", "0.1", "0.2", "0.4"], "momentum": ["0.9"]},
            {"lr": ["0.1", "0.3", "1"], "momentum": ["0.5"]}],
    "adam": [{"lr": ["0.0001", "0.0003", "0.0006", "0.001", "0.0015", "0.002", "0.004", "0.008"]}],
}

# By the number of hidden layers; the second step size of sibp is 4 / layers.
DEEP_GRIDS: Dict[int, Dict[str, List[Grid]]] = {
    6: {"sibp": [{"eta": ["0.25", "0.5714", "1", "2"], "damping": ["relative:1", "relative:3"], "weight-decay": ["0"]}],
        **_DEEP_BASELINES},
    12: {"sibp": [{"eta": ["0.15", "0.3077", "0.6", "1.2"], "damping": ["relative:1", "relative:3"],
                   "weight-decay": ["0"]}],
         **_DEEP_BASELINES},
}

# For a ConvNet all have eight points. The step size of sibp is the share by which a step moves the neurons.
CONV_GRIDS: Dict[str, List[Grid]] = {
    "sibp": [{"step": ["newton-muon:0.015", "newton-muon:0.02", "newton-muon:0.03", "newton-muon:0.04"],
              "momentum": ["0.9", "0.6"]}],
    "proxprop": [{"lr": ["0.3", "1", "3", "10"], "tau": ["0.05", "0.5"], "outer": ["sgd"]}],
    "sgd": [{"lr": ["0.1", "0.2", "0.5", "1"], "weight-decay": ["0.0001", "0.0005"], "momentum": ["0.9"],
             "nesterov": ["on"]}],
    "adamw": [{"lr": ["0.002", "0.005", "0.01", "0.02"], "weight-decay": ["0.01", "0.1"]}],
    "muon": [{"lr": ["0.1", "0.2", "0.4", "0.8"], "momentum": ["0.6", "0.9"]}],
    "kfac": [{"lr": ["0.1", "0.3", "1", "3"], "damping": ["relative:0.1", "relative:1"]}],
}

# Of a method that an experiment leaves out, unless it is asked for.
ON_REQUEST: Dict[str, List[Grid]] = {**CONV_GRIDS, **GRIDS}

QUICK_STEP_SIZES = 4


def points(grids: Sequence[Grid]) -> List[Parameters]:
    """All combinations of each grid's values, the step size changing slowest."""
    return [dict(zip(grid, values)) for grid in grids for values in product(*grid.values())]


def quick_grids(grids: Sequence[Grid]) -> List[Grid]:
    """Four step sizes spread over those of the first grid, and the first value of everything else."""
    (step_size, values), *others = grids[0].items()
    last = len(values) - 1
    few = [values[round(i * last / (QUICK_STEP_SIZES - 1))] for i in range(QUICK_STEP_SIZES)]
    return [{step_size: few, **{name: choices[:1] for name, choices in others}}]
