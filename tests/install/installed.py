"""A fresh prefix with what `cmake --install` puts there."""

import os
import subprocess
from pathlib import Path

MPIEXEC = os.environ.get("MPIEXEC_UNDER_TEST", "mpirun")
RANKS = ["--oversubscribe", "--bind-to", "none"]


def run(*command, **more):
    """The output of a command, which must succeed."""
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=240, check=False, **more)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}\nstatus {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def install(cmake, build, prefix):
    run(cmake, "--install", build, "--prefix", prefix)
    return Path(prefix)
