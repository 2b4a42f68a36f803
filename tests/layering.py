#!/usr/bin/env python3
"""Checks the order of includes and the few rules about where things may be.

    layering.py ROOT      checks ROOT/include/sibp and ROOT/src; prints every breach and fails if there is one
    layering.py --test    checks itself on made-up trees
"""

import re
import sys
import tempfile
import unittest
from pathlib import Path

# Includes go down only; folders of one line do not include each other.
LAYERS = [["core"], ["device"], ["comm", "data", "model"], ["layer"], ["update"], ["trainer"], ["app"], ["python"]]
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}
# The rooms of app/, in the same way; main.cpp stands above them.
ROOMS = ["cli", "report", "run", "commands"]

# Libraries that few folders of src/ alone may see, with all that is in them, by the start of the header's name.
HOMES_OF_LIBRARY = {
    "Eigen/": ("device",),
    "cblas": ("device",),
    "hwloc": ("core",),
    "mkl": ("device",),
    "cublas": ("device",),
    "cudnn": ("device",),
    "cusolver": ("device",),
    "cub/": ("device",),
    "cuda": ("device", "comm/nccl"),
    "nvtx3/": ("device",),
    "nccl.h": ("comm/nccl",),
    "mpi.h": ("comm/mpi", "comm/node"),
    "openssl/": ("core",),
    "zip.h": ("data",),
    "hdf5.h": ("data",),
    "xxhash.h": ("device",),
    "boost/program_options": ("app/cli",),
    "onnx/": ("trainer",),
    "toml++/": ("app/cli",),
}

LONGEST_FILE = 350
LONG_FILE = 300

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LITERAL_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|//.*')
OPTION = re.compile(r"--[a-z]")
QUANTITY = re.compile(r"`([a-z][a-z_]*)`")
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif|else)\b")


def source_files(root):
    """Each source file with its path from the root and the folder it belongs to."""
    for base in (root / "include" / "sibp", root / "src"):
        for path in sorted(base.rglob("*")):
            if path.suffix in {".hpp", ".cpp", ".cu", ".cuh", ".h"}:
                yield path, path.relative_to(root), path.relative_to(base).parts[0]


def room_of(name):
    """The room of app/ that a file is in, or None; `name` is a path from the root."""
    parts = name.parts[name.parts.index("sibp") + 1 :] if "sibp" in name.parts else name.parts[1:]
    return parts[1] if parts[0] == "app" and parts[1] in ROOMS else None


def breach_of_include(name, folder, quote, header):
    """What is wrong with an include in the file `name` of `folder`, or None."""
    if quote == "<":
        for start, homes in HOMES_OF_LIBRARY.items():
            if header.startswith(start) and not any(name.is_relative_to(f"src/{home}") for home in homes):
                return f"<{header}> may be included in src/{' and src/'.join(homes)} only"
        if header.startswith("mpi") and name.suffix in {".cu", ".cuh"}:
            return f"<{header}>: CUDA sources do not see MPI"
        return None
    target = header.removeprefix("sibp/").split("/")[0]
    if target not in LEVEL:
        return f'"{header}" does not begin with a folder of the project'
    if target != folder and LEVEL[target] >= LEVEL[folder]:
        return f'{folder}/ may not include {target}/ ("{header}")'
    room, its_room = room_of(name), room_of(Path("src", header.removeprefix("sibp/")))
    if room and its_room and ROOMS.index(its_room) > ROOMS.index(room):
        return f'app/{room}/ may not include app/{its_room}/ ("{header}")'
    return None


def literals(line):
    """The string literals of a line of C++, but for those in comments."""
    return [text for text in LITERAL_OR_COMMENT.findall(line) if text.startswith('"')]


def names_of_options(root):
    """All that is written between quotation marks in the table of options, the names of options among it."""
    return {text.strip('"') for path in (root / "src/app/cli/table").glob("*.cpp")
            for line in path.read_text(encoding="utf-8").splitlines() for text in literals(line)}


def breach_of_message(line, options):
    """What is wrong with how a line outside app/ speaks of options, or None."""
    for text in literals(line):
        if OPTION.search(text):
            return f"{text}: outside app/ no message names an option; write `the_quantity`"
        for quantity in QUANTITY.findall(text):
            if quantity.replace("_", "-") not in options:
                return f"`{quantity}` is no option with underscores for dashes"
    return None


def breaches_and_warnings(root):
    breaches, warnings = [], []
    files = 0
    options = names_of_options(root)
    for path, name, folder in source_files(root):
        files += 1
        if folder not in LEVEL:
            breaches.append(f"{name}: {folder} is not a folder of the project")
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > LONGEST_FILE:
            breaches.append(f"{name}: {len(lines)} lines; at most {LONGEST_FILE}")
        elif len(lines) > LONG_FILE:
            warnings.append(f"{name}: {len(lines)} lines; better at most {LONG_FILE}")
        for number, line in enumerate(lines, 1):
            if CONDITION.match(line) and folder != "core":
                breaches.append(f"{name}:{number}: conditional compilation belongs in core/")
            if folder != "app" and (breach := breach_of_message(line, options)):
                breaches.append(f"{name}:{number}: {breach}")
            if include := INCLUDE.match(line):
                if breach := breach_of_include(name, folder, *include.groups()):
                    breaches.append(f"{name}:{number}: {breach}")
    if files == 0:
        breaches.append(f"no source files under {root}")
    return breaches, warnings


def check(root):
    breaches, warnings = breaches_and_warnings(root)
    for warning in warnings:
        print(f"warning: {warning}")
    for breach in breaches:
        print(f"error: {breach}")
    print(f"layering: {len(breaches)} breaches, {len(warnings)} warnings")
    return 1 if breaches else 0


class LayeringTest(unittest.TestCase):
    def status(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check(Path(folder))

    def test_sound_tree_passes(self):
        self.assertEqual(
            self.status({
                "include/sibp/core/error.hpp": "#pragma once\n#ifdef X\n#endif\n#include <string>\n",
                "include/sibp/model/network.hpp": '#include "sibp/device/device.hpp"\n',
                "src/device/maps.hpp": "#include <Eigen/Dense>\n",
                "src/comm/mpi/calls.cpp": '#include <mpi.h>\n#include "sibp/comm/communicator.hpp"\n',
                "src/comm/nccl/link.hpp": "#include <cuda_runtime_api.h>\n#include <nccl.h>\n",
                "src/device/kernels.cu": "#include <cub/block/block_reduce.cuh>\n",
                "src/app/cli/options.cpp": '#include <boost/program_options.hpp>\n#include "sibp/trainer/trainer.hpp"\n',
                "src/app/commands/plan.cpp": '#include "sibp/app/run/resume.hpp"\n#include "app/report/plan_text.hpp"\n',
                "src/app/main.cpp": '#include "sibp/app/commands/commands.hpp"\n',
                "src/app/cli/table/data.cpp": 'void f() { add({.name = "data-dir", .help = "with --dataset"}); }\n',
                "src/data/idx.cpp": 'throw "check `data_dir`";  // "--data-dir"\n',
            }), 0)

    def test_each_breach_fails(self):
        breaches = {
            "upwards": ("src/core/error.cpp", '#include "sibp/device/device.hpp"\n'),
            "upwards, private header": ("src/device/cpu.cpp", '#include "update/solver.hpp"\n'),
            "sideways": ("include/sibp/model/network.hpp", '#  include "sibp/data/dataset.hpp"\n'),
            "Eigen": ("src/update/solver.cpp", "#include <Eigen/Dense>\n"),
            "MPI in a public header": ("include/sibp/comm/communicator.hpp", "#include <mpi.h>\n"),
            "MPI": ("src/app/main.cpp", "#include <mpi.h>\n"),
            "MPI outside its folders": ("src/comm/communicator.cpp", "#include <mpi.h>\n"),
            "MPI in a kernel": ("src/comm/mpi/kernel.cu", "#include <mpi.h>\n"),
            "CUDA": ("src/update/solver.cpp", "#include <cuda_runtime_api.h>\n"),
            "NCCL outside its folder": ("src/comm/mpi/calls.cpp", "#include <nccl.h>\n"),
            "NCCL": ("src/device/gpu.cpp", "#include <nccl.h>\n"),
            "Boost.Program_options": ("src/trainer/trainer.cpp", "#include <boost/program_options.hpp>\n"),
            "condition": ("src/device/cpu.cpp", "#ifdef GPU\n#endif\n"),
            "option in a message": ("src/data/idx.cpp", 'throw "check --data-dir";\n'),
            "quantity that is no option": ("src/data/idx.cpp", 'throw "check `data_dir`";\n'),
            "unknown folder": ("src/utilities/strings.cpp", "\n"),
            "Boost.Program_options outside its room": ("src/app/run/x.cpp", "#include <boost/program_options.hpp>\n"),
            "upwards in app": ("src/app/cli/options.cpp", '#include "app/report/text.hpp"\n'),
            "upwards in app, public header": ("include/sibp/app/run/lock.hpp", '#include "sibp/app/commands/x.hpp"\n'),
            "no folder": ("src/core/error.cpp", '#include "error.hpp"\n'),
            "long": ("src/core/error.cpp", "\n" * (LONGEST_FILE + 1)),
        }
        for name, (path, text) in breaches.items():
            with self.subTest(name):
                self.assertEqual(self.status({path: text}), 1)

    def test_empty_tree_fails(self):
        self.assertEqual(self.status({}), 1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--test":
        unittest.main(argv=sys.argv[:1], verbosity=2)
    sys.exit(check(Path(sys.argv[1])))
