"""Makes one run: starts the program, and keeps in the run's folder what it printed and how it ended."""

from __future__ import annotations

import ctypes
import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

from . import machine
from .records import DIVERGED, DIVERGED_STATUS, FINISHED, PRUNED_STATUS, RUN_FILE, is_run, load_run

OUTPUT_FILE = "output.txt"
LOOK = 0.5  # seconds between questions whether a run should stop
PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
_libc = ctypes.CDLL(None)
# Ends a start that hangs, and leaves no rank behind.
SUPERVISOR = Path(__file__).resolve().parents[1] / "run.sh"


class RunFailed(Exception):
    """The program ended with an error that says nothing about the method."""


class OutOfTime(Exception):
    """The run did not end within the time left."""


@dataclass
class Runner:
    """How runs are started, and the folder that holds theirs."""

    program: Path
    launcher: List[str]  # mpirun and its flags
    ranks: int
    folder: Path
    machine: Dict[str, str] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """The folder of a run."""
        return self.folder / "runs" / name

    def is_done(self, name: str, arguments: List[str]) -> bool:
        """Whether the run is there with its final record, or diverged, and was made with these options."""
        folder = self.path(name)
        if not is_run(folder):
            return False
        run = load_run(folder)
        return run.state in (FINISHED, DIVERGED) and run.notes.get("arguments") == arguments

    def make(self, name: str, arguments: List[str], timeout: Optional[float] = None,
             should_stop: Callable[[], bool] = lambda: False, notes: Optional[Dict[str, Any]] = None) -> bool:
        """Makes the run anew, whatever an earlier start left of it, and keeps `notes` with it. False if `should_stop`, asked
        every half second, ended it early. Throws RunFailed and OutOfTime."""
        folder = self.path(name)
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [str(SUPERVISOR), "-np", str(self.ranks), "--launcher", shlex.join(self.launcher),
                   "--program", str(self.program), "--", *arguments, "--progress", "none", "--out", str(folder)]
        start = time.monotonic()
        log = folder.with_name(folder.name + ".log")  # the program wants its folder empty
        with log.open("wb") as output:
            status = _run_group(command, output, timeout, should_stop)
        text = log.read_text(encoding="utf-8", errors="replace")
        if status is None:
            log.unlink()
            raise OutOfTime(name)
        if status not in (0, DIVERGED_STATUS, PRUNED_STATUS) or (status != PRUNED_STATUS and not is_run(folder)):
            raise RunFailed(f"exit status {status} of: {' '.join(command)}\n{text}\nThe output is kept in {log}")
        folder.mkdir(exist_ok=True)
        shutil.move(str(log), str(folder / OUTPUT_FILE))
        blas = machine.blas_in(text)
        notes = {**(notes or {}), "status": status, "seconds": time.monotonic() - start, "ranks": self.ranks, "command": command,
                 "arguments": arguments, "machine": {**self.machine, **({"BLAS": blas} if blas else {})}}
        (folder / RUN_FILE).write_text(json.dumps(notes, indent=2) + "\n", encoding="utf-8")
        return status != PRUNED_STATUS


def _end_with_parent() -> None:
    """In a child: it ends by SIGKILL when its parent does, however. The supervisor leaves no rank behind then."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _run_group(command: List[str], output, timeout: Optional[float], should_stop: Callable[[], bool]) -> Optional[int]:
    """The exit status of the command, PRUNED_STATUS if `should_stop` ended it, or nothing if it did not end in time; then
    it and its children are ended."""
    deadline = time.monotonic() + (math.inf if timeout is None else timeout)
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                          start_new_session=True, preexec_fn=_end_with_parent) as process:
        try:
            while True:
                try:
                    return process.wait(min(LOOK, max(deadline - time.monotonic(), 0)))
                except subprocess.TimeoutExpired:
                    if time.monotonic() >= deadline or should_stop():
                        break
        except BaseException:  # the user's Ctrl-C as well leaves no ranks behind
            _end_group(process)
            raise
        _end_group(process)
        return None if time.monotonic() >= deadline else PRUNED_STATUS


def _end_group(process: subprocess.Popen) -> None:
    # The supervisor takes one SIGINT as a wish for a checkpoint, and a second one as one for an end at once.
    for ending, patience in ((signal.SIGINT, 0.5), (signal.SIGINT, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, ending)
            process.wait(patience)
            return
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
