"""The test programs of the bundle, by what GoogleTest writes while it runs: a test during which its program crashed or had
to be ended is named as well."""

import re
from pathlib import Path

from .context import TIME_OVER

LINE = re.compile(r"\[ +(RUN|OK|FAILED|SKIPPED) +\] ([\w/]+\.[\w/]+)")


def run_unit(context, findings):
    """All that the parts below do not run."""
    others = {*programs(context, "training"), *programs(context, "communicator")}
    run_programs(context, findings, [path for path in programs(context, "") if path not in others])


def run_nccl(context, findings):
    run_programs(context, findings, programs(context, "communicator"))


def programs(context, word):
    """The test programs with the word in their name."""
    return sorted(path for path in Path(context.programs).glob("test_*") if word in path.name)


def run_programs(context, findings, paths):
    """Runs test programs on the GPU, each with its share of the time."""
    if not paths:
        findings.unavailable("test programs", f"there are none of these in {context.programs}")
    for k, path in enumerate(paths):
        outcome = context.run([path], seconds=context.share(len(paths) - k), SIBP_TEST_DEVICE="cuda", GTEST_COLOR="no")
        judge(findings, path.name, outcome)


def judge(findings, name, outcome):
    seen = results(outcome.text)
    broken = [test for test, result in seen.items() if result in ("FAILED", "RUN")]
    skipped = [test for test, result in seen.items() if result == "SKIPPED"]
    passed = sum(result == "OK" for result in seen.values())
    for test in broken:
        how = failure_of(outcome.text, test) if seen[test] == "FAILED" else \
            "time over during it" if outcome.status == TIME_OVER else f"its program ended with status {outcome.status}"
        findings.check(False, f"{name}: {test}", how)
    if outcome.status != 0 and not broken:
        findings.check(False, name, outcome.message)
    elif passed == 0:
        findings.check(False, name, f"no test passed: {in_one_line(outcome.text)}")
    else:
        for test in skipped:
            findings.unavailable(f"{name}: {test}", failure_of(outcome.text, test))
        findings.check(True, name, f"{passed} tests passed")


def results(text):
    """What became of each test; of one that was under way at the end, RUN."""
    seen = {}
    for kind, test in LINE.findall(text):
        seen[test] = kind
    return seen


def failure_of(text, test):
    """The first lines that a test wrote, in one line."""
    return in_one_line(text.partition(f"] {test}\n")[2].partition("\n[")[0])


def in_one_line(text):
    return " ".join(text.split())[:300]
