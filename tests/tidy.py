"""clang-tidy with the checks of .clang-tidy over all sources of the library.

Usage: tidy.py PROJECT

A build of its own is configured for it, never built: without GCC's precompiled headers, which Clang cannot read, and with
each room as one file, so that its headers are read once. The clang-tidy is that of this Python's environment, where
launch/install.sh puts the version that the checks were chosen for; where there is none, the test is skipped.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# What is no fault of a source that stands in one file with the others of its room; and libstdc++ itself uses what it
# deprecates.
NO_FAULTS = ["--checks=-bugprone-suspicious-include", "--extra-arg=-Wno-shadow", "--extra-arg=-Wno-deprecated-declarations"]


def configure(project, build):
    subprocess.run(["cmake", "-S", project, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DSIBP_TESTS=OFF",
                    "-DSIBP_GPU=off", "-DSIBP_HDF5=auto", "-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON",
                    "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON"], check=True, stdout=subprocess.DEVNULL)
    return [entry["file"] for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))]


def findings(tidy, project, build, sources):
    """The warnings about `sources`, each once."""
    def check(source):
        run = subprocess.run([tidy, "-p", build, "--quiet", f"--config-file={project / '.clang-tidy'}",
                              *NO_FAULTS, source], capture_output=True, text=True, check=False)
        found = re.findall(r"^\S+:\d+:\d+: (?:warning|error): .*$", run.stdout, re.MULTILINE)
        if run.returncode != 0 and not found:
            found = [f"{source}: clang-tidy ended with status {run.returncode}: {run.stderr.strip()[-2000:]}"]
        return found

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        return sorted({line for lines in workers.map(check, sources) for line in lines})


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.tidy = shutil.which("clang-tidy", path=sysconfig.get_path("scripts"))
        if self.tidy is None:
            self.skipTest("no clang-tidy in build/python, where launch/install.sh tests puts it")
        self.maxDiff = None  # all findings are shown
        self.folder = Path(tempfile.mkdtemp(prefix="tidy-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_sources_have_no_findings(self):
        self.assertEqual(findings(self.tidy, PROJECT, self.folder, configure(PROJECT, self.folder)), [])

    def test_a_planted_bug_is_found(self):
        planted = self.folder / "src/planted.cpp"
        planted.parent.mkdir()
        planted.write_text("long half(int x) { return x / 2 * 1L; }\nstruct Base { virtual ~Base() = default; virtual int f(); };\n"
                           "struct Derived : Base { virtual int f(); };\n", encoding="utf-8")
        commands = [{"directory": str(self.folder), "file": str(planted), "command": f"c++ -std=c++20 -c {planted}"}]
        (self.folder / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
        found = findings(self.tidy, PROJECT, self.folder, [str(planted)])
        self.assertTrue(any("modernize-use-override" in line for line in found), found)


if __name__ == "__main__":
    PROJECT = Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=2)
