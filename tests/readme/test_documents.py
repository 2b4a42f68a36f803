"""Links, files and options that the documents name: all must exist."""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Dict, List, Set

from documents import ROOT, broken_links, documents, inline_code, lines, options

PROGRAM = os.environ.get("PROGRAM_UNDER_TEST", "")
LAUNCH = ROOT / "launch"
LONGEST_FIRST_PAGE = 250

# Options of other people's programs. One that no document names has to go.
FOREIGN = {
    "mpirun": {"bind-to", "hostfile", "oversubscribe", "mca", "host"},
    "cmake": {"preset", "build", "target", "install"},
    "ctest": {"preset"},
    "sbatch": {"nodes", "ntasks-per-node", "cpus-per-task", "gpus-per-node", "signal"},
    "srun": {"mpi"},
    "podman": {"file", "tag", "rm", "shm-size"},
    "bootstrap.sh": {"with-libraries", "prefix"},
}
# Scripts that hand options to the program.
HAND_ON = {"train", "run", "plan", "sibp", "sibp_gpu", "scaling", "experiment"}
COMMAND = re.compile(r"(?:^|[\s/`(])(?:launch/)?([a-z_0-9]+)\.(?:sh|sbatch|py)(?=[\s`|]|$)")
PATH = re.compile(r"^(?:\./)?((?:launch|tests|src|include|cmake|\.ci|\.github)/[\w./*-]*)(?::\d+)?$")


def output(*words: object) -> str:
    """What a command prints to standard output."""
    return subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60,
                          stderr=subprocess.PIPE, universal_newlines=True, check=True).stdout


def names_in(text: str) -> Set[str]:
    return {option.name for option in options(text)}


def program_options() -> Set[str]:
    """The options of the program's table, as its help has them at the start of a line."""
    return set(re.findall(r"^  --([a-z0-9-]+)", output(PROGRAM, "--help"), flags=re.MULTILINE))


def script_options() -> Dict[str, Set[str]]:
    """The options of every script of launch/, by the script's name."""
    found = {}
    for script in sorted([*LAUNCH.glob("*.sh"), *LAUNCH.glob("*.sbatch")]):
        head = script.read_text(encoding="utf-8").split("set -euo pipefail")[0]
        found[script.stem] = names_in(head) | {"help"}
    for script in sorted(LAUNCH.glob("*.py")):
        found[script.stem] = names_in(script.read_text(encoding="utf-8")) | {"help"}
    found["run"] |= names_in(output("bash", LAUNCH / "run.sh", "--options"))
    found["scaling"] |= {"synthetic"}
    return found


def unknown_options(text: str, program: Set[str], scripts: Dict[str, Set[str]]) -> List[str]:
    """The options of a line that neither the program nor a script which the line names has. A line that names none
    may have any script's."""
    named = [name for name in COMMAND.findall(text) if name in scripts]
    known = set().union(*FOREIGN.values(), *(scripts[name] for name in named or scripts))
    if not named or HAND_ON & set(named) or "sibp_dist" in text:
        known |= program
    return [f"--{option.name}" + ("-…" if option.is_prefix else "") for option in options(text)
            if not (any(name.startswith(option.name + "-") for name in known) if option.is_prefix else option.name in known)]


class DocumentsTest(unittest.TestCase):
    maxDiff = None

    def test_there_are_documents(self):
        names = {str(path.relative_to(ROOT)) for path in documents()}
        self.assertLessEqual({"README.md", "launch/README.md", "src/README.md", "tests/README.md"}, names)

    def test_links_lead_somewhere(self):
        self.assertEqual(broken_links(), [])

    def test_the_first_page_is_short_and_has_a_picture(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertLess(len(text.splitlines()), LONGEST_FIRST_PAGE)
        self.assertRegex(text, r"!\[[^\]]+\]\(\S+\.svg\)")

    def test_files_exist(self):
        missing = []
        for path in documents():
            for number, code in inline_code(path):
                match = PATH.match(code.split(" ")[0])
                if match and "NAME" not in code and not list(ROOT.glob(match.group(1).rstrip("/."))):
                    missing.append(f"{path.relative_to(ROOT)}:{number}: {code}")
        self.assertEqual(missing, [])

    def test_options_exist(self):
        program, scripts = program_options(), script_options()
        self.assertGreater(len(program), 60)
        unknown = [f"{path.relative_to(ROOT)}:{line.number}: {option}" for path in documents() for line in lines(path)
                   for option in unknown_options(line.text, program, scripts)]
        self.assertEqual(unknown, [])

    def test_options_of_the_program_are_documented(self):
        named = set().union(*(names_in(path.read_text(encoding="utf-8")) for path in documents()))
        self.assertEqual(program_options() - named, set())

    def test_foreign_options_are_named_somewhere(self):
        named = set().union(*(names_in(path.read_text(encoding="utf-8")) for path in documents()))
        self.assertEqual(set().union(*FOREIGN.values()) - named, set())

    def test_choices_of_cmake_exist(self):
        build = "".join(path.read_text(encoding="utf-8") for path in [ROOT / "CMakeLists.txt", *(ROOT / "cmake").glob("*.cmake")])
        presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
        names = {preset["name"] for kind in ("configurePresets", "buildPresets", "testPresets") for preset in presets[kind]}
        unknown = []
        for path in documents():
            for line in lines(path):
                unknown += [f"{path}:{line.number}: {name}" for name in re.findall(r"-D(SIBP_\w+)", line.text) if name not in build]
                if re.search(r"\b(cmake|ctest)\b", line.text):
                    used = re.findall(r"(?:cmake|--build|ctest) --preset (\w+)", line.text)
                    unknown += [f"{path}:{line.number}: {name}" for name in used if name not in names]
        self.assertEqual(unknown, [])

    def test_versions_are_one(self):
        version = re.search(r"VERSION (\d+\.\d+\.\d+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)
        self.assertIn(f"\nversion: {version}\n", (ROOT / "CITATION.cff").read_text(encoding="utf-8"))
        self.assertIn(f'\nversion = "{version}"\n', (ROOT / "src/python/pyproject.toml").read_text(encoding="utf-8"))
        self.assertIn(f"\n## {version}\n", (ROOT / ".github" / "CHANGELOG.md").read_text(encoding="utf-8"))


class CheckerTest(unittest.TestCase):
    """The checks themselves, on made-up documents."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def broken(self, text: str) -> List[str]:
        (self.root / "README.md").write_text(text, encoding="utf-8")
        return broken_links(self.root)

    def test_links(self):
        (self.root / "other.md").write_text("# Über `x`: a\n## b\n## b\n", encoding="utf-8")
        self.assertEqual(self.broken("# A b\n[a](#a-b) [b](other.md#über-x-a) ![c](other.md) [d](other.md#b-1) [e](https://e.org)\n"
                                     "`[f](none)`\n```\n[g](none)\n# h\n```\n"), [])
        for text in ("[a](none.md)", "[a](#none)", "[a](other.md#none)", "![a](none.svg)", "```\n# h\n```\n[a](#h)", "[`a`](none)"):
            self.assertEqual(len(self.broken(text)), 1, text)

    def test_options(self):
        scripts = {"train": set(), "fetch": {"mirror"}}
        for text, unknown in (("`--eta`, `--etas`", ["--etas"]), ("launch/fetch.sh --mirror X --eta 1", ["--eta"]),
                              ("launch/train.sh --eta 1 --mirror X", ["--mirror"]), ("`--gram-…` `--grim-…`", ["--grim-…"]),
                              ("mpirun --bind-to none", []), ("a--b ----", [])):
            self.assertEqual(unknown_options(text, {"eta", "gram-every"}, scripts), unknown, text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
