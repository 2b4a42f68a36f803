"""Draws the curves of a plan.

    plan_plot.py PLAN.json PLOT.svg
"""

import json
import sys
from pathlib import Path


def assumptions(plan):
    link, rates = plan["interconnect"], plan["rates"]
    return (f"{plan['network']}; {plan['ranks_per_node']} rank(s) a node, {max(rates['gemm']) / 1e9:.0f} GFLOP/s a rank, "
            f"{1e6 * link['latency_seconds']:.2g} µs, {link['bandwidth_bytes'] / 1e9:.3g} GB/s")


def draw(plan, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.8))
    for name, points in (("strong", plan["strong"]), ("weak", plan["weak"])):
        nodes = [point["nodes"] for point in points]
        batch = f"batch {plan['batch']}" if name == "strong" else f"{plan['batch'] / points[0]['ranks']:.0f} samples a rank"
        left.plot(nodes, [point["batch"] / point["seconds"] for point in points], "o-", label=f"{name}, {batch}")
        line, = right.plot(nodes, [100 * point["efficiency"] for point in points], "o-", label=name)
        per_rank = points[0]["batch"] / points[0]["seconds"] / points[0]["ranks"]
        right.plot(nodes, [100 * point["batch"] / point["sgd_seconds"] / point["ranks"] / per_rank for point in points],
                   ":", color=line.get_color(), label=f"{name}, SGD over sibp on the first")
    right.plot(nodes, [100 * point["batch"] / point["best"]["seconds"] / point["ranks"] / per_rank for point in points],
               "--", color="black", label="weak, best setting")
    left.set_yscale("log")
    left.set_ylabel("samples a second")
    right.set_ylabel("efficiency, %")
    right.set_ylim(0, None)
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(nodes[::2], [str(count) for count in nodes[::2]])
        axes.set_xlabel("nodes")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    figure.suptitle(assumptions(plan), fontsize=9)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), sys.argv[2])
