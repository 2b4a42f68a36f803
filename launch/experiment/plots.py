"""Plots of the chosen configurations: SVG for the page, in its colours, and PNG files."""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Sequence, Tuple

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot  # noqa: E402  (after the choice of what draws)
from matplotlib.ticker import FuncFormatter  # noqa: E402

from .choice import Configuration, method_rank
from .findings import label
from .methods import METHODS
from .series import band_of

# Told apart by people of any colour vision, with a contrast of at least 3 to 1 on the page's ground, light and dark.
LIGHT = ["#0072b2", "#b54708", "#00795a", "#a0458f", "#7a5c00", "#555f6b", "#b3261e", "#3f51b5"]
DARK = ["#56b4e9", "#ff9551", "#35cfa0", "#e79ac9", "#f0c548", "#aab4c0", "#ff8a80", "#9fa8ff"]
DASHES = [(), (6, 2), (2, 1.5), (7, 2, 1.5, 2), (4, 1.5, 1.5, 1.5, 1.5, 1.5), (1, 1), (10, 3), (3, 3)]
MARKERS = {"": "", "o": "circles", "s": "squares", "^": "triangles", "D": "diamonds"}

QUANTITIES = [("train_loss", "training loss"), ("train_accuracy", "training accuracy"),
              ("validation_accuracy", "validation accuracy")]
AXES = [("step", "steps"), ("epoch", "epochs"), ("seconds_total", "seconds of training")]

# A logarithmic scale with more than this between its ends has labels at powers of ten alone.
LONG_SCALE = 30

# Colours that stand for the page's own in an SVG.
_TEXT, _GRID = "#010203", "#010204"


@dataclass
class Style:
    """How a series is drawn."""

    label: str
    number: int  # of its colour
    dashes: Tuple[float, ...]  # lengths of strokes and gaps; none: solid
    marker: str

    @property
    def svg_dashes(self) -> str:
        """The dashes as SVG has them."""
        return " ".join(f"{length * 2:g}" for length in self.dashes)

    @property
    def marker_name(self) -> str:
        """The marker's shape, for the legend."""
        return MARKERS[self.marker]

    @property
    def line(self) -> object:
        """The dashes as matplotlib has them."""
        return (0, self.dashes) if self.dashes else "solid"


def styles(series: Sequence[Configuration]) -> List[Style]:
    """A colour and dashes for each method, a marker for each source."""
    unknown = sorted({one.method for one in series} - set(METHODS), key=method_rank)
    sources = list(dict.fromkeys(one.source for one in series))
    markers = list(MARKERS)
    found = []
    for one in series:
        number = (METHODS + unknown).index(one.method) % len(LIGHT)
        found.append(Style(label(one), number, DASHES[number], markers[sources.index(one.source) % len(markers)]))
    return found


def _draw(axes, series: Sequence[Configuration], colours: Sequence[str], x: str, y: str) -> bool:
    """Draws the bands of one quantity; whether there was any."""
    drawn = False
    for one, style in zip(series, styles(series)):
        found = band_of(one.runs, x, y)
        if found is None:
            continue
        drawn, colour = True, colours[style.number]
        axes.fill_between(found.x, found.low, found.high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(found.x, found.mean, color=colour, linestyle=style.line, linewidth=1.7, label=style.label,
                  marker=style.marker or ("." if len(found.x) == 1 else None), markevery=0.15, markersize=4)
        if y == "train_loss" and min(found.low) > 0:
            axes.set_yscale("log")
    if axes.get_yscale() == "log":
        label_logarithms(axes.yaxis)
    return drawn


def label_logarithms(axis) -> None:
    """Labels a logarithmic axis by plain numbers."""
    low, high = axis.get_view_interval()
    between = () if high > LONG_SCALE * low else (2, 5)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if leading_digit(value) in between else ""))


def leading_digit(value: float) -> int:
    """The first digit of a number above 0."""
    return round(value / 10.0 ** math.floor(math.log10(value) + 1e-9))


def _finish(axes, x_title: str, y_title: str, text: str, grid: str) -> None:
    axes.set_xlabel(x_title, color=text)
    axes.set_ylabel(y_title, color=text)
    axes.tick_params(which="both", colors=text)
    axes.grid(True, color=grid, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(text)


def _page_svg(text: str) -> str:
    """The SVG element with colours that follow the page's."""
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)  # the plots of one page would share these names
    text = re.sub(r"font: (\d+px) [^;\"]*", r"font-size: \1", text)
    text = text.replace(_TEXT, "var(--text)").replace(_GRID, "var(--line)")
    for number, colour in enumerate(_placeholders()):
        text = text.replace(colour, f"var(--series-{number})")
    return text


def _placeholders() -> List[str]:
    return [f"#0102{16 + number:02x}" for number in range(len(LIGHT))]


def svg(series: Sequence[Configuration], x: str, x_title: str, y: str, y_title: str, salt: str) -> str:
    """One plot for the page; empty if nothing was measured."""
    return drawn_svg(lambda axes, colours: _draw(axes, series, colours, x, y), x_title, y_title, salt)


def drawn_svg(draw: Callable[[Any, List[str]], bool], x_title: str, y_title: str, salt: str) -> str:
    """What `draw` does to axes, in these colours, for the page; empty if it drew nothing."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "font.size": 10}):
        figure, axes = pyplot.subplots(figsize=(4.4, 3.2), layout="constrained")
        drawn = draw(axes, _placeholders())
        _finish(axes, x_title, y_title, _TEXT, _GRID)
        output = io.StringIO()
        if drawn:
            figure.savefig(output, format="svg", transparent=True)
        pyplot.close(figure)
    return _page_svg(output.getvalue()) if drawn else ""


def png(series: Sequence[Configuration], title: str, path: Path) -> None:
    """All plots of a problem in one file."""
    figure, grid = pyplot.subplots(len(QUANTITIES), len(AXES), figsize=(13, 10), layout="constrained", squeeze=False)
    for row, (y, y_title) in enumerate(QUANTITIES):
        for column, (x, x_title) in enumerate(AXES):
            axes = grid[row][column]
            if not _draw(axes, series, LIGHT, x, y):
                axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes)
            _finish(axes, x_title, y_title, "#222222", "#dddddd")
    if grid[0][0].get_legend_handles_labels()[0]:
        grid[0][0].legend(fontsize="small")
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def loss_svg(series: Sequence[Configuration], path: Path) -> None:
    """Training loss against steps alone, as a picture that stands for itself."""
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "loss", "font.family": "sans-serif", "font.size": 11}):
        figure, axes = pyplot.subplots(figsize=(7.2, 3.6), layout="constrained")
        _draw(axes, series, LIGHT, "step", "train_loss")
        _finish(axes, "steps", "training loss", "#222222", "#dddddd")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small", frameon=False)
        figure.savefig(path, facecolor="white", metadata={"Date": None})
        pyplot.close(figure)
