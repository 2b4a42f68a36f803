"""The supervisor with real launches by mpirun: statuses, signals, a start that hangs, restarts, logs."""

import os
import re
import signal
import subprocess
import time
import unittest
from pathlib import Path

from supervised import ENDLESS, MARK, PROGRAM, SupervisedTest, kill, seconds_until, with_variable

from supervisor import statuses
from supervisor.processes import Guard
from supervisor.run_folder import with_run_folder

# Two ranks take some seconds for it.
TRAINING = ["--dataset", "synthetic", "--synthetic-features", "64", "--synthetic-samples", "4000", "--hidden", "256,256",
            "--batch", "500", "--form", "normal", "--steps", "200", "--log-every", "10", "--checkpoint-every", "20",
            "--progress", "none"]
SHORT = ["20" if word == "200" else word for word in TRAINING]
READY = 'test "$OMPI_COMM_WORLD_RANK" = 0 && : > "$SUPERVISOR_READY_FILE"\n'


class StatusTest(SupervisedTest):
    def test_the_programs_statuses_are_kept(self):
        for status in (0, 6, 85):
            with self.subTest(status=status):
                program = self.play(READY + f"exit {status}")
                self.assertEqual(self.start(program=program).end(30)[0], status)

    def test_the_programs_own_word_counts_where_the_launcher_has_another(self):
        # As srun does when the first rank to end takes the others along.
        program = self.play(READY + """mkdir -p here; echo '{"exit_status": 5}' > here/status.json; kill -TERM $$""")
        self.assertEqual(self.start("--out", "here", program=program, ranks=1).end(30)[0], 5)

    def test_what_is_a_status_of_the_program(self):
        self.assertTrue(all(map(statuses.is_the_programs, (0, 1, 2, 3, 4, 5, 6, 75, 85))))
        self.assertFalse(any(map(statuses.is_the_programs, (-9, 7, 132, 137, 139, 141, 143, 205))))

    def test_a_lost_rank_is_75_whatever_the_launcher_says(self):
        status, text = self.start(program=self.play(READY + "kill -9 $$")).end(30)
        self.assertEqual(status, 75)
        self.assertIn("status 137 (SIGKILL)", text)

    def test_options_that_cannot_work_are_refused(self):
        for own, message in ((["--program", "absent"], "absent is no program"), (["--launcher", "nompi -x"], "nompi"),
                             (["-np", "0"], "at least 1"), (["--restart", "1"], "--restart"),
                             (["--restarts", "-1"], "--restarts"), (["--launcher", ""], "--launcher"),
                             (["--launcher", "mpirun '"], "--launcher"), (["--start-timeout", "nan"], "above 0")):
            with self.subTest(own=own):
                status, text = self.start(own=own, program=self.play("")).end(30)
                self.assertEqual(status, 2)
                self.assertIn(message, text)


class StartTest(SupervisedTest):
    def test_a_start_that_hangs_is_ended(self):
        program = self.play("trap '' TERM USR1\nsleep 1000 &\nwait; sleep 1000")
        status, text = self.start(program=program, own=["--start-timeout", "1"]).end(25)
        self.assertEqual(status, 75)
        self.assertIn("--start-timeout", text)

    def test_a_run_that_is_ready_may_take_longer(self):
        program = self.play(READY + "sleep 2")
        self.assertEqual(self.start(program=program, own=["--start-timeout", "1"]).end(25)[0], 0)

    def test_each_rank_has_its_log_and_the_user_sees_all(self):
        program = self.play('echo "out $OMPI_COMM_WORLD_RANK"; echo "err $OMPI_COMM_WORLD_RANK" >&2')
        status, text = self.start("--out", "here", program=program, ranks=3).end(30)
        self.assertEqual(status, 0)
        for rank in range(3):
            logs = self.folder / f"here/logs/start-1/rank.{rank}"
            self.assertEqual((logs / "stdout").read_text(), f"out {rank}\n")
            self.assertEqual((logs / "stderr").read_text(), f"err {rank}\n")
            self.assertIn(f"out {rank}\n", text)


class FullDiskTest(SupervisedTest):
    # More than a pipe holds, on both streams.
    TALKING = READY + 'i=0; while [ $i -lt 4000 ]; do l="0: $i some words on the way"; echo "$l"; echo "$l" >&2; i=$((i+1)); done'

    def start_by_srun(self, **streams):
        """The played program, as if started by srun, whose output the supervisor copies."""
        launcher = self.folder / "srun"
        launcher.write_text('#!/bin/sh\nwhile [ "${1##*/}" != played ]; do shift; done\nOMPI_COMM_WORLD_RANK=0 exec "$@"\n')
        launcher.chmod(0o755)
        return self.start("--out", "here", program=self.play(self.TALKING), own=["--launcher", str(launcher)], **streams)

    def assert_logged(self):
        for name in ("stdout", "stderr"):
            lines = (self.folder / "here/logs/start-1/rank.0" / name).read_text().splitlines()
            self.assertEqual((len(lines), lines[-1]), (4000, "3999 some words on the way"))

    def test_output_without_room_is_lost_and_the_run_goes_on(self):
        with open("/dev/full", "wb") as full:
            run = self.start_by_srun(stdout=full)
            status, text = run.end(60)
            self.assertEqual(status, 0, text)
            self.assertEqual(len(re.findall("supervisor: warning: no room", text)), 1, text)
            self.assertEqual(text.count("some words"), 4000)
            self.assert_logged()

    def test_a_supervisor_that_can_say_nothing_goes_on(self):
        with open("/dev/full", "wb") as full:
            status, text = self.start_by_srun(stderr=full).end(60)
            self.assertEqual(status, 0, text)
            self.assertEqual(text.count("some words"), 4000)
            self.assert_logged()



class OddNamesTest(SupervisedTest):
    def test_a_folder_of_any_bytes(self):
        name = os.fsdecode(b"odd \xff\xc3 'name'\n")
        status, text = self.start("--out", name, program=self.play(READY + 'echo "$2" > "$2/words"')).end(30)
        self.assertEqual(status, 0, text)
        self.assertTrue((self.folder / name / "words").exists())
        self.assertTrue((self.folder / name / "logs/start-1/rank.0/stdout").exists())

    def test_an_exception_of_the_supervisor_ends_the_processes(self):
        with self.assertRaises(KeyError), Guard(MARK, str(self.folder)):
            process = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: str(self.folder)})
            raise KeyError
        self.assertEqual(process.wait(10), -signal.SIGKILL)


class StopTest(SupervisedTest):
    # Rank 0 gives the other one time to get as far.
    STOPPING = "trap 'exit 85' USR1; trap 'exit 99' TERM INT; sleep 1\n" + READY + "while :; do sleep 0.1; done"

    def test_requests_to_stop_become_usr1(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
            with self.subTest(signal=number):
                run = self.start("--out", number.name, program=self.play(self.STOPPING))
                seconds_until((self.folder / number.name / "logs/start-1/ready").exists, 30)
                kill([run.process.pid], number)
                self.assertEqual(run.end(30)[0], 85, run.text())

    def test_a_request_before_the_ranks_are_ready_waits_for_them(self):
        program = self.play("sleep 1; " + self.STOPPING)
        run = self.start("--out", "here", program=program, own=["--restarts", "2"])
        seconds_until(lambda: (self.folder / "here/logs/start-1").exists(), 30)
        kill([run.process.pid], signal.SIGTERM)
        self.assertEqual(run.end(30)[0], 85)

    def test_a_second_interrupt_ends_at_once(self):
        run = self.start(program=self.play(READY + "trap '' USR1 TERM\nwhile :; do sleep 0.1; done"))
        run.wait_until_ready()
        for _ in range(2):
            kill([run.process.pid], signal.SIGINT)
            time.sleep(0.2)
        self.assertEqual(run.end(20)[0], 130)


class RestartTest(SupervisedTest):
    # Each start writes its words to a file, and ends as the file of its number says.
    PLAYED = READY + """
[ "$OMPI_COMM_WORLD_RANK" = 0 ] || exec sleep 5
echo "$@" >> calls
set -- $(wc -l < calls)
exit $(cat "status-$1")
"""

    def play_statuses(self, *statuses):
        for number, status in enumerate(statuses, 1):
            (self.folder / f"status-{number}").write_text(str(status))
        return self.play(self.PLAYED)

    def calls(self):
        return (self.folder / "calls").read_text().splitlines()

    def test_a_stalled_run_goes_on_from_its_checkpoint(self):
        run = self.start("--out", "here", "--epochs", "3", program=self.play_statuses(75, 1, 0), own=["--restarts", "5"])
        self.assertEqual(run.end(60)[0], 0)
        self.assertEqual(self.calls(), ["--out here --epochs 3"] + 2 * ["--epochs 3 --out here --resume auto"])
        self.assertTrue((self.folder / "here/logs/start-3/ready").exists())

    def test_there_are_no_more_restarts_than_allowed(self):
        self.assertEqual(self.start(program=self.play_statuses(75, 75, 0), own=["--restarts", "1"]).end(60)[0], 75)
        self.assertEqual(len(self.calls()), 2)

    def test_no_restart_loses_what_the_run_went_on_from(self):
        run = self.start("--out", "here", "--resume", "there", program=self.play_statuses(75, 0), own=["--restarts", "1"])
        status, text = run.end(60)
        self.assertEqual(status, 75)
        self.assertIn("no checkpoint yet", text)

    def test_errors_that_would_come_back_are_final(self):
        self.assertEqual(statuses.WORTH_ANOTHER_START, {1, 75})
        for status in (2, 85):
            with self.subTest(status=status):
                (self.folder / "calls").unlink(missing_ok=True)
                self.assertEqual(self.start(program=self.play_statuses(status), own=["--restarts", "3"]).end(60)[0], status)
                self.assertEqual(len(self.calls()), 1)


class RealProgramTest(SupervisedTest):
    def setUp(self):
        super().setUp()
        self.assertTrue(PROGRAM, "PROGRAM_UNDER_TEST does not name the program")

    def test_a_killed_supervisor_takes_all_processes_along(self):
        run = self.start(*ENDLESS, ranks=3)
        run.wait_until_ready()
        kill(run.ranks()[:1], signal.SIGSTOP)
        kill([run.process.pid])
        seconds_until(lambda: not with_variable(MARK, run.mark), 10)

    def test_a_killed_supervisor_leaves_no_shared_memory(self):
        memory = self.folder / "memory"
        memory.mkdir()
        run = self.start(*ENDLESS, ranks=3, environment={"TMPDIR": str(memory), "OMPI_MCA_btl_vader_backing_directory": str(memory)})
        run.wait_until_ready()
        self.assertTrue(list(memory.glob("**/*")))
        kill([run.process.pid])
        seconds_until(lambda: not with_variable(MARK, run.mark), 10)
        self.assertEqual([path for path in memory.glob("**/*") if not path.is_dir()], [])

    def test_a_rank_lost_while_training(self):
        run = self.start(*ENDLESS, ranks=3)
        run.wait_until_ready()
        kill(run.ranks()[-1:])
        self.assertEqual(run.end(10)[0], 75)

    def test_a_lost_launcher(self):
        run = self.start(*ENDLESS, ranks=2)
        run.wait_until_ready()
        kill(run.processes("orterun") or run.processes("mpirun"))
        self.assertEqual(run.end(10)[0], 75)

    def train(self, out, *words, **keywords):
        return self.start(*TRAINING, "--out", out, *words, **keywords)

    def assert_as_undisturbed(self, out):
        """The run in this folder left the weights of an undisturbed one, bit for bit, and no step twice."""
        self.assertEqual(self.train("undisturbed").end(60)[0], 0)
        model, expected = ((self.folder / name / "model.safetensors").read_bytes() for name in (out, "undisturbed"))
        self.assertTrue(model == expected, "other weights than the undisturbed run")
        steps, expected = ((self.folder / name / "metrics.jsonl").read_text() for name in (out, "undisturbed"))
        self.assertEqual(re.findall(r'"step":\d+', steps), re.findall(r'"step":\d+', expected))

    def wait_for_checkpoint(self, out):
        seconds_until(lambda: list((self.folder / out / "checkpoints").glob("step-*")), 60)

    def test_a_restart_after_a_lost_rank_ends_with_the_undisturbed_weights(self):
        run = self.train("here", own=["--restarts", "1"])
        self.wait_for_checkpoint("here")
        kill(run.ranks()[:1])
        status, text = run.end(60)
        self.assertEqual(status, 0, text)
        self.assertIn("restart 1 of 1", text)
        self.assert_as_undisturbed("here")

    def test_a_folder_from_a_config_file_is_the_programs(self):
        (self.folder / "c.ini").write_text("out = runs/x # the folder\n")
        run = self.start(*TRAINING, "--config", "c.ini", own=["--restarts", "1"])
        self.wait_for_checkpoint("runs/x")
        kill(run.ranks()[:1])
        status, text = run.end(60)
        self.assertEqual(status, 0, text)
        self.assertIn("restart 1 of 1", text)
        self.assertRegex(text, "going on from runs/x/checkpoints/step-")
        self.assertEqual([path.name for path in (self.folder / "runs").iterdir()], ["x"])
        self.assert_as_undisturbed("runs/x")

    def test_a_run_goes_on_in_its_own_folder(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.assertEqual(self.start(*SHORT, "--out", "old").end(60)[0], 0)
        for named in ("old", "old/"):
            self.assertEqual(with_run_folder(["--resume", named], PROGRAM), (["--resume", named], Path("old")))
        words = ["--resume", "old/checkpoints"]
        self.assertEqual(with_run_folder(words, PROGRAM), (words, self.folder / "old"))
        for named in ("old/checkpoints/latest", "absent"):
            words, folder = with_run_folder(["--resume", named], PROGRAM)
            self.assertEqual(words, ["--resume", named, "--out", str(folder)])

    def test_a_run_that_was_asked_to_stop_goes_on_later(self):
        run = self.train("here")
        self.wait_for_checkpoint("here")
        kill([run.process.pid], signal.SIGTERM)
        self.assertEqual(run.end(30)[0], 85, run.text())
        self.assertEqual(self.train("here", "--resume", "auto").end(60)[0], 0)
        self.assert_as_undisturbed("here")

    def test_what_the_program_refuses(self):
        status, text = self.start("--hiden", "3").end(30)
        self.assertEqual(status, 2)
        self.assertIn("hiden", text)

    def test_other_commands_than_train(self):
        status, text = self.start("plan", "--features", "20", "--classes", "3", "--flops", "1e12", "--latency", "1e-6",
                                  "--bandwidth", "1e9", "--nodes", "1,2").end(60)
        self.assertEqual(status, 0, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
