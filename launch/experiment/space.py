"""The parameters that a sweep searches, as --param names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, List, Optional, Tuple

KINDS = ("log", "linear", "int", "intlog")
EXPECTED = ("NAME=log:LOW:HIGH, NAME=linear:LOW:HIGH, NAME=int:LOW:HIGH or NAME=intlog:LOW:HIGH, each perhaps behind a "
            "word, as in damping=relative:log:0.1:10, or NAME=A|B|C")
RANGE = re.compile(rf"(?:(?P<word>.+):)?(?P<kind>{'|'.join(KINDS)}):(?P<low>[^:]+):(?P<high>[^:]+)")


@dataclass(frozen=True)
class Parameter:
    """An option of the program and the values that it may have."""

    name: str
    kind: str  # of KINDS, or "choice"
    low: float = 0
    high: float = 0
    word: str = ""  # before each value, with its colon
    choices: Tuple[str, ...] = ()

    @property
    def is_log(self) -> bool:
        """Whether values are drawn, and shown, on a logarithmic scale."""
        return self.kind in ("log", "intlog")

    def suggest(self, trial: Any) -> str:
        """The value that an Optuna trial takes, as the program reads it."""
        if self.kind == "choice":
            return trial.suggest_categorical(self.name, list(self.choices))
        if self.kind.startswith("int"):
            return f"{self.word}{trial.suggest_int(self.name, int(self.low), int(self.high), log=self.is_log)}"
        return f"{self.word}{trial.suggest_float(self.name, self.low, self.high, log=self.is_log):.6g}"

    def number_of(self, value: str) -> Optional[float]:
        """The number in a value; nothing if it is a choice."""
        return None if self.kind == "choice" else float(value[len(self.word):])


def parameter_of(text: str) -> Parameter:
    """The parameter that a --param names. Throws ValueError."""
    name, equals, values = text.lstrip("-").partition("=")
    if not name or not equals:
        raise ValueError(f"found '{text}', expected {EXPECTED}")
    if found := RANGE.fullmatch(values):
        return _range(text, name, found)
    choices = tuple(values.split("|"))
    if len(set(choices)) < 2 or len(set(choices)) < len(choices) or not all(choices):
        raise ValueError(f"found '{text}', expected {EXPECTED}")
    return Parameter(name, "choice", choices=choices)


def _range(text: str, name: str, found: re.Match) -> Parameter:
    kind, is_whole = found["kind"], found["kind"].startswith("int")
    try:
        low, high = (float(int(found[end]) if is_whole else float(found[end])) for end in ("low", "high"))
    except ValueError:
        raise ValueError(f"found '{text}', expected {'whole ' if is_whole else ''}numbers behind {kind}") from None
    if not low < high or kind.endswith("log") and low <= 0 or not abs(low) + abs(high) < float("inf"):
        raise ValueError(f"found '{text}', expected LOW below HIGH" + (" and above 0" if kind.endswith("log") else ""))
    return Parameter(name, kind, low, high, f"{found['word']}:" if found["word"] else "")


def parameters_of(texts: List[str]) -> List[Parameter]:
    """The same of all --param. Throws ValueError."""
    parameters = [parameter_of(text) for text in texts]
    names = [parameter.name for parameter in parameters]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"found {name} twice, expected each option once")
    return parameters
