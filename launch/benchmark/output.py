"""The results as Markdown and as a plot."""

PHASE_TITLES = ("forward", "backward", "solve", "communication", "reading")


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def percent(share):
    return f"{100 * share:.0f} %"


def megabytes(count):
    return "–" if count is None else f"{count / 1e6:.0f}"


def method(row):
    """How a row was trained, for people."""
    return f"{row['way']}, {row['device']}" if "device" in row else row["way"]


def case_row(row):
    predicted = row["seconds_predicted"]
    return (row["network"], row["batch"], row["ranks"], method(row), row["forms"] if row["way"] == "auto" else "",
            f"{1e3 * row['seconds']:.2f}", "–" if predicted is None else f"{1e3 * predicted:.2f}",
            " / ".join(f"{100 * row['shares'][phase]:.0f}" for phase in PHASE_TITLES),
            percent(row["flops_over_peak"]), f"{row['bytes_over_gradient']:.2f}",
            f"{1e3 * row['seconds_exposed']:.2f}", f"{1e3 * row['seconds_hidden']:.2f}",
            megabytes(row["peak_memory_bytes"]))


def ratio_row(ratio):
    seen, met = ratio["seen"], ratio["met"]
    return (ratio["figure"], ratio["reach"], "not run" if seen is None else f"{seen:.2f}",
            "" if met is None else ("yes" if met else "**no**"))


def markdown(results):
    machine = results["machine"]
    header = ("network", "batch", "ranks", "method", "chosen", "ms a step", "predicted", "% " + " / ".join(PHASE_TITLES),
              "flops / peak", "reduced / gradient", "exposed ms", "hidden ms", "MB a rank")
    text = f"# Benchmark\n\n{machine['processor']}, {machine['cores']} hardware threads"
    text += f" on {machine['physical_cores']} cores, {machine.get('gpu', 'one thread a rank')}; {results['date']}.\n"
    text += "".join(f"\nLeft out: {note}.\n" for note in results["left_out"])
    text += "\n## Ratios\n\n" + table(("figure", "reach", "seen", "reached"), map(ratio_row, results["ratios"]))
    text += "\n## Cases\n\nmethod: sgd, or the form of the semi-implicit update. Times are medians. Hidden communication"
    text += " is the time for which collectives were under way during other work, summed over those.\n\n"
    text += table(header, map(case_row, results["rows"]))
    return text


def draw(results, path):
    """Bars of the time of a step, by case. False without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    from matplotlib import pyplot

    groups = list(dict.fromkeys((row["case"], row["ranks"]) for row in results["rows"]))
    ways = list(dict.fromkeys(method(row) for row in results["rows"]))
    figure, axes = pyplot.subplots(figsize=(1.5 + 1.1 * len(groups), 4.5))
    for k, way in enumerate(ways):
        bars = {(row["case"], row["ranks"]): 1e3 * row["seconds"] for row in results["rows"] if method(row) == way}
        places = [i + (k - (len(ways) - 1) / 2) * 0.8 / len(ways) for i, group in enumerate(groups) if group in bars]
        axes.bar(places, [bars[group] for group in groups if group in bars], width=0.8 / len(ways), label=way)
    axes.set_yscale("log")
    axes.set_ylabel("ms a step")
    axes.set_xticks(range(len(groups)), [f"{case}\n{ranks} rank{'s' * (ranks > 1)}" for case, ranks in groups],
                    fontsize=7)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
    return True
