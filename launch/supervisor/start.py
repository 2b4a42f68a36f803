"""One start of the program on all ranks, from the launcher's start to the last process's end."""

import os
import signal
import subprocess
import sys
import time

from . import statuses
from .launchers import LabelledOutput
from .output import say
from .processes import Guard, LocalRanks, kill_with_variable
from .requests import Requests
from .run_folder import new_logs, written_status

# Every process of a start has this variable. It names a file that rank 0 makes when all ranks are there.
READY_FILE = "SUPERVISOR_READY_FILE"
LAUNCHER_PATIENCE = 5.0  # seconds for a launcher to end in good order, also on other machines
# Seconds without ranks after which a launcher is told to end. It may wait for minutes for a machine whose link was cut
# with a message on its way: the kernel sends no keepalive then.
TIME_WITHOUT_RANKS = 3.0
GLANCE = 1.0  # seconds between looks at ranks that are all there


class Start:
    """`words` are the program and its arguments."""

    def __init__(self, launcher, ranks, words, run_folder):
        self.launcher = launcher
        self.program = words[0]
        self.run_folder = run_folder
        self.logs = new_logs(run_folder)
        self.ready_file = self.logs / "ready"
        self.time = self.logs.stat().st_mtime  # by the clock of the file system, which status.json has too
        self.environment = {**os.environ, READY_FILE: str(self.ready_file)}
        self.command = [*launcher.command(ranks, self.logs, self.environment), *words]

    def run(self, requests, start_timeout):
        """The exit status; every process of this machine that belonged to it is gone then."""
        with Guard(READY_FILE, self.ready_file, self.launcher.end_signal):
            process, copies = self._spawn()
            try:
                return self._watch(process, requests, start_timeout)
            finally:
                kill_with_variable(READY_FILE, self.ready_file)
                process.wait()
                for copy in copies:
                    copy.join(LAUNCHER_PATIENCE)

    def _spawn(self):
        # A session of its own: Ctrl-C of the terminal comes to the supervisor alone.
        pipe = None if self.launcher.writes_logs else subprocess.PIPE
        process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=self.environment,
                                   start_new_session=True, preexec_fn=Requests.unblock)
        copies = []
        if pipe:
            copies = [LabelledOutput(process.stdout, sys.stdout, self.logs, "stdout"),
                      LabelledOutput(process.stderr, sys.stderr, self.logs, "stderr")]
        for copy in copies:
            copy.start()
        return process, copies

    def _watch(self, process, requests, start_timeout):
        deadline = time.monotonic() + start_timeout
        ranks = None  # until all of them are there
        stop_passed_on = False
        while process.poll() is None:
            if ranks is None and self.ready_file.exists():
                ranks = LocalRanks(self.program, READY_FILE, self.ready_file)
            if requests.at_once:
                say("interrupted twice: ending at once, without a checkpoint")
                self._end(process)
                return statuses.INTERRUPTED
            if ranks is None and time.monotonic() > deadline:
                say(f"error: not all ranks were there {start_timeout:g} s after the start (--start-timeout); ending them; "
                    f"their output is in {self.logs}")
                self._end(process)
                return statuses.STALLED
            if ranks and requests.stop and not stop_passed_on:  # earlier it would kill ranks that do not expect it yet
                say("asked to stop: the ranks finish their step and write a checkpoint")
                process.send_signal(signal.SIGUSR1)
                stop_passed_on = True
            if ranks and ranks.seconds_gone() > TIME_WITHOUT_RANKS:
                say("the ranks of this machine have ended, their launcher has not; ending it")
                self._end(process)
            requests.wait(GLANCE if ranks else 0.05)
        return self._status(process.returncode)

    def _status(self, of_launcher):
        """The program's exit status. Launchers report the loss of a rank, and some of the program's own statuses, in many
        ways (srun: 137, 139, 141, 143), so that rank 0 writes its status down too."""
        if statuses.is_the_programs(of_launcher):
            return of_launcher
        written = written_status(self.run_folder, self.time)
        if written is not None:
            return written
        say(f"error: {os.path.basename(self.command[0])} ended with {statuses.describe(of_launcher)}: a rank, a node or a "
            f"link was lost; the ranks' output is in {self.logs}")
        return statuses.STALLED

    def _end(self, process):
        process.send_signal(self.launcher.end_signal)
        try:
            process.wait(LAUNCHER_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
