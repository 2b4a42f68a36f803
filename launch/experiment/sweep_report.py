"""The pages about sweeps: every trial, and the goal along the search and against each parameter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Sequence

import jinja2

from . import findings, plots
from .records import Run, load_runs
from .space import Parameter, parameters_of
from .sweep_folder import SWEEP_FILE, Settings, read_settings

# Up to so many trials at once.
MOST_ROWS = 1000


def write_pages(folders: Sequence[Path], out: Path, environment: jinja2.Environment) -> List[Dict[str, str]]:
    """Writes a page for each sweep in the folders; their titles and files."""
    sweeps = list(dict.fromkeys(
        file.parent.resolve() for folder in folders for file in sorted(folder.rglob(SWEEP_FILE))))
    pages = []
    for number, folder in enumerate(sweeps, 1):
        name = f"sweep-{number}-{re.sub(r'[^a-z0-9]+', '-', folder.name.lower()).strip('-')}.html"
        page = environment.get_template("sweep.html.j2").render(
            **content_of(folder), light=plots.LIGHT, dark=plots.DARK)
        (out / name).write_text(page, encoding="utf-8")
        pages.append({"title": folder.name, "file": name})
    return pages


def content_of(folder: Path) -> Dict[str, Any]:
    """What the template shows of the sweep in a folder."""
    settings = read_settings(folder)
    runs = [run for run in load_runs(folder) if isinstance(run.notes.get("trial"), int) and
            isinstance(run.notes.get("values"), dict)]
    parameters = parameters_of(settings.params)
    runs.sort(key=lambda run: rank(run, settings))
    best = next((run for run in runs if run.final(settings.goal) is not None), None)
    number = findings.percent if settings.goal.endswith("accuracy") else findings.number
    return {
        "title": folder.name, "settings": settings, "parameters": [parameter.name for parameter in parameters],
        "best": None if best is None else " ".join(f"--{name} {value}" for name, value in best.notes["values"].items()),
        "best_value": None if best is None else number(best.final(settings.goal)),
        "plots": plots_of(runs, parameters, settings),
        "rows": [{"trial": run.notes["trial"], "state": run.state,
                  "values": [run.notes["values"].get(parameter.name, "") for parameter in parameters],
                  "goal": "–" if run.final(settings.goal) is None else number(run.final(settings.goal)),
                  "seconds": f"{run.notes.get('seconds', 0):.1f}"} for run in runs[:MOST_ROWS]],
    }


def rank(run: Run, settings: Settings) -> tuple:
    """Sorts trials, the best first."""
    value = run.final(settings.goal)
    sign = -1 if settings.direction == "maximize" else 1
    return (value is None, 0 if value is None else sign * value, run.notes["trial"])


def plots_of(runs: Sequence[Run], parameters: Sequence[Parameter], settings: Settings) -> List[Dict[str, str]]:
    """The goal by the number of the trial, with the best so far, and against each parameter."""
    points = sorted((run.notes["trial"], run.final(settings.goal), run.notes["values"]) for run in runs
                    if run.final(settings.goal) is not None)
    best = max if settings.direction == "maximize" else min
    goal = settings.goal.replace("_", " ")

    def draw_history(axes: Any, colours: List[str]) -> bool:
        numbers, values = [point[0] for point in points], [point[1] for point in points]
        axes.scatter(numbers, values, s=14, color=colours[0], zorder=3)
        axes.step(numbers, [best(values[:end]) for end in range(1, len(values) + 1)], where="post", color=colours[1])
        return bool(points)

    found = [{"title": f"{goal} of each trial, and the best so far",
              "svg": plots.drawn_svg(draw_history, "trial", goal, "history")}]
    for parameter in parameters:
        found.append({"title": f"{goal} against {parameter.name}",
                      "svg": plots.drawn_svg(drawing_against(parameter, points), parameter.name, goal, parameter.name)})
    return [plot for plot in found if plot["svg"]]


def drawing_against(parameter: Parameter, points: Sequence[tuple]) -> Any:
    """What draws the values of a parameter and the goal."""
    def draw(axes: Any, colours: List[str]) -> bool:
        words = [values[parameter.name] for _, _, values in points]
        numbers = [parameter.number_of(word) for word in words]
        axes.scatter(words if None in numbers else numbers, [value for _, value, _ in points], s=14, color=colours[0], zorder=3)
        if parameter.is_log:
            axes.set_xscale("log")
            plots.label_logarithms(axes.xaxis)
        return bool(points)
    return draw
