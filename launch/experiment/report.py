"""The report: one HTML page that needs no network, and plots beside it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import jinja2

from . import findings, plots, sweep_report
from .choice import Comparison, Configuration, compare, varying
from .plan import PLAN_FILE, Plan, Problem
from .records import FINISHED, Run, is_run, load_run, load_runs
from .series import deviation, mean, reach_all

PAGE_FILE = "report.html"
# Losses that are worth naming where no plan names any.
USUAL_TARGETS = [2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]
MOST_TARGETS = 3
# Options that tell the problems of plans apart.
TOLD_APART_BY = ("dataset", "hidden", "batch", "validation", "training-sample")

COLUMNS = [("train_loss", "training loss", findings.number),
           ("train_accuracy", "training accuracy", findings.percent),
           ("validation_accuracy", "validation accuracy", findings.percent),
           ("test_accuracy", "test accuracy", findings.percent),
           ("seconds_total", "seconds", lambda value: f"{value:.1f}")]


class NothingToReport(Exception):
    """The folders hold no runs."""


def gather(folders: Sequence[Path]) -> List[Run]:
    """The runs of experiments' folders, runs' own folders, and folders of either. Throws NothingToReport.

    An experiment is a source of its own where there is more than one; other runs have none and are taken together."""
    experiments = list(dict.fromkeys(
        plan.parent.resolve() for folder in folders for plan in sorted(folder.rglob(PLAN_FILE))))
    names = source_names(experiments) if len(experiments) > 1 else [""] * len(experiments)
    runs: Dict[Path, Run] = {}
    for experiment, name in zip(experiments, names):
        for run in load_runs(experiment, name):
            runs.setdefault(run.folder.resolve(), run)
    for folder in folders:
        for run in ([load_run(folder)] if is_run(folder) else load_runs(folder)):
            runs.setdefault(run.folder.resolve(), run)
    if not runs:
        raise NothingToReport(f"no runs (folders with metrics.jsonl and config.ini) in {', '.join(map(str, folders))}")
    return list(runs.values())


def source_names(folders: Sequence[Path]) -> List[str]:
    """Names of folders as short as tells them apart."""
    for parts in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = ["/".join(folder.parts[-parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def read_plans(folders: Sequence[Path]) -> List[Plan]:
    """The plans of the experiments in the folders."""
    return [Plan.read(plan.parent) for folder in folders for plan in sorted(folder.rglob(PLAN_FILE))]


def problem_of(options: Dict[str, str], plans: Sequence[Plan]) -> Optional[Problem]:
    """The problem that a plan has for runs with these options, as far as it names them itself rather than by a preset;
    nothing if they were made by hand."""
    def is_alike(problem: Problem) -> bool:
        return all(problem.options.get(name, options.get(name)) == options.get(name) for name in TOLD_APART_BY)
    return next((problem for plan in reversed(plans) for problem in plan.problems if is_alike(problem)), None)


def targets_of(comparison: Comparison, planned: Optional[Sequence[float]]) -> List[float]:
    """The losses to tell about, falling: those of the plan that any chosen run reached; where that leaves none, the
    smallest usual ones that two of the chosen reached, or one if it is alone."""
    def reached(target: float) -> int:
        return sum(bool(reach_all(chosen.runs, target)) for chosen in comparison.chosen)
    wanted = [target for target in planned or [] if reached(target)]
    least = min(2, len(comparison.chosen))
    return sorted(wanted or [target for target in USUAL_TARGETS if reached(target) >= least][-MOST_TARGETS:], reverse=True)


def spread_text(values: Sequence[float], text: Any) -> str:
    """Mean ± standard deviation of the seeds."""
    if not values:
        return "–"
    spread, centre = deviation(values), text(mean(values))
    if spread is None:
        return centre
    unit = " %" if centre.endswith(" %") else ""
    return f"{centre[:len(centre) - len(unit)]} ± {text(spread)}"


def parameters_text(configuration: Configuration, rivals: Sequence[Configuration]) -> str:
    """The parameters that were tried with several values."""
    return ", ".join(f"{name} {configuration.parameters[name]}" for name in varying(rivals)
                     if name in configuration.parameters) or "as given"


def _reach_text(configuration: Configuration, target: float) -> str:
    found = reach_all(configuration.runs, target)
    if not found:
        return "not reached"
    steps = spread_text([when.steps for when in found], lambda value: f"{value:.0f}")
    times = spread_text([when.seconds for when in found], lambda value: f"{value:.1f}")
    part = "" if len(found) == len(configuration.runs) else f" ({len(found)} of {len(configuration.runs)} runs)"
    return f"{steps} steps, {times} s{part}"


def _chosen_row(comparison: Comparison, chosen: Configuration, targets: Sequence[float]) -> Dict[str, Any]:
    finished = chosen.in_state(FINISHED)
    return {
        "label": findings.label(chosen),
        "parameters": parameters_text(chosen, comparison.rivals(chosen)),
        "seeds": f"{len(finished)}" + (f" of {len(chosen.runs)}" if len(finished) < len(chosen.runs) else ""),
        "finals": [spread_text(chosen.finals(quantity), text) for quantity, _, text in COLUMNS],
        "reached": [_reach_text(chosen, target) for target in targets],
    }


def _all_rows(comparison: Comparison) -> List[Dict[str, Any]]:
    rows = []
    for configuration in comparison.configurations:
        for run in configuration.runs:
            values = [(run.final(quantity), text) for quantity, _, text in COLUMNS]
            rows.append({
                "label": findings.label(configuration), "seed": run.seed, "state": run.state,
                "parameters": parameters_text(configuration, comparison.rivals(configuration)),
                "is_chosen": configuration in comparison.chosen,
                "finals": ["–" if value is None else text(value) for value, text in values]})
    return rows


def _leads(comparison: Comparison, targets: Sequence[float]) -> Dict[str, Any]:
    leads = findings.leads(comparison, targets)
    return {"source": comparison.chosen[0].source, "verdict": findings.verdict(leads, comparison),
            "texts": [finding.text for finding in leads]}


def _section(number: int, comparison: Comparison, targets: Sequence[float]) -> Dict[str, Any]:
    smallest = [min(targets)] if targets and comparison.goal is None else []
    rows = [[{"title": f"{y_title} against {x_title}",
              "svg": plots.svg(comparison.chosen, x, x_title, y, y_title, f"{number}-{x}-{y}")}
             for x, x_title in plots.AXES] for y, y_title in plots.QUANTITIES]
    return {
        "title": comparison.title,
        "notes": [comparison.how_chosen, comparison.how_measured],
        "leads": [_leads(part, targets) for part in comparison.by_source()],
        "cautions": [finding.text for target in smallest for finding in findings.sooner_elsewhere(comparison, target)] +
                    [finding.text for finding in findings.cautions(comparison)],
        "styles": plots.styles(comparison.chosen),
        "plots": [plot for row in rows for plot in row if plot["svg"]],
        "targets": [f"{target:g}" for target in targets],
        "chosen": [_chosen_row(comparison, chosen, targets) for chosen in comparison.chosen],
        "all": _all_rows(comparison),
    }


def machines(runs: Sequence[Run]) -> List[Dict[str, Any]]:
    """The machines and versions that the runs tell of, each once, and how many runs say nothing."""
    found: List[Dict[str, Any]] = []
    for run in runs:
        facts = dict(run.notes.get("machine") or {})
        if "ranks" in run.notes:
            facts["ranks"] = str(run.notes["ranks"])
        facts = facts or {"machine": "not recorded (runs made by hand)"}
        entry = next((entry for entry in found if (entry["facts"], entry["source"]) == (facts, run.source)), None)
        if entry is None:
            found.append({"source": run.source, "facts": facts, "runs": 1})
        else:
            entry["runs"] += 1
    return found


def commands(runs: Sequence[Run]) -> List[str]:
    """The commands that made the runs."""
    return [shlex.join(map(str, run.notes.get("command") or ["sibp_dist", "--config", run.folder / "config.ini"]))
            for run in runs]


def file_name(title: str) -> str:
    """A title as a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def write_report(folders: Sequence[Path], out: Path, command: str) -> Path:
    """Writes the report of the runs in these folders and returns the page's path. Throws NothingToReport."""
    runs = gather(folders)
    plans = read_plans(folders)

    def goal_of(options: Dict[str, str]) -> Optional[float]:
        problem = problem_of(options, plans)
        return problem.goal if problem else None

    comparisons = compare(runs, goal_of)
    out.mkdir(parents=True, exist_ok=True)
    sections = []
    for number, comparison in enumerate(comparisons, 1):
        problem = problem_of(comparison.options, plans)
        targets = targets_of(comparison, problem.targets if problem else None)
        section = _section(number, comparison, targets)
        section["png"] = f"plots-{number}-{file_name(comparison.title)}.png"
        plots.png(comparison.chosen, comparison.title, out / section["png"])
        plots.loss_svg(comparison.chosen, out / f"loss-{number}-{file_name(comparison.title)}.svg")
        sections.append(section)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(str(Path(__file__).parent)), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    page = environment.get_template("page.html.j2").render(
        sections=sections, columns=[title for _, title, _ in COLUMNS], machines=machines(runs),
        commands=commands(runs), command=command, light=plots.LIGHT, dark=plots.DARK,
        states={state: sum(run.state == state for run in runs) for state in sorted({run.state for run in runs})},
        runs=len(runs), is_quick=any(plan.quick for plan in plans),
        sweeps=sweep_report.write_pages(folders, out, environment))
    path = out / PAGE_FILE
    path.write_text(page, encoding="utf-8")
    return path
