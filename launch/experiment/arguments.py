"""The arguments of the command line. `python -m experiment.arguments` only says whether they are right, with no more than
Python itself: a script finds a wrong word so before it installs and builds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Dict, List

from . import machine, methods, plan


def parse(words: List[str]) -> argparse.Namespace:
    """The arguments of the command line, those of the program behind `--` among them."""
    words, options = machine.split_at_dashes(words)
    parser = argparse.ArgumentParser(prog="experiment", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", allow_abbrev=False)
    run.add_argument("experiment", nargs="?", default="")
    run.add_argument("--quick", action="store_true", help="short runs and small grids; ends within 5 minutes")
    run.add_argument("--coarse", action="store_true", help="four step sizes of each method, all else as its grid begins")
    run.add_argument("--data-dir", help="folder of the data files")
    run.add_argument("--out", type=Path, help="folder of the experiment (default: runs/experiment-NAME)")
    run.add_argument("--ranks", type=int, help="MPI ranks of a run (default: the cores divided by the jobs, at most 4)")
    run.add_argument("--jobs", type=int, default=1, help="runs at once (default: 1)")
    run.add_argument("--methods", help="only these, with commas")
    run.add_argument("--program", type=Path, required=True, help="the program")
    run.add_argument("--launcher", default="mpirun --bind-to none --oversubscribe", help="what starts it on N ranks")
    report = commands.add_parser("report", allow_abbrev=False)
    report.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folders of runs or experiments")
    report.add_argument("--out", type=Path, default=Path("report"), help="folder of the report (default: report)")
    arguments = parser.parse_args(words)
    if arguments.command == "run":
        if arguments.experiment not in plan.EXPERIMENTS:
            parser.error(f"found '{arguments.experiment}', expected an experiment: {', '.join(plan.EXPERIMENTS)}; see --help")
        arguments.methods = arguments.methods.split(",") if arguments.methods else None  # None: as the experiment has it
        unknown = [name for name in arguments.methods or [] if name not in methods.METHODS]
        if unknown:
            parser.error(f"--methods: found {', '.join(unknown)}, expected some of {', '.join(methods.METHODS)}")
        if arguments.experiment != "fashion-mnist" and not arguments.data_dir:
            dataset = "cifar10" if arguments.experiment.startswith("cifar10") else "mnist"
            parser.error(f"{arguments.experiment} needs --data-dir with the folder of its files; launch/fetch_data.sh {dataset}"
                         " DIR fetches them")
        for name in ("ranks", "jobs"):
            if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
                parser.error(f"--{name}: found {getattr(arguments, name)}, expected at least 1")
        arguments.shared = shared_options(options, parser)
    else:
        missing = [str(folder) for folder in arguments.folders if not folder.is_dir()]
        if missing:
            parser.error(f"no such folder: {', '.join(missing)}")
    return arguments


def shared_options(words: List[str], parser: argparse.ArgumentParser) -> Dict[str, str]:
    """The options behind `--`, which all runs share, by name."""
    names, values = words[::2], words[1::2]
    if len(names) != len(values) or not all(name.startswith("--") for name in names):
        parser.error(f"found '{' '.join(words)}' behind --, expected options of the program, each as --NAME VALUE")
    for name in set(names) & {"--method", "--seed", "--out", "--progress"}:
        parser.error(f"{name}: found behind --, expected none: an experiment sets it for each run")
    return {name[2:]: value for name, value in zip(names, values)}


if __name__ == "__main__":
    parse(sys.argv[1:])
