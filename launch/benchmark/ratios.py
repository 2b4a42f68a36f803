"""The ratios that the project wants to reach, from the rows of one run of the benchmark."""


class Rows:
    def __init__(self, rows):
        self._rows = {(row["case"], row["ranks"], row["way"]): row for row in rows}

    def value(self, case, ranks, way, key="seconds"):
        row = self._rows.get((case, ranks, way))
        return None if row is None else row[key]

    def all(self):
        return self._rows.values()


def divide(a, b):
    return None if a is None or b is None or b == 0 else a / b


def figure(text, reach, seen, at_most=True):
    """One line of the table; `seen` is None if what it needs was not run."""
    met = None if seen is None else (seen <= reach if at_most else seen >= reach)
    return {"figure": text, "reach": f"{'≤' if at_most else '≥'} {reach}", "seen": seen, "met": met}


def worst_prediction(rows, ranks):
    """|predicted / measured − 1| of the chosen forms, where it is largest; communication that is hidden by the step is
    in the prediction."""
    errors = [abs(row["seconds_predicted"] / row["seconds"] - 1) for row in rows.all()
              if row["ranks"] == ranks and row["way"] == "auto" and row["seconds_predicted"] is not None]
    return max(errors, default=None)


def worst_memory(rows):
    """Measured memory over what is predicted and an idle rank's, where it is largest."""
    ratios = [row["peak_memory_bytes"] / (row["memory_predicted"] + row["memory_idle"]) for row in rows.all()
              if row["memory_predicted"] is not None]
    return max(ratios, default=None)


def ratios(rows, overlap=None, pytorch=None):
    """All lines. `overlap` is the output of bench_overlap, `pytorch` seconds of a step by case."""
    table = Rows(rows)
    seconds = table.value
    pytorch = pytorch or {}

    def over_sgd(case):
        return divide(seconds(case, 1, "auto"), seconds(case, 1, "sgd"))

    def over_pytorch(case):
        return divide(seconds(case, 1, "sgd"), pytorch.get(case))

    return [
        figure("sibp / SGD, 784-500-10, batch 100, 1 rank", 1.4, over_sgd("mnist-100")),
        figure("sibp / SGD, 3072-4000-1000-4000-10, batch 500, 1 rank", 1.5, over_sgd("cifar-500")),
        figure("sibp / SGD, 3072-4000-1000-4000-10, batch 2000, 1 rank", 2.0, over_sgd("cifar-2000")),
        figure("flops / GEMM peak, 3072-4000-1000-4000-10, batch 500, 1 rank", 0.8,
               seconds("cifar-500", 1, "auto", "flops_over_peak"), at_most=False),
        figure("our SGD / PyTorch's, 784-500-10, batch 100", 1.1, over_pytorch("mnist-100")),
        figure("our SGD / PyTorch's, 3072-4000-1000-4000-10, batch 500", 1.1, over_pytorch("cifar-500")),
        figure("speed of 2 ranks over 1, 3072-4000-1000-4000-10, batch 500", 1.6,
               divide(seconds("cifar-500", 1, "auto"), seconds("cifar-500", 2, "auto")), at_most=False),
        figure("weak scaling 1 → 2 ranks, 250 per rank", 0.8,
               divide(seconds("cifar-250", 1, "auto"), seconds("cifar-500", 2, "auto")), at_most=False),
        figure("speed of auto over normal, 3072-4000-1000-4000-10, batch 100, 1 rank", 8,
               divide(seconds("cifar-100", 1, "normal"), seconds("cifar-100", 1, "auto")), at_most=False),
        figure("a step / the same with collectives that do nothing, 2 ranks", 1.15,
               None if overlap is None else overlap["ratio"]),
        figure("memory of a rank / (predicted + an idle rank's), worst", 1.2, worst_memory(table)),
        figure("predicted / measured time of auto, off by at most, 1 rank", 0.3, worst_prediction(table, 1)),
        figure("predicted / measured time of auto, off by at most, 2 ranks", 0.3, worst_prediction(table, 2)),
        figure("auto / the best form, worst", 1.15, worst_choice(table)),
    ]


def worst_choice(rows):
    """Time of auto over that of the best single form, where it is largest."""
    worst = None
    for row in rows.all():
        if row["way"] != "auto":
            continue
        others = [other["seconds"] for other in rows.all()
                  if (other["case"], other["ranks"]) == (row["case"], row["ranks"]) and other["way"] not in ("auto", "sgd")]
        if others:
            worst = max(worst or 0, row["seconds"] / min(others))
    return worst
