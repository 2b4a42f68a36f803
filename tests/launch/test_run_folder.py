"""What the supervisor reads from and adds to the program's options."""

import os
import unittest
from pathlib import Path

from made_up import FolderTest

from supervisor.launchers import KEEPALIVE, launcher_of
from supervisor.run_folder import Refused, ask, can_resume, new_logs, resumed, with_run_folder, word_of, written_status


class RunFolderTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def answering(self, *fields, status=0):
        """A program that says this of itself, and leaves the words that it was asked with in the file `asked`."""
        program = self.folder / "program"
        answer = "".join(field + "\\0" for field in fields)
        program.write_text(f'#!/bin/sh\n[ -n "$SUPERVISOR_QUESTION" ] || exit 9\necho "$@" > asked\n'
                           f"printf '{answer}'\nexit {status}\n")
        program.chmod(0o755)
        return str(program)

    def test_a_value_comes_from_the_command_line(self):
        self.assertEqual(word_of("out", ["--config", "file.ini", "--out=here"]), "here")
        self.assertEqual(word_of("out", ["--out", "here"]), "here")
        self.assertIsNone(word_of("out", ["--config", "absent", "--out-of=x", "--out"]))

    def test_the_program_says_which_folder_the_rest_settles(self):
        words = ["--config", "file.ini"]
        self.assertEqual(with_run_folder(words, self.answering("train", "from # file"), {}), (words, Path("from # file")))
        self.assertEqual((self.folder / "asked").read_text(), "--config file.ini\n")
        self.assertEqual(with_run_folder(["evaluate", "--out", "x"], self.answering("evaluate", "y"), {})[1], Path("y"))

    def test_a_program_that_does_not_answer(self):
        with self.assertRaises(Refused) as refused:
            with_run_folder(["--hiden", "3"], self.answering(status=2), {})
        self.assertEqual(refused.exception.status, 2)
        for program in (self.answering("train"), self.answering("train", "x", "y"), "/absent"):
            with self.assertRaises(OSError):
                with_run_folder([], program, {})
        (self.folder / "program").write_text("#!/bin/sh\nexec sleep 20\n")
        with self.assertRaisesRegex(OSError, "within 0.1 s"):
            ask(str(self.folder / "program"), [], {}, 0.1)

    def test_a_training_without_a_folder_gets_a_new_one(self):
        folders = [with_run_folder(["--epochs", "1"], self.answering("train", ""), {}) for _ in range(2)]
        for words, folder in folders:
            self.assertEqual(words, ["--epochs", "1", "--out", str(folder)])
            self.assertTrue(folder.is_dir())
        self.assertNotEqual(folders[0][1], folders[1][1])

    def test_a_named_folder_stays_and_other_commands_get_none(self):
        self.assertEqual(with_run_folder(["train", "--out", "x"], "/absent", {}), (["train", "--out", "x"], Path("x")))
        words, folder = with_run_folder(["evaluate", "--model", "m"], self.answering("evaluate", ""), {})
        self.assertEqual(words, ["evaluate", "--model", "m"])
        self.assertIn("evaluate", folder.name)

    def test_every_start_has_logs_of_its_own(self):
        self.assertEqual([new_logs(Path("x")) for _ in range(2)],
                         [self.folder / "x/logs/start-1", self.folder / "x/logs/start-2"])

    def test_another_start_resumes(self):
        self.assertEqual(resumed(["--resume", "a", "--epochs", "1", "--out=b"], Path("b")),
                         ["--epochs", "1", "--out", "b", "--resume", "auto"])
        self.assertTrue(can_resume([], self.folder, {}))
        self.assertTrue(can_resume(["--resume", "auto"], self.folder, {}))
        self.assertFalse(can_resume(["--resume", "other"], self.folder, {}))
        (self.folder / "checkpoints/step-7").mkdir(parents=True)
        self.assertTrue(can_resume(["--resume", "other"], self.folder, {}))

    def test_the_status_of_an_earlier_start_does_not_count(self):
        (self.folder / "status.json").write_text('{"exit_status": 5}')
        written = (self.folder / "status.json").stat().st_mtime
        self.assertEqual(written_status(self.folder, written), 5)
        self.assertIsNone(written_status(self.folder, written + 1))
        for text in ("{", "[]", "null", "{}", '{"exit_status": "5"}', "[" * 100000):
            (self.folder / "status.json").write_text(text)
            self.assertIsNone(written_status(self.folder, written))


class LaunchersTest(unittest.TestCase):
    def test_mpirun_gets_keepalives_logs_and_variables(self):
        words = launcher_of(["/opt/bin/mpirun", "--map-by", "node"]).command(3, Path("/logs"), {"SIBP_ETA": "1", "HOME": "/"})
        text = " ".join(words)
        self.assertTrue(text.startswith("/opt/bin/mpirun --map-by node -np 3 "))
        for part in (*(f"--mca {name} {value}" for name, value in KEEPALIVE.items()), "--output-filename /logs:nojobid",
                     "-x SIBP_ETA"):
            self.assertIn(part, text)
        self.assertNotIn("HOME", text)

    def test_mpirun_writes_no_logs_beside_a_folder_whose_name_it_would_cut(self):
        self.assertNotIn("--output-filename", launcher_of(["mpirun"]).command(1, Path("/runs/a:b/logs"), {}))

    def test_srun_gets_what_the_user_did_not_say(self):
        words = launcher_of(["srun", "--mpi=pmix_v4", "-N2"]).command(None, Path("/logs"), {})
        self.assertEqual(words, ["srun", "--mpi=pmix_v4", "-N2", "--kill-on-bad-exit=1", "--quit-on-interrupt", "--label"])
        self.assertEqual(launcher_of(["srun"]).command(4, Path("/logs"), {})[-1], "--ntasks=4")


if __name__ == "__main__":
    unittest.main(verbosity=2)
