"""What the comparison knows of the methods: their order, the option that is their step size, and their grids.

A grid maps options of the program, without their dashes, to the values tried; its points are all combinations. The
first option is the step size. A method has one grid or several, and at least as many points as sibp; with --quick it has
its first grid's step sizes, and the first value of everything else.
"""

from __future__ import annotations

from itertools import product
from typing import Dict, List, Sequence

Grid = Dict[str, List[str]]
Parameters = Dict[str, str]

# The method whose claims are examined, then the others.
METHODS = ["sibp", "published", "proxprop", "sgd", "adam"]

# Options that are step sizes; a best value at the end of the tried ones is worth a remark.
STEP_SIZES = ("eta", "lr")

GRIDS: Dict[str, List[Grid]] = {
    "sibp": [{"eta": ["0.25", "0.5", "1", "2"], "damping": ["relative:1", "relative:3"]}],
    "published": [{"eta": ["0.03", "0.1", "0.3", "1"], "damping": ["absolute:1", "absolute:10"]}],
    "proxprop": [{"lr": ["0.1", "0.3", "1", "3"], "tau": ["0.05", "0.5"], "outer": ["sgd"]},
                 {"lr": ["0.0003", "0.001", "0.003", "0.01"], "tau": ["1"], "outer": ["adam"]}],
    "sgd": [{"lr": ["0.01", "0.03", "0.1", "0.3"], "momentum": ["0.9", "0.95"]}],
    "adam": [{"lr": ["0.0001", "0.0003", "0.0005", "0.001", "0.002", "0.003", "0.005", "0.01"]}],
}

# With 10 updates in all, the useful step sizes are larger.
LARGE_BATCH_GRIDS: Dict[str, List[Grid]] = {
    "sibp": [{"eta": ["1", "2", "3", "4"], "damping": ["relative:0.15", "relative:0.5"]}],
    "proxprop": [{"lr": ["0.3", "1", "3", "10"], "tau": ["0.05", "0.5"], "outer": ["sgd"]},
                 {"lr": ["0.001", "0.003", "0.01", "0.03"], "tau": ["1"], "outer": ["adam"]}],
    "sgd": [{"lr": ["0.1", "0.3", "1", "3"], "momentum": ["0.9", "0.5"]}],
    "adam": [{"lr": ["0.001", "0.002", "0.003", "0.005", "0.007", "0.01", "0.02", "0.03"]}],
}

# By the number of hidden layers; the second value is the program's default, 4 / layers.
DEEP_GRIDS: Dict[int, Dict[str, List[Grid]]] = {
    6: {"sibp": [{"eta": ["0.25", "0.5714", "1", "2"], "damping": ["relative:1", "relative:3"]}]},
    12: {"sibp": [{"eta": ["0.15", "0.3077", "0.6", "1"], "damping": ["relative:1", "relative:3"]}]},
}

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
