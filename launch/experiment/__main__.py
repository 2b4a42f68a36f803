"""The command line: `run` carries an experiment out and reports on it, `report` reports on what is there."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import List

from . import machine, plan
from .arguments import parse
from .campaign import Campaign, OtherPlan, claim_folder
from .report import NothingToReport, write_report
from .runs import RunFailed, Runner


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
