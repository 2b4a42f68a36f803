"""Runs a part in a process of its own, which it ends with all that it started when its time is over."""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from supervisor.processes import Guard, kill_with_variable

from .findings import FAILED, UNAVAILABLE, Findings, read

# Every process of a part has this variable.
MARK = "GPU_CHECK_PART"
TIME_OVER = "time over"


def run_part(part, context, log):
    """What becomes of the part: its findings and data with status, seconds and limit."""
    file = Path(context.work) / f"{part.name}.jsonl"
    mark = uuid.uuid4().hex
    started = time.monotonic()
    with Guard(MARK, mark):
        process = subprocess.Popen([sys.executable, "-B", "-m", "gpu_check", "--part", part.name, "--context", context.to_json()],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, MARK: mark})
        try:
            status = process.wait(context.seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            kill_with_variable(MARK, mark)
            process.wait()
    findings, data = read(file)
    return {"name": part.name, "title": part.title, "status": verdict(status, findings), "findings": findings,
            "seconds": round(time.monotonic() - started, 1), "limit": context.seconds}, data


def verdict(status, findings):
    """In one word: of a part whose process ended with this status, None where its time was over."""
    counted = {finding["status"] for finding in findings}
    if status != 0 or FAILED in counted:
        return TIME_OVER if status is None and FAILED not in counted else FAILED
    return UNAVAILABLE if counted == {UNAVAILABLE} else "passed"


def be_part(part, context):
    """The process of a part."""
    part.run(context, Findings(Path(context.work) / f"{part.name}.jsonl"))
