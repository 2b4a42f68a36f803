"""Memory accesses of the kernels, by compute-sanitizer's memcheck, on a reduced set of tests: it slows them many times."""

import os
import shutil
from pathlib import Path

from .programs_of_tests import judge, programs

# A word of the program's name, and the tests in it, in full and in short; those that matter most first.
REDUCED = (
    ("training", "*OfTheCpu/*", "*OfTheCpu/0:*OfTheCpu/3:*OfTheCpu/5"),
    ("device", "*", ""),
)
# Errors of calls are what some tests are about.
FLAGS = ("--tool", "memcheck", "--report-api-errors", "no", "--target-processes", "all", "--error-exitcode", 9)


def run(context, findings):
    tool = find_tool()
    if tool is None:
        findings.unavailable("compute-sanitizer", "it is not on the path nor beside CUDA's toolkit")
        return
    wanted = [(program, in_short if context.short else in_full) for word, in_full, in_short in REDUCED
              for program in programs(context, word)]
    wanted = [(program, chosen) for program, chosen in wanted if chosen]
    for k, (program, chosen) in enumerate(wanted):
        outcome = context.run([tool, *FLAGS, program, f"--gtest_filter={chosen}"], seconds=context.share(len(wanted) - k),
                              SIBP_TEST_DEVICE="cuda", GTEST_COLOR="no")
        if "Device not supported" in outcome.text + outcome.errors:  # some virtual machines do not let it at the GPU
            findings.unavailable("compute-sanitizer", "it does not support this device")
            return
        judge(findings, program.name, outcome)


def find_tool():
    name = "compute-sanitizer"
    folders = [Path(os.environ[variable]) for variable in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(variable)]
    if nvcc := shutil.which("nvcc"):
        folders.append(Path(nvcc).resolve().parents[1])
    folders.append(Path("/usr/local/cuda"))
    places = [place for folder in folders for place in (folder / "bin" / name, folder / name / name)]
    return shutil.which(name) or next((str(place) for place in places if os.access(place, os.X_OK)), None)
