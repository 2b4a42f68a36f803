"""Exit statuses of the program (include/sibp/core/error.hpp), and what the supervisor makes of a launcher's."""

import signal

DONE = 0
USAGE = 2
# What the program itself says about a run. A launcher hands these on as they are.
OF_THE_PROGRAM = {DONE, 1, USAGE, 3, 4, 5, 6}
STALLED = 75  # a rank hangs or was lost: trying again is sensible
STOPPED = 85  # on request, with a checkpoint written
INTERRUPTED = 128 + signal.SIGINT  # the user wanted no checkpoint either

# A run-time error may be a file system that is away for a moment. All others come back in the same way.
WORTH_ANOTHER_START = {1, STALLED}


def is_the_programs(status):
    return status in OF_THE_PROGRAM | {STALLED, STOPPED}


def describe(status):
    """What a launcher's exit status says, in words."""
    killed_by = -status if status < 0 else status - 128
    try:
        return f"status {status} ({signal.Signals(killed_by).name})"
    except ValueError:
        return f"status {status}"
