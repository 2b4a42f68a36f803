"""Reads what a run left: its options, its records, and how it ended."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional

METRICS_FILE = "metrics.jsonl"
CONFIG_FILE = "config.ini"
RUN_FILE = "run.json"  # what the experiment knows of a run; the program does not write it

FINISHED, DIVERGED, UNFINISHED, PRUNED = "finished", "diverged", "unfinished", "pruned"
DIVERGED_STATUS = 5  # of the program
PRUNED_STATUS = -1  # no status of the program: a search gave the run up

Record = Dict[str, Any]


@dataclass
class Run:
    """One run's folder."""

    folder: Path
    options: Dict[str, str]
    records: List[Record]
    state: str
    notes: Dict[str, Any] = field(default_factory=dict)  # of RUN_FILE
    source: str = ""  # the experiment it belongs to; empty: none

    @property
    def method(self) -> str:
        """The method's name."""
        return self.options.get("method", "sibp")

    @property
    def seed(self) -> str:
        """The seed as it was given."""
        return self.options.get("seed", "")

    def final(self, quantity: str) -> Optional[float]:
        """A quantity of the final record; nothing if it was not measured or the run did not finish."""
        return finite(self.records[-1], quantity) if self.state == FINISHED else None


def finite(record: Record, quantity: str) -> Optional[float]:
    """A number of a record, if it is there and finite."""
    value = record.get(quantity)
    try:
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:  # an integer of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def with_measured_training(record: Record) -> Record:
    """The record with the training loss and accuracy of the present weights on the sample of the training set that the
    run measures (--training-sample), where it does, instead of the mean over the batches since the record before. The
    final record has them over the whole training set."""
    if record.get("final"):
        return record
    measured = {f"train_{quantity}": record[name] for quantity in ("loss", "accuracy")
                if (name := f"training_sample_{quantity}") in record}
    return {**record, **measured}


def read_text(path: Path) -> str:
    """The text of a file, whatever its bytes are; nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def read_object(text: str) -> Optional[Dict[str, Any]]:
    """The JSON object that a text is; nothing if it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_records(folder: Path) -> List[Record]:
    """The records of a run, up to the first line that is none, such as one that was cut."""
    records = []
    for line in read_text(folder / METRICS_FILE).splitlines():
        record = read_object(line)
        if record is None:
            break
        records.append(with_measured_training(record))
    return records


def read_options(path: Path) -> Dict[str, str]:
    """The options of a config.ini."""
    options = {}
    for line in read_text(path).splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith(("#", ";")):
            options[name.strip()] = value.strip()
    return options


def _read_notes(folder: Path) -> Dict[str, Any]:
    notes = read_object(read_text(folder / RUN_FILE)) or {}
    kinds = {"machine": dict, "command": list}
    return {name: note for name, note in notes.items() if isinstance(note, kinds.get(name, object))}


def state_of(records: List[Record], notes: Dict[str, Any]) -> str:
    """How a run ended. A final record whose loss is not finite is a divergence as well."""
    if notes.get("status") == DIVERGED_STATUS:
        return DIVERGED
    if notes.get("status") == PRUNED_STATUS:
        return PRUNED
    if not records or not records[-1].get("final"):
        return UNFINISHED
    return FINISHED if finite(records[-1], "train_loss") is not None else DIVERGED


def is_run(folder: Path) -> bool:
    """Whether the folder is that of a run."""
    return (folder / METRICS_FILE).is_file() and (folder / CONFIG_FILE).is_file()


def load_run(folder: Path, source: str = "") -> Run:
    """Reads a run's folder."""
    records, notes = read_records(folder), _read_notes(folder)
    return Run(folder, read_options(folder / CONFIG_FILE), records, state_of(records, notes), notes, source)


def load_runs(folder: Path, source: str = "") -> List[Run]:
    """All runs in the folder and below it."""
    configs = sorted(folder.rglob(CONFIG_FILE))
    return [load_run(config.parent, source) for config in configs if is_run(config.parent)]
