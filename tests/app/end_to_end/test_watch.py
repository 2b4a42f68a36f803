"""The command watch, and the state of a run that it shows."""

import json
import os
import pty
import re
import signal
import subprocess
import time

from harness import DIVERGED, DONE, PROGRAM, STALLED, STOPPED, USAGE, ProgramTest, Run, main
from runs import status, training


class Watching(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_folder = self.folder / "run"

    def train(self, ranks=2, **changes):
        """A training that has written its state down."""
        run = Run(*training(**({"out": self.run_folder} | changes)), ranks=ranks)
        self.addCleanup(run.kill)
        self.assertTrue(run.wait_until((self.run_folder / "status.json").exists))
        return run

    def train_on_and_on(self):
        return self.train(steps=10**7, epochs=None, schedule="constant", checkpoint_every="1h")

    def watch(self, *words, **keywords):
        process = subprocess.Popen([PROGRAM, "watch", str(self.run_folder), *words],
                                   **({"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | keywords))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def lines(self, process, timeout=30):
        with process.stdout:
            text = process.communicate(timeout=timeout)[0].decode()
        return [line for line in text.splitlines() if "BLAS" not in line], process.returncode

    def test_lines_where_there_is_no_terminal_until_the_run_ends(self):
        run = self.train(ranks=1, steps=600, epochs=None, log_every=100, evaluate_every=300)
        lines, exit_status = self.lines(self.watch())
        self.assertEqual(run.finish().status, DONE)
        self.assertEqual(exit_status, DONE, lines)
        self.assertRegex(lines[-2], r"^step 600/600 .* validation loss \S+ accuracy \S+ % .* samples/s$")
        self.assertEqual(lines[-1], f"{self.run_folder}: done at step 600")

    def test_a_bar_on_a_terminal(self):
        run = self.train_on_and_on()
        self.assertTrue(run.wait_until(lambda: status(self.run_folder)["steps"] == 10**7))
        terminal, other_end = pty.openpty()
        self.addCleanup(os.close, terminal)
        process = self.watch(stdout=other_end, stderr=other_end, env={**os.environ, "COLUMNS": "120"})
        os.close(other_end)
        text = b""
        deadline = time.monotonic() + 30
        while b"samples/s" not in text and time.monotonic() < deadline:
            text += os.read(terminal, 4096)
        self.assertRegex(text.decode(), r"\r\x1b\[K\[\.+\]   0%  \d+/10000000  loss \S+  \S+ left  \d+ samples/s")
        os.kill(run.ranks()[0], signal.SIGTERM)
        self.assertEqual(process.wait(30), STOPPED)
        self.assertEqual(run.finish().status, STOPPED)

    def test_the_state_is_at_most_five_seconds_old(self):
        run = self.train_on_and_on()
        file, ages, steps = self.run_folder / "status.json", [], set()
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            ages.append(time.time() - file.stat().st_mtime)
            steps.add(json.loads(file.read_text())["step"])
            time.sleep(0.2)
        self.assertLess(max(ages), 5)
        self.assertGreater(len(steps), 2)
        state = status(self.run_folder)
        self.assertEqual((state["state"], state["steps"]), ("running", 10**7))
        self.assertGreater(state["samples_per_second"], 0)
        self.assertGreater(state["seconds_left"], 0)
        os.kill(run.ranks()[1], signal.SIGTERM)
        run.finish()

    def test_a_killed_run_is_no_running_one(self):
        run = self.train_on_and_on()
        process = self.watch("--progress", "none")
        time.sleep(1)
        self.assertIsNone(process.poll())
        run.kill()
        lines, exit_status = self.lines(process)
        self.assertEqual(exit_status, STALLED)
        self.assertRegex(lines[-1], re.escape(f"--resume {self.run_folder}"))
        self.assertIn("error: ", lines[-1])

    def test_the_end_of_a_run_that_is_over(self):
        run = self.train(method="sgd", lr="1e30", form=None)
        self.assertEqual(run.finish().status, DIVERGED)
        lines, exit_status = self.lines(self.watch())
        self.assertEqual(exit_status, DIVERGED)
        self.assertRegex(lines[-1], "failed at step [0-9]+, status 5: ")

    def test_what_cannot_be_watched(self):
        self.run_folder.mkdir()
        for words, message in (((str(self.run_folder),), "no status.json"), ((), "expected the folder of a run"),
                               (("x", "y"), "found 'y'"), ((str(self.run_folder), "--eta", "1"), "means nothing")):
            with self.subTest(words=words):
                result = subprocess.run([PROGRAM, "watch", *words], capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(result.returncode, USAGE, result.stderr)
                self.assertEqual(result.stderr.count("error: "), 1)
                self.assertIn(message, result.stderr)


if __name__ == "__main__":
    main()
