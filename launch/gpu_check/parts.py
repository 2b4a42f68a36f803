"""The parts, in the order in which they run, with the seconds that each may take in full and in short. Those add up to at
most 480 and 180."""

from dataclasses import dataclass
from typing import Callable

from . import cifar, device, figures, programs_of_tests, sanitizer, steps, training


@dataclass(frozen=True)
class Part:
    name: str
    title: str
    run: Callable  # of a Context and Findings
    seconds: float
    seconds_short: float


PARTS = (
    Part("device", "Device and software", device.run, 25, 15),
    Part("tests", "Unit tests", programs_of_tests.run_unit, 60, 25),
    Part("steps", "A step and 20 steps against the CPU, every method and layer kind", steps.run, 75, 35),
    Part("nccl", "NCCL with one rank", programs_of_tests.run_nccl, 20, 10),
    Part("training", "Training to a loss", training.run, 55, 25),
    Part("memcheck", "Memory accesses, by compute-sanitizer", sanitizer.run, 55, 15),
    Part("benchmark", "Benchmark", figures.run_benchmark, 110, 25),
    Part("cifar10-94", "CIFAR-10 to 94 %: the first epochs", cifar.run, 40, 15),
    Part("pytorch", "PyTorch's SGD on the same GPU", figures.run_pytorch, 40, 15),
)
