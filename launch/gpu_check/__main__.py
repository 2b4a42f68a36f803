"""The command line; launch/gpu_check.sh starts it."""

import argparse
import datetime
import json
import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import gpu

from . import page
from .context import Context
from .findings import FAILED
from .parts import PARTS
from .runner import be_part, run_part


def folder(text):
    path = Path(text).absolute()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"found {text}, expected a folder that is there")
    return path


def parse(arguments):
    parser = argparse.ArgumentParser(prog="launch/gpu_check.sh", allow_abbrev=False)
    names = [part.name for part in PARTS]
    parser.add_argument("--programs", type=folder, required=True, help="folder of sibp_dist, bench_overlap and the tests")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--fashion-mnist", type=folder, help="folder of its files (default: where Debian puts them)")
    parser.add_argument("--cifar10", type=folder, help="folder of CIFAR-10's files")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that may have PyTorch")
    parser.add_argument("--short", action="store_true", help="three minutes instead of eight")
    parser.add_argument("--patience", type=float, default=1.0, help="factor on the time of every part")
    parser.add_argument("--only", choices=names, action="append", help="this part; can be repeated")
    parser.add_argument("--tiny", action="store_true", help="as little work as can be: whether the check itself works")
    given = parser.parse_args(arguments)
    if not (given.programs / "sibp_dist").is_file():
        parser.error(f"--programs: {given.programs} has no sibp_dist")
    if given.out.exists() and any(given.out.iterdir()):
        parser.error(f"--out: {given.out} is not empty; name a new folder")
    return given


def write(out, results):
    (out / "gpu_check.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (out / "gpu_check.md").write_text(page.markdown(results), encoding="utf-8")


def judge(parts):
    bad = [part["name"] for part in parts if part["status"] == FAILED]
    return f"failed in {', '.join(bad)}" if bad else "passed"


def check(given, work):
    """Runs the parts, and writes the results after each: what ends the check early leaves those so far."""
    context = Context(str(given.programs), work, str(given.fashion_mnist or ""), str(given.cifar10 or ""), given.python,
                      given.short, given.tiny, 0)
    results = {"started": datetime.datetime.now().astimezone().isoformat(timespec="seconds"), "gpu": gpu.name_of_gpu(),
               "mode": "short" if given.short else "full", "verdict": "under way", "parts": [], "data": {}}
    given.out.mkdir(parents=True, exist_ok=True)
    with (given.out / "gpu_check.log").open("wb", buffering=0) as log:
        for part in PARTS:
            if given.only and part.name not in given.only:
                continue
            seconds = given.patience * (part.seconds_short if given.short else part.seconds)
            log.write(f"== {part.title}\n".encode())
            outcome, data = run_part(part, replace(context, seconds=seconds), log)
            results["parts"].append(outcome)
            results["data"] |= data
            print(f"== {part.title}: {outcome['status']} after {outcome['seconds']:.0f} s", file=sys.stderr, flush=True)
            write(given.out, results)
    results["verdict"] = judge(results["parts"])
    if results["data"].get("rows"):
        results["figures"] = page.figures.ratios(results["data"])
    write(given.out, results)
    return results


def main(arguments):
    if arguments[:1] == ["--part"]:
        name, context = arguments[1], Context.from_json(arguments[3])
        be_part(next(part for part in PARTS if part.name == name), context)
        return 0
    given = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the part's processes are ended
    with tempfile.TemporaryDirectory(prefix="gpu-check-", dir=os.environ.get("TMPDIR")) as work:
        results = check(given, work)
    print(f"{page.last_table(results)}\nresults are in {given.out}; {results['verdict']}", flush=True)
    return 0 if results["verdict"] == "passed" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
