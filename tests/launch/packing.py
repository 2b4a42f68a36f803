"""launch/bundle.sh in tests; where this machine lacks what it needs, they are skipped with its message."""

import subprocess
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "launch" / "bundle.sh"
LACKS = ("is missing; launch/install.sh tests installs it", "expected Open MPI 4", "has no Fashion-MNIST")


def bundle(*words):
    return subprocess.run([SCRIPT, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def skip_where_it_lacks_something(packed):
    if any(lack in packed.stderr for lack in LACKS):
        raise unittest.SkipTest(packed.stderr.strip())


def pack(*words):
    """Packs, or fails the test with what the script said."""
    packed = bundle(*words)
    skip_where_it_lacks_something(packed)
    if packed.returncode != 0:
        raise AssertionError(packed.stderr)
