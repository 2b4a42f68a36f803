"""Tables and draws how the time of a step falls with the number of nodes.

    scaling.py FOLDER

FOLDER holds the runs nodes-1, nodes-2, … of one job; it gets scaling.json, scaling.md and, where Python has matplotlib,
scaling.svg.
"""

import json
import re
import sys
from pathlib import Path

from measure import PHASES, summarise
from output import table


def read_points(folder):
    """One dict per finished run, by number of nodes. Runs without a final record are left out."""
    points = []
    for path in folder.glob("nodes-*/metrics.jsonl"):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if records and records[-1]["final"]:
            points.append({"nodes": int(re.sub(r"\D", "", path.parent.name)), **summarise([records])})
    points.sort(key=lambda point: point["nodes"])
    return [with_speed_up(point, points[0]) for point in points]


def with_speed_up(point, first):
    """Against the fewest nodes, usually one: twice the nodes in half the time is an efficiency of 1."""
    speed_up = first["seconds"] / point["seconds"]
    return {**point, "speed_up": speed_up, "efficiency": speed_up * first["nodes"] / point["nodes"]}


def markdown(points):
    header = ("nodes", "ms a step", "speed-up", "efficiency", "% " + " / ".join(PHASES), "hidden communication, ms")
    rows = [(point["nodes"], f"{1e3 * point['seconds']:.2f}", f"{point['speed_up']:.2f}",
             f"{100 * point['efficiency']:.0f} %", " / ".join(f"{100 * point['shares'][phase]:.0f}" for phase in PHASES),
             f"{1e3 * point['seconds_hidden']:.2f}") for point in points]
    return "Medians over the records of a run; communication is what was waited for.\n\n" + table(header, rows)


def draw(points, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (speed, efficiency, phases) = pyplot.subplots(1, 3, figsize=(12, 3.8))
    nodes = [point["nodes"] for point in points]
    speed.plot(nodes, [point["speed_up"] for point in points], "o-", label="measured")
    speed.plot(nodes, [count / nodes[0] for count in nodes], "--", color="grey", label="ideal")
    speed.set_yscale("log", base=2)
    speed.set_ylabel("speed-up")
    speed.legend(fontsize=8)
    efficiency.plot(nodes, [100 * point["efficiency"] for point in points], "o-")
    efficiency.set_ylabel("efficiency, %")
    efficiency.set_ylim(0, None)
    for axes in (speed, efficiency):
        axes.set_xscale("log", base=2)
        axes.set_xticks(nodes, [str(count) for count in nodes])
        axes.grid(alpha=0.3)
    draw_phases(phases, points)
    for axes in (speed, efficiency, phases):
        axes.set_xlabel("nodes")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def draw_phases(axes, points):
    names = [str(point["nodes"]) for point in points]
    bottom = [0.0] * len(points)
    for phase in PHASES:
        heights = [1e3 * point["seconds"] * point["shares"][phase] for point in points]
        axes.bar(names, heights, bottom=bottom, label=phase)
        bottom = [below + height for below, height in zip(bottom, heights)]
    axes.set_ylabel("ms a step")
    axes.legend(fontsize=8)


def main(folder):
    points = read_points(folder)
    if not points:
        sys.exit(f"{folder}: no finished run nodes-N/metrics.jsonl in it")
    (folder / "scaling.json").write_text(json.dumps(points, indent=1) + "\n", encoding="utf-8")
    text = markdown(points)
    (folder / "scaling.md").write_text(text, encoding="utf-8")
    print(text)
    try:
        draw(points, folder / "scaling.svg")
    except ImportError:
        print("no plot: Python has no matplotlib (python3-matplotlib)")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
