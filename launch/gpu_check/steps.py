"""A step and 20 steps of every method on every kind of layer, on the GPU against the CPU: by the test program, and by
trainings of the program itself, whose weights are compared."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import made_up, weights
from .context import USAGE, cores
from .networks import NETWORKS, methods
from .programs_of_tests import programs, run_programs

# Largest relative difference of a tensor of weights after so many steps: rounding grows from step to step.
TOLERANCES = {1: 1e-4, 20: 1e-3}
AT_ONCE = 6


def run(context, findings):
    run_programs(context, findings, programs(context, "training"))
    data = made_up.make_idx(Path(context.work))
    known = []
    for network in NETWORKS:
        why_not = context.why_not("--network", network.layers, *data)
        if why_not:
            findings.unavailable(f"layer kind {network.kind}", f"{network.layers}: {why_not}")
        else:
            known.append(network)
    pairs = [(network, method) for network in known for method in methods(network, context.short)]
    with ThreadPoolExecutor(min(AT_ONCE, cores())) as pool:
        list(pool.map(lambda pair: compare(context, findings, data, *pair), pairs))


def compare(context, findings, data, network, method):
    """Trains on both and reports how far the weights are apart after each of the method's numbers of steps."""
    title = f"{network.kind}: {method.name}"
    options = ["--network", network.layers, *data, *method.options, "--batch", 100, "--steps", max(method.steps),
               "--checkpoint-every", 1, "--keep", max(method.steps)]
    on_cpu, expected, _ = context.train("--device", "cpu", *options)
    if on_cpu.status == USAGE:
        findings.unavailable(title, on_cpu.message)
        return
    on_gpu, seen, _ = context.train("--device", "cuda", *options)
    for device, outcome in (("CPU", on_cpu), ("GPU", on_gpu)):
        if outcome.status != 0:
            findings.check(False, f"{title}: training on the {device}", outcome.message)
            return
    for steps in method.steps:
        file = Path("checkpoints") / f"step-{steps:08}" / "weights.safetensors"
        try:
            difference, whose = weights.worst_difference(weights.read(seen / file), weights.read(expected / file))
        except (OSError, ValueError) as error:
            difference, whose = math.inf, str(error)
        findings.check(difference <= TOLERANCES[steps], f"{title}: weights after {steps} step{'s' * (steps > 1)}",
                       f"{difference:.1e} ({whose})", f"≤ {TOLERANCES[steps]:.0e}")
