"""Trackers beside a run (launch/tracking): started, told of its end, and left behind if they are in the way."""

import subprocess
import sys
import threading
import time

from .output import say
from .requests import Requests

PATIENCE = 20.0  # seconds for a tracker to hand over the last records once the run has ended


class Trackers:
    """As a context manager. `names` are those of tracking.trackers; `textfile` is the file for Prometheus or None."""

    def __init__(self, run_folder, names, textfile):
        self.wanted = [(name, []) for name in dict.fromkeys(names)]
        if textfile:
            self.wanted.append(("prometheus", [str(textfile)]))
        self.run_folder = run_folder
        self.processes, self.threads = [], []
        self.status = None  # of the run, once it is known

    def __enter__(self):
        for name, more in self.wanted:
            try:
                self._start(name, more)
            except OSError as error:
                say(f"warning: {name} is told of no record: {error}")
        return self

    def _start(self, name, more):
        log = self.run_folder / "logs" / f"tracking-{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        # Behind the ranks in the queue for cores, and away from the signals of the terminal. The end of its input says
        # that the supervisor is gone.
        with log.open("wb") as output:
            process = subprocess.Popen(["nice", sys.executable, "-B", "-m", "tracking", str(self.run_folder), name, *more],
                                       stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True, preexec_fn=Requests.unblock)
        self.processes.append((name, process))
        self.threads.append(threading.Thread(target=self._tell_of_failure, args=(name, process, log), daemon=True))
        self.threads[-1].start()

    def __exit__(self, *_):
        for _, process in self.processes:
            self._tell_end(process)
        deadline = time.monotonic() + PATIENCE
        for name, process in self.processes:
            try:
                process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                say(f"warning: {name} has not taken the last records {PATIENCE:g} s after the end; it is left without them")
        for thread in self.threads:
            thread.join()

    def _tell_end(self, process):
        try:
            process.stdin.write(b"" if self.status is None else str(self.status).encode())
            process.stdin.close()
        except OSError:
            pass  # it is gone already

    @staticmethod
    def _tell_of_failure(name, process, log):
        if process.wait() > 0:
            lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no message"]
            say(f"warning: {name} is told of no more records, the run goes on: {lines[-1]} ({log})")
