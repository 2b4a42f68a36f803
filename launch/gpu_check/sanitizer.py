"""Memory accesses of the kernels, by compute-sanitizer's memcheck, on a reduced set of tests: it slows them many times."""

import os
import shutil
from pathlib import Path

from .programs_of_tests import programs, run_programs

# Words of the programs' names and the tests in them, those that matter most first.
REDUCED = (
    ("training", "*GivesTheWeightsOfTheCpu*"),
    ("device", "*"),
)
ERRORS = 9  # status where memcheck finds something


def run(context, findings):
    tool = find_tool()
    if tool is None:
        findings.unavailable("compute-sanitizer", "it is not on the path nor beside CUDA's toolkit")
        return
    # Errors of calls are what some tests are about.
    launcher = [tool, "--tool", "memcheck", "--report-api-errors", "no", "--target-processes", "all", "--error-exitcode", ERRORS]
    # Some virtual machines do not let it at the GPU.
    trial = context.run([*launcher, context.program("sibp_dist"), "--version"], seconds=context.share(3))
    if "Device not supported" in trial.text + trial.errors or trial.status not in (0, ERRORS):
        findings.unavailable("compute-sanitizer", trial.message)
        return
    for word, chosen in REDUCED[:1] if context.short else REDUCED:
        run_programs(context, findings, programs(context, word)[:1], launcher, [f"--gtest_filter={chosen}"])


def find_tool():
    name = "compute-sanitizer"
    folders = [Path(os.environ[variable]) for variable in ("CUDA_HOME", "CUDA_PATH") if os.environ.get(variable)]
    if nvcc := shutil.which("nvcc"):
        folders.append(Path(nvcc).resolve().parents[1])
    folders.append(Path("/usr/local/cuda"))
    places = [place for folder in folders for place in (folder / "bin" / name, folder / name / name)]
    return shutil.which(name) or next((str(place) for place in places if os.access(place, os.X_OK)), None)
