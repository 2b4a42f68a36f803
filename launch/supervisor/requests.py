"""What the supervisor is asked for by signals."""

import signal

STOPPING = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP}


class Requests:
    """Signals wait until they are asked for, so none comes between a check and a wait.

    `stop` is whether the run is to stop with a checkpoint, `at_once` whether it is to end without (a second SIGINT)."""

    def __init__(self):
        # Under nohup SIGHUP is ignored, and stays so.
        ignored = {number for number in STOPPING if signal.getsignal(number) == signal.SIG_IGN}
        self.awaited = (STOPPING - ignored) | {signal.SIGCHLD}
        signal.pthread_sigmask(signal.SIG_BLOCK, self.awaited)
        self.stop = False
        self.at_once = False
        self._interrupts = 0

    def wait(self, seconds):
        """Waits for a signal, one of a child's end among them, but no longer than that, and notes what all signals that
        have come ask for."""
        received = signal.sigtimedwait(self.awaited, seconds)
        while received is not None:
            self._note(received.si_signo)
            received = signal.sigtimedwait(self.awaited, 0)

    def _note(self, number):
        self.stop = self.stop or number in STOPPING
        self._interrupts += number == signal.SIGINT
        self.at_once = self._interrupts > 1

    @staticmethod
    def unblock():
        """To be called in a child before it becomes another program: signals reach that as usual."""
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
