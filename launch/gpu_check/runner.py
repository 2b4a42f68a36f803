"""Runs a part in a process of its own, which it ends with all that it started when its time is over."""

import os
import subprocess
import sys
import time
import traceback
import uuid
from pathlib import Path

from supervisor.processes import Guard, kill_with_variable

from .context import message_in
from .findings import FAILED, PASSED, UNAVAILABLE, Findings, read

# Every process of a part has this variable.
MARK = "GPU_CHECK_PART"


def run_part(part, context, log):
    """What becomes of the part: its findings, with status, seconds and limit; and the data that it kept."""
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
        why = f"ended after {seconds:.0f} s, its time" if status is None else f"its process ended with status {status}"
        findings.append({"status": FAILED, "what": rest_of(part), "seen": why, "expected": ""})
    return {"name": part.name, "title": part.title, "status": verdict(findings), "findings": findings, "seconds": seconds,
            "limit": context.seconds}, data


def rest_of(part):
    return f"the rest of '{part.title}'"


def verdict(findings):
    """In one word."""
    counted = {finding["status"] for finding in findings}
    if FAILED in counted:
        return FAILED
    return UNAVAILABLE if counted == {UNAVAILABLE} else PASSED


def be_part(part, context):
    """The process of a part. Whatever goes wrong in it is a finding."""
    findings = Findings(Path(context.work) / f"{part.name}.jsonl")
    try:
        part.run(context, findings)
    except Exception as error:  # pylint: disable=broad-except
        traceback.print_exc()
        findings.check(False, rest_of(part), message_in(str(error)))
