"""The folder of a sweep: what makes its trials comparable, and locks between processes on any machines."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Iterator, List, Optional

SWEEP_FILE = "sweep.json"
LOCK_FILE = "sweep.lock"


class OtherSweep(Exception):
    """The folder holds something else."""


@dataclass
class Settings:
    """What makes trials comparable."""

    params: List[str]  # as --param has them
    goal: str
    options: List[str]  # of the program, the same in all trials
    ranks: int
    threads: int
    seed: int  # of the search
    prunes: bool

    @property
    def direction(self) -> str:
        """Of a better goal."""
        return "maximize" if self.goal.endswith("accuracy") else "minimize"

    def claim(self, folder: Path) -> None:
        """Writes the settings into the folder, or sees that they are those there. Throws OtherSweep."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / SWEEP_FILE
        with locked(folder / LOCK_FILE):
            if file.exists():
                if read_settings(folder) != self:
                    raise OtherSweep(f"{folder} holds another sweep ({SWEEP_FILE}); choose another folder with --out")
            elif any(entry.name != LOCK_FILE for entry in folder.iterdir()):
                raise OtherSweep(f"{folder} is not empty and holds no {SWEEP_FILE}; choose another folder with --out")
            else:
                file.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def read_settings(folder: Path) -> Settings:
    """The settings in a sweep's folder."""
    return Settings(**json.loads((folder / SWEEP_FILE).read_text(encoding="utf-8")))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else is inside meanwhile, on any machine."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(path: Path) -> Optional[IO[bytes]]:
    """The file, locked until it is closed; nothing if another holds it."""
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    except OSError:
        file.close()
        return None
