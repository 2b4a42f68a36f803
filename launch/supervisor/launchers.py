"""How mpirun and srun are started, told to stop and made to keep each rank's output."""

import os
import re
import signal
import threading
from pathlib import Path

from .output import say, write

# The seconds after which Open MPI's daemons find out that a link is dead are 480 otherwise.
KEEPALIVE = {"oob_tcp_keepalive_time": 3, "oob_tcp_keepalive_intvl": 1, "oob_tcp_keepalive_probes": 3}
# Variables that all ranks must have alike; mpirun takes them to other machines only if it is told.
FORWARDED = re.compile("OMP_NUM_THREADS|OPENBLAS_CORETYPE|SIBP_.*|SUPERVISOR_.*")


def without_given(flags, given):
    """The flags without those whose name is among the words that the user gave."""
    names = {word.split("=")[0] for word in given}
    return [flag for flag in flags if flag.split("=")[0] not in names]


class Mpirun:
    """Open MPI's mpirun. It kills its ranks soon after a SIGTERM or SIGINT of its own, but passes SIGUSR1 on."""

    end_signal = signal.SIGTERM
    writes_logs = True

    def __init__(self, words):
        self.words = words

    def command(self, ranks, logs, variables):
        """The words before the program's. `logs` is the folder for rank.N/stdout and rank.N/stderr."""
        words = [*self.words, *(["-np", str(ranks)] if ranks else [])]
        for name, value in KEEPALIVE.items():
            words += ["--mca", name, str(value)]
        if ":" in str(logs):
            say(f"mpirun takes what follows ':' in {logs} for settings: no log of each rank is kept")
        else:
            words += ["--output-filename", f"{logs}:nojobid"]
        for name in filter(FORWARDED.fullmatch, variables):
            words += ["-x", name]
        return words


class Srun:
    """Slurm's srun, inside an allocation."""

    end_signal = signal.SIGINT  # by --quit-on-interrupt; it would pass SIGTERM on and wait
    writes_logs = False
    FLAGS = ("--mpi=pmix", "--kill-on-bad-exit=1", "--quit-on-interrupt", "--label")

    def __init__(self, words):
        self.words = words

    def command(self, ranks, _logs, _variables):
        count = [f"--ntasks={ranks}"] if ranks else []
        return [*self.words, *without_given(self.FLAGS, self.words), *count]


def launcher_of(words):
    """The launcher that these words start, by the name of its program."""
    return Srun(words) if Path(words[0]).name == "srun" else Mpirun(words)


class LabelledOutput(threading.Thread):
    """Copies the lines of a pipe to a stream, without srun's labels (`3: text`), and each to the file of its rank.

    Takes every line from the pipe, also where there is no room for it: ranks wait for a pipe that is full."""

    LABEL = re.compile(rb" *(\d+): ?")

    def __init__(self, pipe, stream, logs, name):
        super().__init__(daemon=True)
        self.pipe, self.stream, self.logs, self.name_of_file = pipe, stream, logs, name
        self.files = {}
        self.has_warned = False

    def run(self):
        for line in self.pipe:
            label = self.LABEL.match(line)
            text = line[label.end():] if label else line
            if label and not self._write_log(int(label[1]), text):
                self._warn(f"{self.logs}/rank.{int(label[1])}/{self.name_of_file}")
            if not write(self.stream.fileno(), text):
                self._warn(self.stream.name)
        for file in self.files.values():
            os.close(file)

    def _warn(self, place):
        self.has_warned = self.has_warned or say(f"warning: no room for the ranks' {self.name_of_file} in {place}; the run "
                                                 "goes on, some of its output is lost")

    def _write_log(self, rank, text):
        """Whether it found room."""
        try:
            if rank not in self.files:
                folder = self.logs / f"rank.{rank}"
                folder.mkdir(exist_ok=True)
                self.files[rank] = os.open(folder / self.name_of_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
        except OSError:
            return False
        return write(self.files[rank], text)
