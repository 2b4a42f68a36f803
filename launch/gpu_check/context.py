"""What a part is given: where things are, how much time there is, and how programs are started."""

import json
import os
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

USAGE = 2  # the program's status for options that it does not know or that do not go together
TIME_OVER = 124
LEAST_SHARE = 2.0  # seconds
LONGEST_MESSAGE = 200


@dataclass
class Outcome:
    """Of a program: `text` is what it wrote, errors behind the rest."""

    status: int
    text: str
    errors: str

    @property
    def message(self):
        """What it said of its failure."""
        return "time over" if self.status == TIME_OVER else message_in(self.errors or self.text)


def message_in(text):
    """The first error message in a text, or else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    wanted = next((line for line in lines if "error: " in line), lines[-1] if lines else "nothing written")
    message = wanted.partition("error: ")[2] or wanted
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE - 2]} …"


@dataclass
class Context:
    """`seconds` are the part's own. Paths are absolute."""

    programs: str
    work: str  # a folder for what is made on the way, the same for all parts
    fashion_mnist: str
    cifar10: str
    python: str  # an interpreter that may have PyTorch
    short: bool
    tiny: bool  # next to nothing to compute: whether the check itself works
    seconds: float
    started: float = field(default_factory=time.monotonic)

    def to_json(self):
        return json.dumps({name: value for name, value in asdict(self).items() if name != "started"})

    @staticmethod
    def from_json(text):
        return Context(**json.loads(text))

    def program(self, name):
        return str(Path(self.programs) / name)

    def remaining(self):
        return self.seconds - (time.monotonic() - self.started)

    def share(self, left):
        """Seconds for the next of so many things that are left to do: one that hangs leaves time to the others."""
        return max(LEAST_SHARE, self.remaining() / max(1, left))

    def run(self, command, seconds=None, threads=1, **variables):
        """Runs a command to its end, or for so many seconds."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SIBP_")}
        environment |= {"OMP_NUM_THREADS": str(threads), **variables}
        words = list(map(str, command))
        print(f"$ {' '.join(words)}", flush=True)
        try:
            result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                                    env=environment, cwd=self.work, timeout=seconds or self.remaining(), check=False)
            outcome = Outcome(result.returncode, result.stdout, result.stderr)
        except subprocess.TimeoutExpired as over:
            outcome = Outcome(TIME_OVER, *((text or b"").decode("utf-8", "replace") for text in (over.stdout, over.stderr)))
        except OSError as error:
            outcome = Outcome(127, "", f"error: {error}")
        print(outcome.text, outcome.errors, sep="", end="", flush=True)
        return outcome

    def sibp(self, *options, **keywords):
        """Runs sibp_dist in one process."""
        return self.run([self.program("sibp_dist"), *options], **keywords)

    def why_not(self, *options):
        """The message with which sibp_dist refuses the network or preset among these options, as one of another version
        may; nothing if it does not. All other failures are left to the training itself."""
        outcome = self.sibp("train", "--device", "cpu", *options, "--describe")
        refused = outcome.status == USAGE and outcome.message.startswith(("--network", "--preset"))
        return outcome.message if refused else ""

    def version_of_pytorch(self):
        """Nothing where it is not installed. (To import it takes seconds.)"""
        outcome = self.run([self.python, "-c", "import importlib.metadata as all; print(all.version('torch'))"])
        return outcome.text.strip() if outcome.status == 0 else ""

    def train(self, *options, log_level="warning", **keywords):
        """Trains in one process. The outcome, the folder of the run, and the lines of its metrics."""
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=self.work)) / "run"
        outcome = self.sibp("train", "--out", folder, "--progress", "none", "--log-level", log_level, *options, **keywords)
        metrics = folder / "metrics.jsonl"
        lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else []
        return outcome, folder, [json.loads(line) for line in lines]


def cores():
    return len(os.sched_getaffinity(0))
