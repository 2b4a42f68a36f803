"""What a part reports: a line of JSON per finding, so that those of a part that was cut short are there."""

import json

PASSED, FAILED, UNAVAILABLE, FACT = "passed", "failed", "not available", "fact"


class Findings:
    """Writes the findings of a part to a file and, for people, to the standard output."""

    def __init__(self, path):
        self.path = path

    def _write(self, finding):
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(finding) + "\n")

    def report(self, status, what, seen="", expected=""):
        self._write({"status": status, "what": what, "seen": seen, "expected": expected})
        print(f"-- {status}: {what}{': ' * bool(seen)}{seen}{f' (expected {expected})' if expected else ''}", flush=True)

    def fact(self, what, seen):
        self.report(FACT, what, seen)

    def unavailable(self, what, why):
        self.report(UNAVAILABLE, what, why)

    def check(self, holds, what, seen="", expected=""):
        self.report(PASSED if holds else FAILED, what, seen, expected)

    def keep(self, **data):
        """Keeps data for the tables of figures, by name."""
        self._write({"data": data})


def read(path):
    """The findings in a file, and the data that were kept beside them."""
    findings, data = [], {}
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            finding = json.loads(line)
            if "data" in finding:
                data |= finding["data"]
            else:
                findings.append(finding)
    return findings, data
