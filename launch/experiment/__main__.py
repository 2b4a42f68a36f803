"""The command line: `run` carries an experiment out and reports on it, `report` reports on what is there."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Dict, List

from . import machine, methods, plan
from .campaign import Campaign, OtherPlan, claim_folder
from .report import NothingToReport, write_report
from .runs import RunFailed, Runner


def parse(words: List[str]) -> argparse.Namespace:
    """The arguments of the command line, those of the program behind `--` among them."""
    words, options = machine.split_at_dashes(words)
    parser = argparse.ArgumentParser(prog="experiment", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", allow_abbrev=False)
    run.add_argument("experiment", choices=plan.EXPERIMENTS)
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
        arguments.methods = arguments.methods.split(",") if arguments.methods else None  # None: as the experiment has it
        unknown = [name for name in arguments.methods or [] if name not in methods.METHODS]
        if unknown:
            parser.error(f"--methods: found {', '.join(unknown)}, expected some of {', '.join(methods.METHODS)}")
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


def run_experiment(arguments: argparse.Namespace, command: str) -> int:
    """Carries the experiment out as far as time goes, and reports on it."""
    ranks = arguments.ranks or min(max(1, machine.core_count() // arguments.jobs), 4)
    threads = machine.set_up_environment(max(1, machine.core_count() // (ranks * arguments.jobs)))
    name = f"experiment-{arguments.experiment}{'-quick' if arguments.quick else ''}"
    out = (arguments.out or Path("runs") / name).resolve()
    data_dir = None if arguments.data_dir is None else str(Path(arguments.data_dir).resolve())
    experiment = plan.make_plan(arguments.experiment, arguments.quick, arguments.methods, data_dir, arguments.coarse,
                                arguments.shared)
    experiment.ranks, experiment.threads = ranks, threads
    claim_folder(experiment, out)
    launcher = shlex.split(arguments.launcher)
    program = arguments.program.resolve()
    runner = Runner(program, launcher, ranks, out, machine.describe(program, launcher))
    print(f"{plan.count_runs(experiment)} runs, {arguments.jobs} at once, ranks × threads of each {ranks} × {threads}, in {out}")
    Campaign(experiment, runner, jobs=arguments.jobs).carry_out()
    print(f"the report is {write_report([out], out, command)}")
    return 0


def main(words: List[str]) -> int:
    """Runs the command; errors become messages."""
    arguments = parse(words)
    script = "launch/experiment.sh" if arguments.command == "run" else "launch/report.sh"
    command = shlex.join([script, *words[1:]])
    with machine.errors_as_messages(OtherPlan, NothingToReport, RunFailed):
        if arguments.command == "run":
            return run_experiment(arguments, command)
        print(f"the report is {write_report(arguments.folders, arguments.out, command)}")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
