"""Kills a rank, all ranks or mpirun at random moments within 50 ms of the ranks' start, and sees that the supervisor ends
in time with status 75 and leaves no process. PROGRAM_UNDER_TEST names the program.

    kills_at_start.py [COUNT] [SEED]
"""

import random
import sys
import tempfile
import time
from pathlib import Path

from supervised import ENDLESS, PROGRAM, Supervised, kill, seconds_until

START_TIMEOUT = 10
LIMIT = START_TIMEOUT + 10
VICTIMS = ("a rank", "all ranks", "mpirun")


def play(folder, victim, delay, ranks):
    """Seconds from the kill to the end of the supervisor."""
    run = Supervised(folder, *ENDLESS, ranks=ranks, own=["--start-timeout", str(START_TIMEOUT)])
    try:
        seconds_until(run.ranks, 30)
        time.sleep(delay)
        start = time.monotonic()
        found = run.processes("orterun") if victim == "mpirun" else run.ranks()
        kill(found[:1] if victim == "a rank" else found)
        status, text = run.end(LIMIT)
        if status != 75:
            raise AssertionError(f"status {status}, expected 75:\n{text}")
        return time.monotonic() - start
    finally:
        run.close()


def main(count=40, seed=1):
    if not Path(PROGRAM).is_file():
        sys.exit("PROGRAM_UNDER_TEST does not name the program")
    choice = random.Random(seed)
    failures = 0
    slowest = 0.0
    for number in range(count):
        victim, delay, ranks = VICTIMS[number % 3], choice.uniform(0, 0.05), choice.randint(2, 4)
        with tempfile.TemporaryDirectory(prefix="kills-at-start-") as folder:
            try:
                seconds = play(Path(folder), victim, delay, ranks)
                slowest = max(slowest, seconds)
                result = f"ended after {seconds:.1f} s"
            except AssertionError as error:
                failures += 1
                result = f"FAILED: {error}"
        print(f"{number + 1:3d}: {victim} of {ranks} after {1000 * delay:.0f} ms: {result}", flush=True)
    print(f"{count - failures} of {count} ended in time with status 75 and no process left; the slowest after {slowest:.1f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
