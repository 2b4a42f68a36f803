"""What a run was made on and with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple, Type


def _first_line(command: List[str]) -> str:
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                timeout=30, check=False, universal_newlines=True)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = result.stdout.strip().splitlines()
    return lines[0] if lines else "unknown"


def _match_in_file(path: str, pattern: str) -> Optional[str]:
    try:
        match = re.search(pattern, Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return match[1].strip() if match else None


def _memory() -> str:
    kilobytes = _match_in_file("/proc/meminfo", r"^MemTotal:\s*(\d+)")
    return f"{int(kilobytes) / 2**20:.1f} GiB" if kilobytes else "unknown"


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_up_environment(threads: int) -> int:
    """Sets the threads of each rank unless the user chose them, and returns them. Options from the environment are left
    out: they would not show in what is kept of the runs."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    for name in [name for name in os.environ if name.startswith("SIBP_")]:
        print(f"leaving out the environment variable {name}", file=sys.stderr)
        del os.environ[name]
    try:
        return int(os.environ["OMP_NUM_THREADS"])
    except ValueError:
        sys.exit(f"error: OMP_NUM_THREADS: found '{os.environ['OMP_NUM_THREADS']}', expected a whole number")


def split_at_dashes(words: List[str]) -> Tuple[List[str], List[str]]:
    """A command line's own words, and the options of the program behind `--`."""
    return (words[:words.index("--")], words[words.index("--") + 1:]) if "--" in words else (words, [])


@contextmanager
def errors_as_messages(*errors: Type[Exception]) -> Iterator[None]:
    """Around what a command does: these errors, and Ctrl-C, become messages."""
    try:
        yield
    except errors as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)


def describe(program: Path, launcher: List[str]) -> Dict[str, str]:
    """The machine and the versions, by what they are called in the report. The program starts under the launcher."""
    return {
        "CPU": _match_in_file("/proc/cpuinfo", r"^model name\s*:(.*)$") or platform.machine() or "unknown",
        "cores": str(core_count()),
        "memory": _memory(),
        "system": _match_in_file("/etc/os-release", r'^PRETTY_NAME="?(.*?)"?$') or platform.system(),
        "program": _first_line([*launcher, "-np", "1", str(program), "--version"]),
        "MPI": _first_line([launcher[0], "--version"]),
    }


def blas_in(output: str) -> Optional[str]:
    """The BLAS that a run's messages name."""
    match = re.search(r"threads? on \w+ \(([^)]*)\)", output)
    return match[1] if match else None
