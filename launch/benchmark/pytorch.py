"""SGD in PyTorch, measured by torch_sgd.py in an interpreter that has it."""

import json
import subprocess
from pathlib import Path


def is_there(python, condition="True"):
    """Whether that interpreter has PyTorch, of which the condition holds."""
    test = [python, "-c", f"import sys, torch; sys.exit(not {condition})"]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


def seconds_of_steps(python, wanted, seconds_each):
    """Yields (case, precision, seconds of a step) for such pairs, as they are measured: on the processor where the precision
    is None, else in that precision on the GPU. One process measures all."""
    words = [",".join((case.network, str(case.batch), *filter(None, [precision]))) for case, precision in wanted]
    command = [python, "-B", str(Path(__file__).with_name("torch_sgd.py")), str(seconds_each), *words]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        for (case, precision), line in zip(wanted, process.stdout):
            yield case, precision, json.loads(line)["seconds"]
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\nended with status {process.returncode}")
