"""The folder of the run, as the program's options say, and the folders of logs in it."""

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


def with_run_folder(words, environment=os.environ):
    """The words, with --out if they train and name no folder, and the folder of the run."""
    command = command_of(words)
    out = value_of("out", words, environment) if command == "train" else None
    if out:
        return words, Path(out)
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


def resumed(words):
    """The words of another start: it goes on from the last checkpoint, where there is one."""
    kept = []
    skip = False
    for word in words:
        if skip or word == "--resume" or word.startswith("--resume="):
            skip = word == "--resume"
            continue
        kept.append(word)
    return [*kept, "--resume", "auto"]
