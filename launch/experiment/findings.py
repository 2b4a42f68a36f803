"""Says from the numbers who wins what. A lead counts as clear if the ranges over the seeds do not overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from .choice import Comparison, Configuration, edge_of_grid, varying
from .methods import METHODS
from .records import DIVERGED, FINISHED
from .series import mean, reach_all

OURS = METHODS[0]


class Measure(NamedTuple):
    """Something to win: its name, how to write a value, and whether more is better."""

    name: str
    text: Callable[[float], str]
    more_is_better: bool


@dataclass
class Finding:
    """A sentence, and who leads in it: `winner` is empty if nobody leads clearly."""

    text: str
    winner: str = ""


def percent(value: float) -> str:
    """A share as a percentage."""
    return f"{100 * value:.2f} %"


def number(value: float) -> str:
    """A loss or the like."""
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """A time."""
    return f"{value:.1f} s" if value >= 1 else f"{value:.2g} s"


FINAL_MEASURES: List[Tuple[str, Measure]] = [
    ("train_loss", Measure("Final training loss", number, False)),
    ("validation_accuracy", Measure("Final validation accuracy", percent, True)),
    ("test_accuracy", Measure("Final test accuracy", percent, True)),
]


def label(configuration: Configuration) -> str:
    """The name of a series."""
    return configuration.method + (f" ({configuration.source})" if configuration.source else "")


def _compare(measure: Measure, candidates: Sequence[Tuple[Configuration, List[float]]]) -> Optional[Finding]:
    """Who leads by the mean, by how much, and whether clearly."""
    ranked = sorted(((configuration, values) for configuration, values in candidates if values),
                    key=lambda item: mean(item[1]), reverse=measure.more_is_better)
    if len(ranked) < 2:
        return None
    (first, best), (second, next_best) = ranked[:2]
    text = (f"{measure.name}: {label(first)} leads with {measure.text(mean(best))}, before {label(second)} with "
            f"{measure.text(mean(next_best))}")
    if mean(best) == mean(next_best):
        return Finding(f"{measure.name}: {label(first)} and {label(second)} are level at {measure.text(mean(best))}.")
    if not measure.more_is_better and mean(next_best) > 0:
        text += f" ({mean(best) / mean(next_best):.2f} of it)"
    if len(best) < 2 or len(next_best) < 2:
        return Finding(text + "; one seed alone, so this says little.")
    apart = min(best) > max(next_best) if measure.more_is_better else max(best) < min(next_best)
    if apart:
        return Finding(text + "; the ranges over the seeds are apart.", first.method)
    return Finding(text + "; the ranges over the seeds overlap, so this is no clear lead.")


def _reached_by_all(configuration: Configuration, target: float, quantity: str) -> List[float]:
    """When each run reached the target; nothing unless all did."""
    found = reach_all(configuration.runs, target)
    return [getattr(when, quantity) for when in found] if len(found) == len(configuration.runs) else []


def target_findings(comparison: Comparison, target: float) -> List[Finding]:
    """Who reaches a training loss in the fewest steps and seconds, and who never does."""
    reaching = [chosen for chosen in comparison.chosen if _reached_by_all(chosen, target, "steps")]
    if len(reaching) == 1 and len(comparison.chosen) > 1:
        only = reaching[0]
        return [Finding(f"Training loss {target:g}: only {label(only)} reaches it in all its runs.",
                        only.method if len(only.runs) > 1 else "")]
    findings = []
    for quantity, text in (("steps", lambda value: f"{value:.0f} steps"), ("seconds", seconds)):
        measure = Measure(f"{quantity.capitalize()} to training loss {target:g}", text, False)
        found = [(chosen, _reached_by_all(chosen, target, quantity)) for chosen in reaching]
        finding = _compare(measure, found)
        if finding is not None:
            findings.append(finding)
    short = [label(chosen) for chosen in comparison.chosen if chosen not in reaching]
    if short and reaching:
        findings.append(Finding(f"Training loss {target:g} is not reached in all runs of: {', '.join(short)}."))
    return findings


def sooner_elsewhere(comparison: Comparison, target: float) -> List[Finding]:
    """Parameters not chosen by validation with which a method was sooner at the target."""
    findings = []
    for chosen in comparison.chosen:
        usual = [when.steps for when in reach_all(chosen.runs, target)]
        rivals = comparison.rivals(chosen)
        others = [(when.steps, rival) for rival in rivals if rival is not chosen
                  for when in reach_all(rival.runs, target)]
        if not others:
            continue
        steps, rival = min(others, key=lambda other: other[0])
        if not usual or steps < min(usual):
            values = ", ".join(f"{name} {rival.parameters.get(name, '?')}" for name in varying(rivals))
            findings.append(Finding(f"{label(chosen)} was sooner at training loss {target:g} with parameters that "
                                    f"validation did not choose: {steps:.0f} steps with {values}."))
    return findings


def cautions(comparison: Comparison) -> List[Finding]:
    """What weakens the comparison: divergence, missing runs, bests at the edge of their grid, nothing held out."""
    findings = []
    for chosen in comparison.chosen:
        rivals = comparison.rivals(chosen)
        runs = [run for rival in rivals for run in rival.runs]
        diverged = sum(run.state == DIVERGED for run in runs)
        unfinished = sum(run.state not in (DIVERGED, FINISHED) for run in runs)
        if diverged:
            best_too = f", {len(chosen.in_state(DIVERGED))} of them with the best parameters"
            findings.append(Finding(f"{label(chosen)}: {diverged} of {len(runs)} runs diverged"
                                    f"{best_too if chosen.in_state(DIVERGED) else ''}."))
        if unfinished:
            findings.append(Finding(f"{label(chosen)}: {unfinished} of {len(runs)} runs are not finished and not counted."))
        if edge := edge_of_grid(chosen, rivals):
            findings.append(Finding(f"{label(chosen)}: the best {edge}, {chosen.parameters[edge]}, is at the edge of those"
                                    " tried; a wider search might find a better one."))
        if chosen.in_state(FINISHED) and not chosen.finals("validation_accuracy"):
            findings.append(Finding(f"{label(chosen)}: nothing was held out, so the training loss chose the parameters."))
    return findings


def leads(comparison: Comparison, targets: Sequence[float]) -> List[Finding]:
    """A finding for everything that can be won."""
    findings = [_compare(measure, [(chosen, chosen.finals(quantity)) for chosen in comparison.chosen])
                for quantity, measure in FINAL_MEASURES]
    return ([finding for finding in findings if finding is not None] +
            [finding for target in targets for finding in target_findings(comparison, target)])


def verdict(findings: Sequence[Finding], comparison: Comparison) -> str:
    """One sentence on all leads."""
    names = {chosen.method for chosen in comparison.chosen}
    if len(comparison.chosen) < 2:
        return "One method alone: nothing to compare it with."
    clear = [finding.winner for finding in findings if finding.winner]
    if not clear:
        return "No method leads clearly in anything measured here."
    counts = sorted(((clear.count(name), name) for name in sorted(set(clear))), key=lambda item: -item[0])
    text = ", ".join(f"{name} in {count}" for count, name in counts)
    ours = "" if OURS not in names or OURS in clear else f" {OURS} leads clearly in none."
    return f"Clear leads, of the measures below: {text}.{ours}"
