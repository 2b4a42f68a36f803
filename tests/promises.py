#!/usr/bin/env python3
"""Checks the table of promises in tests/PROMISES.md: every test that it names exists, every case is in the sources of a
test of its row and every test of a row has a case, and the table of the first page quotes it word for word.

    promises.py ROOT BUILD   checks ROOT/tests/PROMISES.md and ROOT/README.md against the tests of the build folder
    promises.py --test       checks itself on made-up tables
"""

import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

NAME = re.compile(r"`([^`]+)`")
# A test in a CMakeLists.txt: its name, and the words after it, among them its sources.
ADDED = re.compile(r"\badd_test\(NAME\s+(\S+)([^)]*)\)|\bsibp_add_\w*test\(\s*(\S+)([^)]*)\)")
SOURCE = re.compile(r"[\w./]+\.(?:cpp|py)\b")


def rows(table):
    """The cells of each row of the tables whose first column is that of promises."""
    is_ours = False
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            is_ours = False
        elif cells[0] == "promise":
            is_ours = True
        elif is_ours and set(cells[0]) != {"-"}:
            yield cells


def breaches(table, first_page, tests, sources_of):
    """What is wrong with a table of promises and its quotation, given the names of all tests and a function from such a
    name to the text of its sources."""
    found = [row for row in rows(table) if len(row) == 3]
    if not found:
        return ["no promises in the table"]
    wrong = []
    for promise, named, cases in found:
        names = NAME.findall(named)
        if not names:
            wrong.append(f"no test: {promise}")
        wrong += [f"no test has the name {name}: {promise}" for name in names if name not in tests]
        texts = {name: sources_of(name) for name in names if name in tests}
        in_tests = {case: {name for name, text in texts.items() if re.search(rf"\b{re.escape(case)}\b", text)}
                    for case in NAME.findall(cases)}
        wrong += [f"no test of the row has the case {case}: {promise}" for case, having in in_tests.items() if not having]
        wrong += [f"no case in the test {name}: {promise}" for name in texts if name not in set().union(*in_tests.values())]
    quoted = list(rows(first_page))
    if not quoted:
        wrong.append("no promises on the first page")
    wrong += [f"the first page promises what the table does not: {row[0]}" for row in quoted
              if row[:2] not in [full[:2] for full in found]]
    return wrong


def tests_of(build):
    output = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True, stdout=subprocess.PIPE).stdout
    return {test["name"] for test in json.loads(output)["tests"]}


def sources_in(folder):
    """The text of the sources of each test that a CMakeLists.txt below the folder adds, by its name."""
    texts = {}
    for path in folder.rglob("CMakeLists.txt"):
        content = path.read_text(encoding="utf-8")
        for match in ADDED.finditer(content):
            name, words = (match[1], content) if match[1] else (match[3], match[4])
            files = [path.parent / source for source in SOURCE.findall(words)]
            text = "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
            texts[name] = texts.get(name, "") + text
    return texts


def without_precision_and_ranks(name):
    """The name that a CMakeLists.txt gives to name.float.np4."""
    return re.sub(r"\.(float|double)\.np\d+$", "", name)


class PromisesTest(unittest.TestCase):
    TABLE = "| promise | tests | case |\n|---|---|---|\n| it holds | `a.b`, `c` | `Case`, `Other` |\n"
    PAGE = "| x | y |\n|---|---|\n| z | `a` |\n\n| promise | tests |\n|---|---|\n| it holds | `a.b`, `c` |\n"
    TEXTS = {"a.b": "TEST(Case, Name)", "c": "class Other"}

    def breaches(self, table=TABLE, page=PAGE, **texts):
        return breaches(table, page, {"a.b", "c"}, (self.TEXTS | texts).get)

    def test_a_table_that_is_right(self):
        self.assertEqual(self.breaches(), [])

    def test_what_is_missing(self):
        self.assertEqual(breaches(self.TABLE, self.PAGE, {"a.b"}, self.TEXTS.get),
                         ["no test has the name c: it holds", "no test of the row has the case Other: it holds"])
        self.assertEqual(self.breaches(c="class Others"),
                         ["no test of the row has the case Other: it holds", "no case in the test c: it holds"])
        self.assertEqual(self.breaches("| promise | tests | case |\n|---|---|---|\n| it holds | none | |\n", ""),
                         ["no test: it holds", "no promises on the first page"])
        self.assertEqual(self.breaches(""), ["no promises in the table"])

    def test_a_quotation_that_differs(self):
        for page in (self.PAGE.replace("it holds", "it always holds"), self.PAGE.replace("`a.b`, `c`", "`c`")):
            self.assertRegex(self.breaches(page=page)[0], "the first page promises what the table does not: it")

    def test_the_sources_of_tests(self):
        texts = sources_in(Path(__file__).parent)
        for name, case in (("program.kills", "test_random_moments"), ("resume", "StoppedAfterAnyStepItIsTheSame"),
                           ("fuzz.corpus", "replay_corpus"), ("cluster.${name}", None)):
            self.assertIn(case or "", texts[name], name)


def main():
    if sys.argv[1:] == ["--test"]:
        unittest.main(argv=sys.argv[:1], verbosity=2)
    root, build = map(Path, sys.argv[1:])
    texts = sources_in(root / "tests")

    def sources_of(name):
        plain = without_precision_and_ranks(name)
        if plain in texts:
            return texts[plain]
        return (root / "tests" / plain.split(".")[0] / f"test_{plain.split('.')[-1]}.py").read_text(encoding="utf-8")

    wrong = breaches((root / "tests/PROMISES.md").read_text(encoding="utf-8"),
                     (root / "README.md").read_text(encoding="utf-8"), tests_of(build), sources_of)
    print("\n".join(wrong) or "every promise has its tests")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
