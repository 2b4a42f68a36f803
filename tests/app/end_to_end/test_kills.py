"""SIGKILL of one rank, of all, or of mpirun at random moments, inside the writing of checkpoints too: everything ends,
--resume auto goes on, and the weights at the end are those of a run that was left alone, bit for bit. Method, form and
sums are the defaults, and other processes keep the machine busy, so that nothing rests on its speed.

In the environment: KILLS, the number of kills (12); KILLS_SEED, the seed of their moments (1); KILLS_BUSY, the number of
busy processes (2).
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

from harness import DONE, ProgramTest, Run, main
from runs import CONVNET, records, training

KILLS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("KILLS_SEED", "1"))
BUSY = int(os.environ.get("KILLS_BUSY", "2"))
STEPS = 20
RANKS = 2


def latest_step(folder):
    try:
        return int(re.sub(r"\D", "", os.readlink(folder / "checkpoints" / "latest")))
    except OSError:
        return -1 if not (folder / "status.json").exists() else 0


class Kills(ProgramTest):
    kills = KILLS
    network = {}

    def setUp(self):
        super().setUp()
        for _ in range(BUSY):
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            self.addCleanup(busy.wait)
            self.addCleanup(busy.kill)

    def arguments(self, folder):
        # A checkpoint after every step: most moments are inside the writing of one.
        return training(out=folder, resume="auto", checkpoint_every=1, steps=STEPS, epochs=None, keep=2, form=None,
                        **self.network)

    def kill(self, run, whom, stream):
        ranks = list(run.ranks().values())
        victims = {"one rank": [stream.choice(ranks)] if ranks else [], "all ranks": ranks,
                   "mpirun": [run.process.pid]}[whom]
        for process in victims:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was faster

    def test_random_moments(self):
        whole = self.folder / "whole"
        self.run_and_expect(DONE, *self.arguments(whole), ranks=RANKS, timeout=300)
        model, metrics = (whole / "model.safetensors").read_bytes(), records(whole)
        stream = random.Random(SEED)
        ended_before = 0
        for number in range(self.kills):
            whom = ("one rank", "all ranks", "mpirun")[number % 3]
            step, later = stream.randrange(-1, STEPS - 4), stream.uniform(0, 0.02)
            with self.subTest(f"kill {number + 1}: {whom}, {later * 1000:.0f} ms after step {step}"):
                folder = self.folder / f"run{number}"
                run = Run(*self.arguments(folder), ranks=RANKS)
                self.addCleanup(run.kill)
                run.wait_until(lambda: latest_step(folder) >= step)
                time.sleep(later)
                self.kill(run, whom, stream)
                result = run.finish(timeout=60, patience=10)
                self.assertFalse(result.timed_out, str(result))
                self.assertEqual(result.left_behind, [], str(result))
                ended_before += result.status == DONE
                self.run_and_expect(DONE, *self.arguments(folder), ranks=RANKS, timeout=300)
                self.assertEqual((folder / "model.safetensors").read_bytes(), model)
                self.assertEqual(records(folder), metrics)
                shutil.rmtree(folder)
        # A kill that comes too late ends nothing; there are few.
        self.assertLessEqual(ended_before, self.kills // 4)
        print(f"{self.kills} kills, {ended_before} of them after the end; each run came to the bits of the undisturbed one")


class KillsOfAConvNet(Kills):
    kills = max(KILLS // 3, 4)
    network = CONVNET


if __name__ == "__main__":
    main()
