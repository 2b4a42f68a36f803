"""Finds and ends the processes of a start, however they hang together.

Launchers put ranks into process groups of their own, and a rank whose launcher was killed becomes a child of process 1. So
the processes of a start are known by a variable that they all have in their environment. Ranks on other machines are
ended by their own daemons, which notice that the launcher is gone."""

import os
import signal
import time
from pathlib import Path


def with_variable(name, value):
    """The ids of this machine's processes that were started with the variable in their environment."""
    wanted = os.fsencode(f"{name}={value}")
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            pass  # ended meanwhile, or another user's
    return found


def kill_with_variable(name, value, patience=10.0):
    """Kills these processes, also those that they make meanwhile, and waits until they are gone. Returns how many there
    were, at most `patience` seconds later."""
    killed = set()
    deadline = time.monotonic() + patience
    while (left := with_variable(name, value)) and time.monotonic() < deadline:
        for process in left:
            killed.add(process)
            try:
                os.kill(process, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        time.sleep(0.02)
    return len(killed)


def executable(process):
    """The name of the program that a process runs; nothing once it has ended, also where its parent has not noticed."""
    try:
        return os.path.basename(os.readlink(f"/proc/{process}/exe"))
    except OSError:
        return None


class LocalRanks:
    """The ranks of a start on this machine: what runs `program` and has the variable, when all of them are there. They are
    known by the program's name, as `program` may be a script that becomes a program of its name elsewhere."""

    def __init__(self, program, name, value):
        self.program = os.path.basename(os.path.realpath(program))
        self.processes = [process for process in with_variable(name, value) if executable(process) == self.program]
        self.last_seen = time.monotonic()

    def seconds_gone(self):
        """For how long this machine, which had some, has had none of them; 0 on one without ranks."""
        now = time.monotonic()
        if not self.processes or any(executable(process) == self.program for process in self.processes):
            self.last_seen = now
        return now - self.last_seen


class Guard:
    """A child that outlives the supervisor, even where that is killed by SIGKILL, and then ends the processes of the
    start. As a context manager: inside it they are guarded, and an exception ends them too.

    Leaders of sessions, as the launcher is, get `end_signal` first, and a few seconds to remove their files."""

    PATIENCE = 5.0

    def __init__(self, name, value, end_signal=signal.SIGTERM):
        self.name, self.value, self.end_signal = name, value, end_signal

    def __enter__(self):
        reading, self.writing = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(self.writing)
            self._watch(reading)
        os.close(reading)
        return self

    def __exit__(self, exception, *_):
        if exception is None:
            os.write(self.writing, b"done")
        os.close(self.writing)
        os.waitpid(self.process, 0)

    def _watch(self, reading):
        os.setsid()  # away from the signals of the terminal; all others are blocked, as in the supervisor
        if not os.read(reading, 4):  # the pipe's end: the supervisor is gone
            self._end_leaders()
            kill_with_variable(self.name, self.value)
        os._exit(0)

    def _end_leaders(self):
        for process in with_variable(self.name, self.value):
            try:
                if os.getsid(process) == process:
                    os.kill(process, self.end_signal)
            except OSError:
                pass  # ended meanwhile
        deadline = time.monotonic() + self.PATIENCE
        while with_variable(self.name, self.value) and time.monotonic() < deadline:
            time.sleep(0.02)
