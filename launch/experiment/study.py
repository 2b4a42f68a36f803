"""A sweep's search: which trial comes next, by Optuna, whose journal file many processes may share."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, IO, List, Optional

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from .sweep_folder import LOCK_FILE, Settings, hold, locked

JOURNAL_FILE = "journal.jsonl"


@dataclass
class Claim:
    """A trial that this process makes; it holds the lock until then."""

    study: optuna.Study
    trial: optuna.Trial
    lock: IO[bytes]


class Search:
    """The trials of the sweep in a folder."""

    def __init__(self, settings: Settings, folder: Path):
        self.settings, self.folder = settings, folder
        optuna.logging.set_verbosity(optuna.logging.WARNING)

    def study(self, number: int = 0) -> optuna.Study:
        """The study, which draws the parameters of the trial of that number: processes must not draw the same ones."""
        sampler = optuna.samplers.TPESampler(seed=1000003 * self.settings.seed + number, constant_liar=True)
        pruner = optuna.pruners.MedianPruner() if self.settings.prunes else optuna.pruners.NopPruner()
        storage = JournalStorage(JournalFileBackend(str(self.folder / JOURNAL_FILE)))
        return optuna.create_study(storage=storage, study_name="sweep", direction=self.settings.direction,
                                   sampler=sampler, pruner=pruner, load_if_exists=True)

    def name_of(self, number: int) -> str:
        """Of a trial's run."""
        return f"trial-{number:04}"

    def claim(self, trials: int) -> Optional[Claim]:
        """The next trial, unless there are so many."""
        with locked(self.folder / LOCK_FILE):
            study = self.study()
            self._free_lost(study)
            known = study.get_trials(deepcopy=False)
            if sum(trial.state in (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED) for trial in known) >= trials:
                return None
            study = self.study(len(known))
            trial = study.ask()
            lock = hold(self._lock_of(trial.number))
            assert lock, "nobody else knows the trial yet"
            return Claim(study, trial, lock)

    def _lock_of(self, number: int) -> Path:
        return self.folder / f"{self.name_of(number)}.lock"

    def _free_lost(self, study: optuna.Study) -> None:
        """Trials whose process is gone are made once more, with the same parameters."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            lock = hold(self._lock_of(trial.number))
            if lock is None:
                continue
            lock.close()
            study.tell(trial.number, state=TrialState.FAIL)
            if trial.params:
                study.enqueue_trial(trial.params)
            shutil.rmtree(self.folder / "runs" / self.name_of(trial.number), ignore_errors=True)

    def finished(self) -> List[Any]:
        """The trials that went to their end, the best first."""
        trials = self.study().get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        sign = -1 if self.settings.direction == "maximize" else 1
        return sorted(trials, key=lambda trial: sign * trial.value)
