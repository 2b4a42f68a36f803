"""Searches parameters of a training: python -m experiment.sweep; launch/sweep.sh starts it."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Iterator, List, Tuple

from optuna.trial import TrialState

from . import machine
from .records import DIVERGED, finite, load_run, read_records
from .runs import RunFailed, Runner
from .space import EXPECTED, Parameter, parameters_of
from .study import Claim, Search
from .sweep_folder import OtherSweep, Settings


class Stopped(Exception):
    """The sweep is being ended."""


class Sweep:
    """Makes trials until there are enough."""

    def __init__(self, search: Search, parameters: List[Parameter], runner: Runner):
        self.search, self.parameters, self.runner = search, parameters, runner
        self.stopping = threading.Event()

    def make_trials(self, trials: int) -> None:
        """One after the other, until the sweep has so many. Throws RunFailed and Stopped."""
        while claim := self.search.claim(trials):
            with claim.lock:
                self.make(claim)

    def make(self, claim: Claim) -> None:
        """Makes the run of a trial and tells the study what came of it. Throws RunFailed and Stopped."""
        study, trial = claim.study, claim.trial
        values = {parameter.name: parameter.suggest(trial) for parameter in self.parameters}
        words = [word for name, value in values.items() for word in (f"--{name}", value)]
        name, settings = self.search.name_of(trial.number), self.search.settings
        print(f"{name}: {shlex.join(words)}", flush=True)
        reporter = Reporter(trial, self.runner.path(name), settings.goal)
        try:
            is_whole = self.runner.make(name, [*settings.options, *words], notes={"trial": trial.number, "values": values},
                                        should_stop=lambda: self.stopping.is_set() or reporter.is_hopeless())
            if self.stopping.is_set() and not is_whole:
                raise Stopped  # the trial is made once more by the next start
            list(reporter.report_new())  # others are measured by this one's whole way
            run = load_run(self.runner.path(name))
            value = run.final(settings.goal)
            if is_whole and value is None and run.state != DIVERGED:
                raise RunFailed(f"the final record has no {settings.goal}; the runs must measure it "
                                "(validation_…: --validation N)")
        except RunFailed:
            study.tell(trial, state=TrialState.FAIL)
            raise
        if value is None:
            study.tell(trial, state=TrialState.PRUNED)
            print(f"{name}: {'diverged' if is_whole else 'pruned'}", flush=True)
        else:
            study.tell(trial, value)
            print(f"{name}: {settings.goal} {value:.6g}", flush=True)


class Reporter:
    """Tells a trial of the goal along its run."""

    def __init__(self, trial, folder: Path, goal: str):
        self.trial, self.folder, self.goal = trial, folder, goal
        self.last_step = -1

    def is_hopeless(self) -> bool:
        """Whether the search gives the trial up, as far as the records of now say."""
        return any(self.trial.should_prune() for _ in self.report_new())

    def report_new(self) -> Iterator[int]:
        """Tells the trial of the records that are new, one by one; their steps."""
        for record in read_records(self.folder):
            value = finite(record, self.goal)
            if value is None or record["step"] <= self.last_step or record.get("final"):
                continue
            self.last_step = record["step"]
            self.trial.report(value, self.last_step)
            yield self.last_step


def parse(words: List[str]) -> Tuple[argparse.Namespace, List[Parameter]]:
    """The arguments of the command line, those of the program behind `--` among them."""
    own, options = machine.split_at_dashes(words)
    parser = argparse.ArgumentParser(prog="launch/sweep.sh", allow_abbrev=False)
    is_job = "SLURM_JOB_ID" in os.environ
    parser.add_argument("--param", action="append", required=True, metavar="NAME=VALUES", help=EXPECTED)
    parser.add_argument("--trials", type=int, default=40, help="how many in all (default: %(default)s)")
    parser.add_argument("--goal", default="validation_accuracy", metavar="QUANTITY",
                        help="of metrics.jsonl; the largest accuracy or the smallest of anything else (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/sweep"), help="folder of the sweep (default: %(default)s)")
    parser.add_argument("--ranks", type=int, default=int(os.environ.get("SLURM_NTASKS", 1)), help="MPI ranks of a trial")
    parser.add_argument("--jobs", type=int, help="trials at once (default: as many as there are cores for; 1 under Slurm)")
    parser.add_argument("--seed", type=int, default=1, help="of the search (default: %(default)s)")
    parser.add_argument("--no-pruning", action="store_true", help="make every trial to its end")
    parser.add_argument("--program", type=Path, required=True, help="the program")
    parser.add_argument("--launcher", default="srun" if is_job else "mpirun --bind-to none --oversubscribe",
                        help="what starts it on N ranks")
    arguments = parser.parse_args(own)
    arguments.options = options
    if arguments.goal.startswith("test_"):
        parser.error(f"--goal: found {arguments.goal}, expected a quantity of training or validation: parameters that are "
                     "chosen by the test make its result worthless")
    for name in ("trials", "ranks", "jobs"):
        if getattr(arguments, name) is not None and getattr(arguments, name) < 1:
            parser.error(f"--{name}: found {getattr(arguments, name)}, expected at least 1")
    try:
        parameters = parameters_of(arguments.param)
    except ValueError as error:
        parser.error(f"--param: {error}")
    given = {word.split("=")[0] for word in options}
    for name in given & {"--out", "--progress"}:
        parser.error(f"{name}: found among the options of the program, expected none: a sweep sets it for each trial")
    twice = [p.name for p in parameters if f"--{p.name}" in given]
    if twice:
        parser.error(f"--param: found {twice[0]} among the options of the program too, expected it once")
    return arguments, parameters


def interrupt(*_: object) -> None:
    """SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt


def carry_out(sweep: Sweep, trials: int, jobs: int) -> None:
    """Makes the trials, `jobs` at once. Throws RunFailed, or KeyboardInterrupt once every run has ended."""
    with ThreadPoolExecutor(jobs) as pool:
        workers = [pool.submit(sweep.make_trials, trials) for _ in range(jobs)]
        try:
            wait(workers, return_when=FIRST_EXCEPTION)
        finally:
            sweep.stopping.set() if any(not worker.done() for worker in workers) else None
    for error in [worker.exception() for worker in workers]:
        if error and not isinstance(error, Stopped):
            raise error


def main(words: List[str]) -> int:
    """Carries the sweep out; errors become messages."""
    arguments, parameters = parse(words)
    signal.signal(signal.SIGTERM, interrupt)
    threads = machine.set_up_environment(1 if "SLURM_JOB_ID" not in os.environ else
                                         int(os.environ.get("SLURM_CPUS_PER_TASK", 1)))
    is_array = "SLURM_ARRAY_TASK_ID" in os.environ
    jobs = arguments.jobs or (1 if "SLURM_JOB_ID" in os.environ else
                              max(1, machine.core_count() // (arguments.ranks * threads)))
    settings = Settings(arguments.param, arguments.goal, arguments.options, arguments.ranks, threads, arguments.seed,
                        not arguments.no_pruning)
    out, launcher, program = arguments.out.resolve(), shlex.split(arguments.launcher), arguments.program.resolve()
    with machine.errors_as_messages(OtherSweep, RunFailed):
        settings.claim(out)
        search = Search(settings, out)
        sweep = Sweep(search, parameters, Runner(program, launcher, arguments.ranks, out, machine.describe(program, launcher)))
        if is_array:
            if claim := search.claim(arguments.trials):
                with claim.lock:
                    sweep.make(claim)
            return 0
        carry_out(sweep, arguments.trials, jobs)
        for trial in search.finished()[:1]:
            print(f"best: {search.name_of(trial.number)}, {settings.goal} {trial.value:.6g}; launch/report.sh {arguments.out} "
                  "writes a page about all")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
