"""Groups runs by problem and by method and parameters, and chooses each method's best: by validation, never by test, or
by the steps to a training loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from .methods import METHODS, STEP_SIZES, Parameters
from .records import DIVERGED, FINISHED, Run
from .series import mean, reach_all

# Options that say what is trained and for how long; those of the run only; all others are parameters of the method.
PROBLEM_OPTIONS = (
    "dataset", "train-images", "train-labels", "test-images", "test-labels", "synthetic-samples", "synthetic-features",
    "synthetic-classes", "normalize", "validation", "logical-shards", "hidden", "network", "activation", "loss", "init",
    "batch", "epochs", "steps", "schedule", "warmup-steps", "augment", "label-smoothing", "training-sample")
RUN_OPTIONS = ("method", "seed", "data-dir", "device", "precision", "threads", "log-every", "evaluate-every")


@dataclass
class Configuration:
    """A method with its parameters, and its runs, which differ by their seeds."""

    method: str
    source: str
    parameters: Parameters
    runs: List[Run] = field(default_factory=list)

    def in_state(self, state: str) -> List[Run]:
        """Its runs that ended so."""
        return [run for run in self.runs if run.state == state]

    def finals(self, quantity: str) -> List[float]:
        """A quantity of the final records."""
        values = (run.final(quantity) for run in self.runs)
        return [value for value in values if value is not None]


@dataclass
class Comparison:
    """All that was run on one problem, and the configurations chosen for a goal, one a method and source. The goal is a
    training loss to reach in the fewest steps, or None: validation accuracy."""

    options: Dict[str, str]
    configurations: List[Configuration]
    chosen: List[Configuration]
    goal: Optional[float] = None

    @property
    def title(self) -> str:
        """What was trained, for people."""
        options = self.options
        network = options.get("network") or f"hidden layers {widths_text(options.get('hidden', ''))}"
        length = f"{options['steps']} steps" if "steps" in options else f"{options.get('epochs', '?')} epochs"
        tuned = "" if self.goal is None else f": tuned for training loss {self.goal:g}"
        return f"{options.get('dataset', '?')}, {network}, batch {options.get('batch', '?')}, {length}{tuned}"

    @property
    def how_chosen(self) -> str:
        """What the parameters were chosen by."""
        if self.goal is not None:
            return f"Each method has the parameters of its grid that reached training loss {self.goal:g} in the fewest steps."
        return "Each method has the parameters of its grid with the best validation accuracy at the end."

    @property
    def how_measured(self) -> str:
        """What the training loss along the training is taken over."""
        sample = self.options.get("training-sample", "0")
        if sample != "0":
            return (f"Along the training, loss and accuracy are those of the weights of that step on {sample} of the "
                    "training samples, drawn once; at the end on all of them.")
        return ("Along the training, loss and accuracy are means over the batches since the record before, each before "
                "its update; at the end those of the final weights on all training samples.")

    def by_source(self) -> List[Comparison]:
        """The same for each experiment by itself: their machines differ."""
        return [Comparison(self.options, self.configurations, [one for one in self.chosen if one.source == source],
                           self.goal)
                for source in dict.fromkeys(one.source for one in self.chosen)]

    def rivals(self, configuration: Configuration) -> List[Configuration]:
        """All configurations of the same method and source, itself included."""
        return [other for other in self.configurations
                if (other.method, other.source) == (configuration.method, configuration.source)]


def widths_text(widths: str) -> str:
    """Widths of layers for people: 300,300,300 is 3 × 300."""
    groups = [(width, len(list(same))) for width, same in groupby(widths.split(",") if widths else [])]
    return ", ".join(width if count == 1 else f"{count} × {width}" for width, count in groups) or "none"


def method_rank(method: str) -> Tuple[int, str]:
    """Sorts methods: the known ones in their order, then the others by name."""
    return (METHODS.index(method) if method in METHODS else len(METHODS), method)


def parameters_of(run: Run) -> Parameters:
    """The options of a run that belong to its method."""
    return {name: value for name, value in run.options.items() if name not in PROBLEM_OPTIONS + RUN_OPTIONS}


def configurations(runs: Sequence[Run]) -> List[Configuration]:
    """The runs grouped by method, parameters and source."""
    groups: Dict[tuple, Configuration] = {}
    for run in runs:
        parameters = parameters_of(run)
        key = (run.source, run.method, tuple(sorted(parameters.items())))
        groups.setdefault(key, Configuration(run.method, run.source, parameters)).runs.append(run)
    return list(groups.values())


def _mean_or(values: List[float], otherwise: float) -> float:
    return mean(values) if values else otherwise


def _order(configuration: Configuration, goal: Optional[float]) -> tuple:
    """Smaller is better. First the seeds: only what a search chose was given several."""
    ended = configuration.in_state(FINISHED) + configuration.in_state(DIVERGED)
    infinity = float("inf")
    first = (-len({run.seed for run in ended}), len(configuration.in_state(DIVERGED)))
    final_loss = _mean_or(configuration.finals("train_loss"), infinity)
    if goal is None:
        return (*first, -_mean_or(configuration.finals("validation_accuracy"), -infinity),
                _mean_or(configuration.finals("validation_loss"), infinity), final_loss)
    reached = reach_all(configuration.runs, goal)
    return (*first, -len(reached), _mean_or([when.steps for when in reached], infinity), final_loss)


def best(candidates: Sequence[Configuration], goal: Optional[float] = None) -> Configuration:
    """The best by validation accuracy, then validation loss, by training loss where nothing was held out; or, with a
    goal, by the steps to that training loss, then the final one."""
    return min(candidates, key=lambda candidate: _order(candidate, goal))


def varying(rivals: Sequence[Configuration]) -> List[str]:
    """The parameters that were tried with several values; the step size if there are none."""
    names = list(dict.fromkeys(name for rival in rivals for name in rival.parameters))
    found = [name for name in names if len({rival.parameters.get(name) for rival in rivals}) > 1]
    return found or [name for name in names if name in STEP_SIZES]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _size(text: str) -> str:
    """The number in a step size: 0.05 of relative:0.05."""
    return text.rpartition(":")[2]


def edge_of_grid(configuration: Configuration, rivals: Sequence[Configuration]) -> Optional[str]:
    """The step-size option whose chosen value is the smallest or largest of at least three tried, if any; tried means
    with the same choices of everything that is not a number, such as the optimiser."""
    def words(one: Configuration) -> Parameters:
        return {name: value for name, value in one.parameters.items()
                if name not in STEP_SIZES and not _is_number(value)}
    alike = [rival for rival in rivals if words(rival) == words(configuration)]
    for name in STEP_SIZES:
        if not all(_is_number(_size(rival.parameters.get(name, ""))) for rival in alike):
            continue
        tried = sorted({float(_size(rival.parameters[name])) for rival in alike})
        value = float(_size(configuration.parameters[name]))
        if len(tried) >= 3 and value in (tried[0], tried[-1]):
            return name
    return None


def compare(runs: Sequence[Run], goal_of: Callable[[Dict[str, str]], Optional[float]] = lambda options: None
            ) -> List[Comparison]:
    """The runs grouped by problem, and each method's best there: by validation, and once more for the goal of the problem
    if it has one."""
    problems: Dict[tuple, List[Run]] = {}
    for run in runs:
        key = tuple((name, run.options[name]) for name in PROBLEM_OPTIONS if name in run.options)
        problems.setdefault(key, []).append(run)
    comparisons = []
    for key, members in problems.items():
        options = dict(key)
        groups = sorted(configurations(members), key=lambda group: (method_rank(group.method), group.source))
        by_method: Dict[tuple, List[Configuration]] = {}
        for group in groups:
            by_method.setdefault((group.method, group.source), []).append(group)
        for goal in dict.fromkeys([None, goal_of(options)]):
            chosen = [best(rivals, goal) for rivals in by_method.values()]
            comparisons.append(Comparison(options, groups, chosen, goal))
    return comparisons
