"""The results for people, as Markdown, and the table that is printed last."""

import output

from . import figures
from .findings import FACT, FAILED, PASSED, UNAVAILABLE


def parts_table(parts):
    """A line for each part, with what it found."""
    return output.table(("part", "result", "checks", "seconds"), map(part_row, parts))


def part_row(part):
    counted = [finding["status"] for finding in part["findings"]]
    checks = [f"{counted.count(status)} {status}" for status in (PASSED, FAILED, UNAVAILABLE) if status in counted]
    result = "**failed**" if part["status"] == FAILED else part["status"]
    return part["title"], result, ", ".join(checks), f"{part['seconds']:.0f} of {part['limit']:.0f}"


def of_status(parts, status):
    """Lines of the findings with this status."""
    return "".join(f"- {finding['what']}: {finding['seen']}{expectation(finding)}\n" for part in parts
                   for finding in part["findings"] if finding["status"] == status)


def expectation(finding):
    return f" (expected {finding['expected']})" if finding["expected"] else ""


def figures_table(data):
    """The figures of the benchmark; nothing where it did not run."""
    if not data.get("rows"):
        return ""
    return output.table(("figure", "reach", "seen", "reached"), map(output.ratio_row, figures.ratios(data)))


def last_table(results):
    """What is printed at the end."""
    return f"{results['gpu']}, {results['mode']}\n\n{parts_table(results['parts'])}\n{figures_table(results['data'])}"


def markdown(results):
    parts = results["parts"]
    text = f"# GPU check: {results['verdict']}\n\n{results['gpu']}; {results['started']}; {results['mode']}\n\n"
    for title, body in (("Parts", parts_table(parts)), ("Failed", of_status(parts, FAILED)),
                        ("Not available", of_status(parts, UNAVAILABLE)), ("Figures", figures_table(results["data"])),
                        ("Checks that passed", of_status(parts, PASSED)), ("Facts", of_status(parts, FACT))):
        if body:
            text += f"## {title}\n\n{body}\n"
    return text
