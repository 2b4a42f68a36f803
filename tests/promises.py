#!/usr/bin/env python3
"""Checks that every test which tests/PROMISES.md names exists.

    promises.py ROOT BUILD   checks ROOT/tests/PROMISES.md against the tests of the build folder; fails if one is missing
    promises.py --test       checks itself on made-up tables
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

NAME = re.compile(r"`([^`]+)`")


def rows(table):
    """The cells of each row of a table with the columns promise, tests, case."""
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0] != "promise" and set(cells[0]) != {"-"}:
            yield cells


def breaches(table, tests, sources):
    """What is wrong with a table, given the names of all tests and the text of their sources."""
    found = list(rows(table))
    if not found:
        return ["no promises in the table"]
    wrong = []
    for promise, named, case in found:
        names = NAME.findall(named)
        if not names:
            wrong.append(f"no test: {promise}")
        wrong += [f"no test has the name {name}: {promise}" for name in names if name not in tests]
        wrong += [f"no source has the case {name}: {promise}" for name in NAME.findall(case)
                  if not re.search(rf"\b{re.escape(name)}\b", sources)]
    return wrong


def tests_of(build):
    output = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True, stdout=subprocess.PIPE).stdout
    return {test["name"] for test in json.loads(output)["tests"]}


class PromisesTest(unittest.TestCase):
    TABLE = "| promise | tests | case |\n|---|---|---|\n| it holds | `a.b`, `c` | `Case` |\n"

    def test_a_table_that_is_right(self):
        self.assertEqual(breaches(self.TABLE, {"a.b", "c"}, "TEST(Case, Name)"), [])

    def test_what_is_missing(self):
        self.assertEqual(breaches(self.TABLE, {"a.b"}, "TEST(Case, Name)"), ["no test has the name c: it holds"])
        self.assertEqual(breaches(self.TABLE, {"a.b", "c"}, "TEST(Cases, Name)"), ["no source has the case Case: it holds"])
        self.assertEqual(breaches("| it holds | none | |\n", set(), ""), ["no test: it holds"])
        self.assertEqual(breaches("", set(), ""), ["no promises in the table"])


def main():
    if sys.argv[1:] == ["--test"]:
        unittest.main(argv=sys.argv[:1], verbosity=2)
    root, build = map(Path, sys.argv[1:])
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (root / "tests").rglob("*")
                        if path.suffix in {".cpp", ".hpp", ".py"} and path.name != "promises.py")
    wrong = breaches((root / "tests/PROMISES.md").read_text(encoding="utf-8"), tests_of(build), sources)
    print("\n".join(wrong) or "every promise has its tests")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
