"""Statistics of runs that differ by their seeds: means, bands along a run, and when a loss was reached."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Sequence, Tuple

from .records import FINISHED, Run, finite

Points = List[Tuple[float, float]]


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean."""
    return math.fsum(values) / len(values)


def deviation(values: Sequence[float]) -> Optional[float]:
    """The sample standard deviation; one value has none."""
    if len(values) < 2:
        return None
    centre = mean(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


def points(run: Run, x: str, y: str) -> Points:
    """The records' (x, y) with both finite, x growing."""
    found: Points = []
    for record in run.records:
        at, value = finite(record, x), finite(record, y)
        if at is not None and value is not None and (not found or at > found[-1][0]):
            found.append((at, value))
    return found


def interpolate(curve: Points, at: float) -> float:
    """The curve between its points, linearly; its end values outside."""
    position = bisect_left(curve, (at, -math.inf))
    if position == 0:
        return curve[0][1]
    if position == len(curve):
        return curve[-1][1]
    (x0, y0), (x1, y1) = curve[position - 1], curve[position]
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)


@dataclass
class Band:
    """The mean of several curves and their smallest and largest values, at the same places."""

    x: List[float]
    mean: List[float]
    low: List[float]
    high: List[float]


def band(curves: Sequence[Points]) -> Optional[Band]:
    """The band of the curves over the range that they share; nothing if there is none."""
    curves = [curve for curve in curves if curve]
    if not curves:
        return None
    first, last = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
    places = sorted({x for curve in curves for x, _ in curve if first <= x <= last})
    if not places:
        return None
    columns = [[interpolate(curve, x) for curve in curves] for x in places]
    return Band(places, [mean(column) for column in columns], [min(column) for column in columns],
                [max(column) for column in columns])


def band_of(runs: Sequence[Run], x: str, y: str) -> Optional[Band]:
    """The band of the finished runs."""
    return band([points(run, x, y) for run in runs if run.state == FINISHED])


class Reached(NamedTuple):
    """When a run's training loss first was at a target or below."""

    steps: float
    seconds: float


def reach(run: Run, target: float) -> Optional[Reached]:
    """The first record of a finished run with such a training loss; late by up to the steps between two records, for
    every method alike."""
    if run.state != FINISHED:
        return None
    for record in run.records:
        loss, steps, seconds = (finite(record, key) for key in ("train_loss", "step", "seconds_total"))
        if loss is not None and loss <= target and steps is not None and seconds is not None:
            return Reached(steps, seconds)
    return None


def reach_all(runs: Sequence[Run], target: float) -> List[Reached]:
    """The runs that reached the target."""
    found = (reach(run, target) for run in runs)
    return [when for when in found if when is not None]
