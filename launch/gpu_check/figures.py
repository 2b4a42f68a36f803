"""The figures of src/device/README.md: launch/benchmark's cases on the GPU, and PyTorch's SGD beside ours."""

from dataclasses import dataclass
from pathlib import Path

import gpu
import pytorch


@dataclass(frozen=True)
class Settings:
    records: int
    repetitions: int
    seconds_per_record: float


FULL = Settings(records=4, repetitions=1, seconds_per_record=0.3)
SHORT = Settings(records=3, repetitions=1, seconds_per_record=0.05)
SHORT_CASES = ("mnist-100", "cifar-4000")


def chosen_cases(context):
    return gpu.find(("tiny",) if context.tiny else SHORT_CASES if context.short else ())


def precisions(context):
    return gpu.PRECISIONS[:1] if context.short else gpu.PRECISIONS


def run_benchmark(context, findings):
    """Reports a row as soon as it is measured, the processor's last."""
    cases, settings = chosen_cases(context), SHORT if context.short else FULL
    rows = []

    def say(_):
        """Says nothing: the findings do."""

    def keep(measured):
        for row in measured:
            rows.append(row)
            findings.keep(rows=rows)
            findings.fact(f"{row['case']}, {row['way']}, {row['device']}", f"{1e3 * row['seconds']:.3f} ms a step")

    keep(gpu.rows_of_gpu(Path(context.programs), cases, settings, say, precisions(context)))
    if not context.short:
        keep(gpu.rows_of_cores(Path(context.programs), cases, settings, say))


def run_pytorch(context, findings):
    if not context.version_of_pytorch():
        findings.unavailable("PyTorch", f"{context.python} has none; --python names another interpreter")
        return
    seconds_each = 0.5 if context.short else 1.5
    wanted = [(case, precision) for case in chosen_cases(context) for precision in precisions(context)]
    seen = {}
    for case, precision, seconds in pytorch.seconds_of_steps(context.python, wanted, seconds_each):
        seen[f"{case.name} {precision}"] = seconds
        findings.keep(pytorch_seconds=seen)
        findings.fact(f"{case.name}, PyTorch's SGD, {precision}", f"{1e3 * seconds:.3f} ms a step")


def ratios(data):
    """The lines of the table, from what the two parts kept."""
    seconds = {tuple(name.split(" ")): value for name, value in data.get("pytorch_seconds", {}).items()}
    return gpu.ratios(data.get("rows", []), seconds)
