"""The folder of the run, as the program's options say, and the folders of logs in it."""

import json
import os
import re
import time
from pathlib import Path


def value_of(name, words, environment):
    """The value of the program's option --NAME by the program's rules: command line, environment, file of --config."""
    for position, word in enumerate(words):
        if word == f"--{name}" and position + 1 < len(words):
            return words[position + 1]
        if word.startswith(f"--{name}="):
            return word.split("=", 1)[1]
    variable = "SIBP_" + name.upper().replace("-", "_")
    if environment.get(variable):
        return environment[variable]
    return value_in_file(name, value_of("config", words, environment)) if name != "config" else None


def value_in_file(name, file):
    if not file or not Path(file).is_file():
        return None
    found = re.search(rf"^\s*{name}\s*=\s*(.+?)\s*$", Path(file).read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    return found[1] if found else None


def command_of(words):
    """The program's command, which comes first; without one it trains."""
    return words[0] if words and not words[0].startswith("-") else "train"


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


def with_run_folder(words, environment=os.environ):
    """The words, with --out if they train and name no folder, and the folder of the run."""
    command = command_of(words)
    name = time.strftime("%Y%m%d-%H%M%S")
    if command != "train":
        return words, make_new(Path("runs") / f"{name}-{command}")
    out = value_of("out", words, environment)
    resume = value_of("resume", words, environment)
    if out:
        return words, Path(out)
    if resume and has_checkpoints(resume):  # the run goes on in its own folder
        return words, Path(resume)
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
    return has_checkpoints(run_folder) or value_of("resume", words, environment) in (None, "auto")


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
            return json.loads(file.read_text(encoding="utf-8")).get("exit_status")
    except (OSError, ValueError):
        pass
    return None
