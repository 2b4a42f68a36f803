"""Runs a part in a process of its own, which it ends with all that it started when its time is over."""

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from supervisor.processes import Guard, kill_with_variable

from .findings import FAILED, PASSED, UNAVAILABLE, Findings, read

# Every process of a part has this variable.
MARK = "GPU_CHECK_PART"


def run_part(part, context, log):
    """What becomes of the part: its findings, with status, seconds and limit; and the data that it kept. `log` is a binary
    file that can be read as well."""
    file = Path(context.work) / f"{part.name}.jsonl"
    mark = uuid.uuid4().hex
    started = time.monotonic()
    with Guard(MARK, mark):
        command = [sys.executable, "-B", "-m", "gpu_check", "--part", part.name, "--context", context.to_json()]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                   start_new_session=True, env={**os.environ, MARK: mark})
        try:
            status = process.wait(context.seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            kill_with_variable(MARK, mark)
            process.wait()
    seconds = round(time.monotonic() - started, 1)
    findings, data = read(file)
    if status != 0:
        why = f"ended after {seconds:.0f} s, its time" if status is None else f"its process failed: {last_line(log)}"
        findings.append({"status": FAILED, "what": f"the rest of '{part.title}'", "seen": why, "expected": ""})
    return {"name": part.name, "title": part.title, "status": verdict(findings), "findings": findings, "seconds": seconds,
            "limit": context.seconds}, data


def last_line(log):
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


def verdict(findings):
    """In one word."""
    counted = {finding["status"] for finding in findings}
    if FAILED in counted:
        return FAILED
    return UNAVAILABLE if counted == {UNAVAILABLE} else PASSED


def be_part(part, context):
    """The process of a part."""
    part.run(context, Findings(Path(context.work) / f"{part.name}.jsonl"))
