"""Carries a plan out: the search, the choice of each method's best parameters, more seeds for these. Tells progress."""

from __future__ import annotations

import threading
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import product
from pathlib import Path
from typing import Callable, Dict, List, Optional

from .choice import Configuration, best, configurations
from .plan import PLAN_FILE, Plan, PlannedRun, Problem, count_runs, planned, search_runs
from .records import FINISHED, load_run
from .runs import OutOfTime, Runner


class OtherPlan(Exception):
    """The folder holds another experiment."""


def claim_folder(plan: Plan, folder: Path) -> None:
    """Writes the plan into the folder, or sees that it is the one there. Throws OtherPlan."""
    if (folder / PLAN_FILE).exists():
        if Plan.read(folder) != plan:
            raise OtherPlan(f"{folder} holds another plan ({PLAN_FILE}); choose another folder with --out")
        return
    if folder.exists() and any(folder.iterdir()):
        raise OtherPlan(f"{folder} is not empty and holds no {PLAN_FILE}; choose another folder with --out")
    plan.write(folder)


def duration_text(seconds: float) -> str:
    """A duration for people."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


class Campaign:
    """The runs of a plan, made or found done, `jobs` at once."""

    def __init__(self, plan: Plan, runner: Runner, say: Callable[[str], None] = lambda text: print(text, flush=True),
                 jobs: int = 1):
        self._plan = plan
        self._runner = runner
        self._say = say
        self._jobs = jobs
        self._lock = threading.Lock()  # of what follows, but for what is constant
        self._stopping = threading.Event()
        self._problems = {problem.name: problem for problem in plan.problems}
        self._start = time.monotonic()
        self._total = count_runs(plan)
        self._done = 0
        self._seconds: Dict[str, List[float]] = {}  # of the runs made, by method
        self._waiting = [run.method for run in search_runs(plan)] + [
            method for problem in plan.problems for method in problem.grids
            for _ in problem.goals for _ in plan.seeds[1:]]

    def carry_out(self) -> bool:
        """Makes every run that is not done; False if the time limit left some for another start."""
        try:
            self._make_all(search_runs(self._plan))
            self._make_all([planned(problem, method, self._point(problem, method, self.chosen(problem, method, goal)), seed)
                            for seed in self._plan.seeds[1:] for problem in self._plan.problems
                            for method, goal in product(problem.grids, problem.goals)])
        except OutOfTime:
            self._say(f"the {duration_text(self._plan.time_limit or 0)} of this experiment are over after {self._done} of"
                      f" {self._total} runs; the same command goes on from here")
            return False
        return True

    def chosen(self, problem: Problem, method: str, goal: Optional[float]) -> Configuration:
        """The best of the search for one of the problem's goals."""
        seed = self._plan.seeds[0]
        runs = [load_run(self._runner.path(planned(problem, method, point, seed).name))
                for point in problem.grids[method]]
        return best(configurations(runs), goal)

    def _point(self, problem: Problem, method: str, chosen: Configuration) -> Dict[str, str]:
        """The point of the grid that a configuration is; the program may write numbers in other words."""
        folder = chosen.runs[0].folder
        return next(point for point in problem.grids[method]
                    if self._runner.path(planned(problem, method, point, self._plan.seeds[0]).name) == folder)

    def _make_all(self, runs: List[PlannedRun]) -> None:
        """Makes the runs in this order, as many at once as there are jobs. The first error ends all of them."""
        distinct = list(dict.fromkeys(runs))  # what is best for two goals is there twice
        with ThreadPoolExecutor(self._jobs) as pool:
            workers = [pool.submit(self._make_unless_stopping, run) for run in distinct]
            try:
                wait(workers, return_when=FIRST_EXCEPTION)
            finally:
                if not all(worker.done() for worker in workers):  # Ctrl-C
                    self._stopping.set()
        for worker in workers:
            worker.result()
        for run in runs:
            if run in distinct:
                distinct.remove(run)
            else:
                self._make(run)

    def _make_unless_stopping(self, run: PlannedRun) -> None:
        if self._stopping.is_set():
            return
        try:
            self._make(run)
        except BaseException:
            self._stopping.set()
            raise

    def _make(self, run: PlannedRun) -> None:
        arguments = run.arguments(self._problems[run.problem].options)
        was_done = self._runner.is_done(run.name, arguments)
        if not was_done:
            with self._lock:
                self._say(f"[{self._done + 1}/{self._total}] {run.title}{self._time_left_text()}")
            start = time.monotonic()
            if not self._runner.make(run.name, arguments, self._seconds_left(), self._stopping.is_set):
                return  # another run's error ended it; the next start makes it anew
        with self._lock:
            if not was_done:
                self._seconds.setdefault(run.method, []).append(time.monotonic() - start)
            self._done += 1
            self._waiting.remove(run.method)
            self._say(f"[{self._done}/{self._total}]   {run.method}: {self._outcome(run)}{' (kept)' if was_done else ''}")

    def _seconds_left(self) -> Optional[float]:
        if self._plan.time_limit is None:
            return None
        left = self._plan.time_limit - (time.monotonic() - self._start)
        if left <= 0:
            raise OutOfTime
        return left

    def _time_left_text(self) -> str:
        made = [seconds for times in self._seconds.values() for seconds in times]
        if not made:
            return ""
        mean = sum(made) / len(made)
        left = sum(sum(times) / len(times) if (times := self._seconds.get(method)) else mean
                   for method in self._waiting) / self._jobs
        return f"; about {duration_text(left)} left"

    def _outcome(self, planned_run: PlannedRun) -> str:
        run = load_run(self._runner.path(planned_run.name))
        if run.state != FINISHED:
            return "diverged"
        loss, accuracy = run.final("train_loss"), run.final("validation_accuracy")
        text = f"training loss {loss:.4g}"
        return text if accuracy is None else f"{text}, validation accuracy {100 * accuracy:.2f} %"
