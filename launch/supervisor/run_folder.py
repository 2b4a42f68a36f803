"""The folder of the run, as the program's options say, and the folders of logs in it."""

import json
import os
import subprocess
import time
from pathlib import Path

from . import statuses

# With this variable the program starts no ranks, but says which folder it would use: the command and the folder, each
# ended by a zero byte.
QUESTION = "SUPERVISOR_QUESTION"


class Refused(Exception):
    """The program does not take its options; `status` is its exit status, and it has said why."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


def word_of(name, words):
    """The value of the program's option --NAME on its command line, which comes before all other sources."""
    for position, word in enumerate(words):
        if word == f"--{name}" and position + 1 < len(words):
            return words[position + 1]
        if word.startswith(f"--{name}="):
            return word.split("=", 1)[1]
    return None


def ask(program, words, environment=os.environ, patience=120.0):
    """The program's command and the folder that its options settle for the results, or None. The options may come from
    files, too, which only the program reads. Throws Refused, or OSError if the program cannot be asked."""
    try:
        answer = subprocess.run([program, *words], env={**environment, QUESTION: "1"}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        raise OSError(f"{program} does not say within {patience:g} s which folder its results go to") from None
    if answer.returncode > 0:
        raise Refused(answer.returncode)
    return read_answer(program, b"" if answer.returncode else answer.stdout)


def read_answer(program, answer):
    """The command and the folder, or None, that a program answers. Throws OSError if that is no answer."""
    fields = answer.split(b"\0")
    if len(fields) != 3:
        raise OSError(f"{program} does not say which folder its results go to; it is no program that the supervisor knows")
    command, folder = map(os.fsdecode, fields[:2])
    return command, Path(folder) if folder else None


def make_new(wanted):
    """Makes a folder that nobody had made before: WANTED, or WANTED-2, …"""
    wanted.parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, 1000000):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            pass
    raise FileExistsError(f"{wanted}-…: all names are taken")


def has_checkpoints(run_folder):
    return any((Path(run_folder) / "checkpoints").glob("step-*"))


def with_run_folder(words, program, environment=os.environ):
    """The words, with --out if they train and name no folder, and the folder of the run."""
    out = word_of("out", words)
    if out and (words[0] == "train" or words[0].startswith("-")):
        return words, Path(out)
    command, folder = ask(program, words, environment)
    if folder:
        return words, folder
    name = time.strftime("%Y%m%d-%H%M%S")
    if command != "train":
        return words, make_new(Path("runs") / f"{name}-{command}")
    folder = make_new(Path("runs") / name)
    return [*words, "--out", str(folder)], folder


def new_logs(run_folder):
    """A new folder for the logs of a start, start-1, start-2, …, in the run's folder."""
    starts = run_folder.absolute() / "logs"
    starts.mkdir(parents=True, exist_ok=True)
    number = 1 + sum(1 for _ in starts.glob("start-*"))
    return make_new(starts / f"start-{number}")


def can_resume(words, run_folder, environment=os.environ):
    """Whether another start loses nothing: there is a checkpoint, or the run started anew and may do so again."""
    resume = word_of("resume", words) or environment.get("SIBP_RESUME")  # no file may hold it
    return has_checkpoints(run_folder) or resume in (None, "", "auto")


def resumed(words, run_folder):
    """The words of another start: it goes on from the last checkpoint in the run's folder, or anew."""
    kept = []
    skip = False
    for word in words:
        name = word.split("=")[0]
        if not skip and name not in ("--resume", "--out"):
            kept.append(word)
        skip = word in ("--resume", "--out")
    return [*kept, "--out", str(run_folder), "--resume", "auto"]


def written_status(run_folder, since):
    """The exit status that rank 0 left in status.json after that time; nothing if it left none."""
    file = Path(run_folder) / "status.json"
    try:
        if file.stat().st_mtime >= since:
            status = json.loads(file.read_text(encoding="utf-8"))["exit_status"]
            return status if type(status) is int and statuses.is_the_programs(status) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass  # there is none, or it is none
    return None
