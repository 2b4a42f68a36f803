"""Runs one case in one way, and works out what the table shows of it."""

import functools
import math
import statistics

PHASES = ("forward", "backward", "solve", "communication", "reading")


def data_options(case):
    return ["--dataset", "synthetic", "--synthetic-features", case.features, "--synthetic-classes", case.classes,
            "--synthetic-samples", 2 * case.batch, "--hidden", ",".join(map(str, case.hidden)), "--batch", case.batch]


def way_options(way):
    """Steps so small that nothing diverges; their size does not matter to the time."""
    if way == "sgd":
        return ["--method", "sgd", "--lr", "1e-4", "--schedule", "constant"]
    return ["--form", way, "--eta", "1e-3", "--schedule", "constant"]


def steps_per_record(predicted_seconds, seconds_per_record):
    return max(1, math.ceil(seconds_per_record / max(predicted_seconds, 1e-6)))


def timed_records(records):
    """The records without the first, which warms up."""
    return records[1:] if len(records) > 1 else records


def summarise(runs):
    """Medians over the records of all repetitions, in seconds, with the shares of the phases."""
    records = [record for run in runs for record in timed_records(run)]

    def median(key):
        return statistics.median(record.get(key) or 0.0 for record in records)

    seconds = median("seconds_step")
    return {
        "seconds": seconds,
        "seconds_least": min(record["seconds_step"] for record in records),
        "seconds_most": max(record["seconds_step"] for record in records),
        "records": len(records),
        "shares": {phase: median(f"seconds_{phase}") / seconds for phase in PHASES},
        "seconds_exposed": median("seconds_communication"),
        "seconds_hidden": median("seconds_communication_hidden"),
        "bytes_reduced": median("bytes_reduced"),
        "peak_memory_bytes": max(run[-1].get("peak_memory_bytes", 0) for run in runs),
    }


def prediction(plan, way):
    """What the program predicts of a step; for sgd, a rough guess of its time alone."""
    point = plan["strong"][0]
    if way == "sgd":
        return {"seconds": 1.5 * point["seconds_network"], "forms": "", "memory_bytes": None}
    return point if way == "auto" else point["alternatives"][way]


def gradient_flops(case, ranks):
    """Of one rank in a step of SGD: forward, difference carried, gradient."""
    pairs = list(zip(case.widths, case.widths[1:]))
    samples = math.ceil(case.batch / ranks)
    passes = sum(4 * (inputs + 1) * outputs for inputs, outputs in pairs)
    carried = sum(2 * inputs * outputs for inputs, outputs in pairs[1:])
    return samples * (passes + carried)


@functools.cache
def idle_memory(programs, ranks):
    """Bytes of a rank that has next to nothing to train: the program and its libraries."""
    options = ["--dataset", "synthetic", "--synthetic-features", 1, "--synthetic-samples", 64, "--hidden", 1,
               "--batch", 2, "--steps", 2, *way_options("normal")]
    return programs.train(ranks, *options)[-1].get("peak_memory_bytes", 0)


def run_once(programs, case, ranks, way, plan, settings):
    """The records of one run."""
    steps = steps_per_record(prediction(plan, way)["seconds"], settings.seconds_per_record)
    return programs.train(ranks, *data_options(case), *way_options(way), "--steps", steps * settings.records,
                          "--log-every", steps, "--evaluate-every", 10**9)


def measure(programs, case, ranks, ways, plan, settings):
    """The rows of a case on so many ranks. The ways take turns: what slows the machine for a while slows all alike."""
    runs = {way: [] for way in ways}
    for _ in range(settings.repetitions):
        for way in ways:
            runs[way].append(run_once(programs, case, ranks, way, plan, settings))
    return [row_of(programs, case, ranks, way, plan, runs[way]) for way in ways]


def row_of(programs, case, ranks, way, plan, runs):
    """One row of the table."""
    expected = prediction(plan, way)
    row = summarise(runs)
    flops = gradient_flops(case, ranks) if way == "sgd" else expected["flops"]
    peak = max(plan["rates"]["gemm"])
    row |= {
        "case": case.name,
        "network": case.network,
        "batch": case.batch,
        "ranks": ranks,
        "way": way,
        "forms": expected["forms"],
        "flops": flops,
        "gemm_peak": peak,
        "flops_over_peak": flops / row["seconds"] / peak,
        "bytes_over_gradient": row["bytes_reduced"] / case.gradient_bytes,
        "seconds_predicted": None if way == "sgd" else expected["seconds"],
        "memory_predicted": expected["memory_bytes"],
        "memory_idle": None if way == "sgd" else idle_memory(programs, ranks),
    }
    return row
