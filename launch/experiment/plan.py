"""The plan of an experiment: its problems, the grid of every method, the seeds. It is kept as JSON beside the runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from . import methods
from .methods import Parameters

PLAN_FILE = "plan.json"
SEEDS = [1, 2, 3]
LENGTHS = {"steps", "epochs"}  # options of the program that exclude each other
QUICK_SECONDS = 280.0  # leaves time for the report within five minutes


@dataclass
class Problem:
    """A network to train on a data set: options that all methods share, and each method's grid."""

    name: str
    options: Dict[str, str]
    grids: Dict[str, List[Parameters]]
    targets: List[float] = field(default_factory=list)  # training losses worth reaching
    goal: Optional[float] = None  # the one of them that each method is also tuned to reach in the fewest steps

    @property
    def goals(self) -> List[Optional[float]]:
        """What parameters are chosen for: validation accuracy (None), and perhaps a training loss."""
        return [None] if self.goal is None else [None, self.goal]


@dataclass
class Plan:
    """An experiment. `seeds` starts with the seed of the search; the bests of each method get all of them."""

    experiment: str
    quick: bool
    problems: List[Problem]
    seeds: List[int]
    time_limit: Optional[float] = None  # seconds; runs that do not fit are left for another start
    ranks: int = 1  # of every run, as their threads: timings would not compare otherwise
    threads: int = 1

    def write(self, folder: Path) -> None:
        """Writes the plan into an experiment's folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PLAN_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def read(folder: Path) -> Plan:
        """The plan in an experiment's folder."""
        content = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        content["problems"] = [Problem(**problem) for problem in content["problems"]]
        return Plan(**content)


@dataclass(frozen=True)
class PlannedRun:
    """One training: a method with its parameters on a problem from a seed."""

    problem: str
    method: str
    parameters: tuple  # of pairs (option, value)
    seed: int

    @property
    def name(self) -> str:
        """Of the run's folder."""
        values = "-".join(f"{option}_{value.replace(':', '_')}" for option, value in self.parameters)
        return f"{self.problem}/{self.method}/{values}-seed_{self.seed}"

    @property
    def title(self) -> str:
        """For people."""
        values = " ".join(f"{option} {value}" for option, value in self.parameters)
        return f"{self.problem}: {self.method} {values}, seed {self.seed}"

    def arguments(self, options: Dict[str, str]) -> List[str]:
        """The options of the program, `options` being the problem's."""
        settings = {**options, "method": self.method, **dict(self.parameters), "seed": str(self.seed)}
        return [word for option, value in settings.items() for word in (f"--{option}", value)]


def planned(problem: Problem, method: str, parameters: Parameters, seed: int) -> PlannedRun:
    """The run of a grid's point."""
    return PlannedRun(problem.name, method, tuple(parameters.items()), seed)


def search_runs(plan: Plan) -> List[PlannedRun]:
    """The runs of the search, all methods taking turns, so that a cut search is cut fairly."""
    runs = []
    for problem in plan.problems:
        longest = max(len(grid) for grid in problem.grids.values())
        runs += [planned(problem, method, grid[position], plan.seeds[0])
                 for position in range(longest)
                 for method, grid in problem.grids.items() if position < len(grid)]
    return runs


def count_runs(plan: Plan) -> int:
    """The runs of the whole plan; fewer are made where one choice is best for both goals."""
    searches = len(search_runs(plan))
    bests = sum(len(problem.grids) * len(problem.goals) for problem in plan.problems)
    return searches + bests * (len(plan.seeds) - 1)


def _mnist(dataset: str, hidden: str, quick: bool) -> Dict[str, str]:
    length = ({"steps": "60", "log-every": "5", "evaluate-every": "15"} if quick else
              {"epochs": "5", "log-every": "25", "evaluate-every": "275"})
    return {"dataset": dataset, "validation": "5000", "hidden": hidden, "batch": "100", "training-sample": "5000",
            **length}


def _cifar10(quick: bool) -> Dict[str, str]:
    length = ({"steps": "15", "log-every": "1", "evaluate-every": "5"} if quick else
              {"epochs": "10", "log-every": "15", "evaluate-every": "90"})
    return {"dataset": "cifar10", "normalize": "mean", "validation": "5000", "hidden": "512,512", "batch": "500",
            "training-sample": "5000", **length}


def _cifar10_conv(quick: bool) -> Dict[str, str]:
    length = ({"steps": "12", "warmup-steps": "0", "log-every": "3", "evaluate-every": "6"} if quick else
              {"log-every": "30", "evaluate-every": "180"})
    return {"preset": "cifar10-small", "validation": "5000", "training-sample": "2500", **length}


def _large_batch(quick: bool) -> Dict[str, str]:
    return {"dataset": "mnist", "validation": "5000", "hidden": "500", "batch": "6000", "steps": "10",
            "training-sample": "5000", "log-every": "1", "evaluate-every": "5" if quick else "1"}


def _deep(layers: int, quick: bool) -> Dict[str, str]:
    return _mnist("mnist", ",".join(["300"] * layers), quick)


def _problems(experiment: str, quick: bool) -> List[tuple]:
    """Of each problem: its name, options, grids, losses to tell about, and whether the last of these is a goal."""
    if experiment == "mnist":
        return [("mnist-500", _mnist("mnist", "500", quick), methods.GRIDS, [0.1, 0.05, 0.02], True)]
    if experiment == "fashion-mnist":
        return [("fashion-mnist-500", _mnist(experiment, "500", quick), methods.GRIDS, [0.4, 0.3, 0.2], True)]
    if experiment == "cifar10-mlp":
        return [("cifar10-512-512", _cifar10(quick), methods.CIFAR10_GRIDS, [1.5, 1.0, 0.5], True)]
    if experiment == "cifar10-conv":
        return [("cifar10-small", _cifar10_conv(quick), methods.CONV_GRIDS, [1.0, 0.5, 0.3], False)]
    if experiment == "large-batch":
        return [("mnist-500-batch-6000", _large_batch(quick), methods.LARGE_BATCH_GRIDS, [1.0, 0.5, 0.2], False)]
    if experiment == "deep":
        # Half of five minutes would show nothing of either network, so a quick look is at the deeper one.
        return [(f"mnist-300x{layers}", _deep(layers, quick), methods.DEEP_GRIDS[layers], [0.2, 0.1, 0.05], False)
                for layers in ([12] if quick else [6, 12])]
    raise ValueError(f"unknown experiment '{experiment}'; known: {', '.join(EXPERIMENTS)}")


EXPERIMENTS = ["mnist", "fashion-mnist", "cifar10-mlp", "cifar10-conv", "large-batch", "deep"]


def make_plan(experiment: str, quick: bool = False, only: Optional[Sequence[str]] = None,
              data_dir: Optional[str] = None, coarse: bool = False,
              shared: Optional[Dict[str, str]] = None) -> Plan:
    """The plan of a named experiment, for the methods `only` (all that it has grids for if it is None). A coarse one has
    four step sizes of each method. `shared` are options of the program for all runs, instead of the experiment's."""
    problems = []
    for name, options, grids, targets, has_goal in _problems(experiment, quick):
        wanted = [method for method in methods.METHODS if method in grids] if only is None else only
        tried = {method: grids.get(method, methods.ON_REQUEST[method]) for method in wanted}
        if quick or coarse:
            tried = {method: methods.quick_grids(grid) for method, grid in tried.items()}
        folder = {} if data_dir is None else {"data-dir": data_dir}
        if shared and LENGTHS & set(shared):
            options = {option: value for option, value in options.items() if option not in LENGTHS}
        problems.append(Problem(name, {**options, **folder, **(shared or {})},
                                {method: methods.points(grid) for method, grid in tried.items()}, targets,
                                targets[-1] if has_goal and not quick else None))
    return Plan(experiment, quick, problems, SEEDS, QUICK_SECONDS if quick else None)
