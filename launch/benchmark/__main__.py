"""Runs the cases and writes results.json, results.md and, with matplotlib, results.svg: launch/benchmark.sh."""

import argparse
import datetime
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cases
import output
from measure import data_options, measure
from program import Programs, physical_cores, usable_cores
from ratios import ratios

PYTORCH_CASES = ("mnist-100", "cifar-500")
OVERLAP_CASE = "cifar-500"


@dataclass(frozen=True)
class Settings:
    records: int
    repetitions: int
    seconds_per_record: float


THOROUGH = Settings(records=5, repetitions=2, seconds_per_record=0.5)
QUICK = Settings(records=3, repetitions=1, seconds_per_record=0.02)


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def run_cases(programs, chosen, settings, left_out):
    has_methods = programs.has_methods()
    if not has_methods:
        left_out.append("SGD, the yardstick: this program has no --method")
    rows = []
    for case in chosen:
        for ranks in case.ranks:
            if ranks > usable_cores():
                left_out.append(f"{case.name} on {ranks} ranks: there are not so many cores")
                continue
            plan = programs.plan(ranks, *data_options(case))
            for way in cases.ways(ranks, has_methods):
                row = measure(programs, case, ranks, way, plan, settings)
                say(f"{case.name}, {ranks} rank(s), {way}: {1e3 * row['seconds']:.2f} ms a step")
                rows.append(row)
    return rows


def time_overlap(programs, chosen, settings, left_out):
    by_name = {case.name: case for case in chosen}
    case = by_name.get(OVERLAP_CASE, chosen[0])
    if usable_cores() < 2:
        left_out.append("collectives that do nothing: there is one core only")
        return None
    result = programs.time_overlap(2, case, 10 if settings is THOROUGH else 2)
    return result | {"case": case.name}


def time_pytorch(python, chosen, settings, left_out):
    """Seconds of a step in PyTorch, by case."""
    seconds = {}
    if subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode != 0:
        left_out.append("PyTorch, the yardstick of SGD: it is not installed (--with-pytorch installs it)")
        return seconds
    script = Path(__file__).with_name("torch_sgd.py")
    for case in chosen:
        if case.name not in PYTORCH_CASES:
            continue
        command = [python, "-B", script, case.network, str(case.batch), str(5 * settings.seconds_per_record)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        seconds[case.name] = json.loads(answer)["seconds"]
        say(f"{case.name}, PyTorch: {1e3 * seconds[case.name]:.2f} ms a step")
    return seconds


def processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="benchmark")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--build-dir", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that may have PyTorch")
    parser.add_argument("cases", nargs="*")
    return parser.parse_args(arguments)


def main(arguments):
    given = parse(arguments)
    chosen = cases.find(given.cases)
    settings = QUICK if given.quick else THOROUGH
    programs = Programs(given.build_dir)
    left_out = []
    rows = run_cases(programs, chosen, settings, left_out)
    overlap = time_overlap(programs, chosen, settings, left_out)
    pytorch = time_pytorch(given.python, chosen, settings, left_out)
    # Another case than the wanted one shows in the results, but not in the ratios.
    wanted = overlap if overlap and overlap["case"] == OVERLAP_CASE else None
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": {"processor": processor(), "cores": usable_cores(), "physical_cores": physical_cores()},
        "left_out": left_out,
        "rows": rows,
        "overlap": overlap,
        "pytorch_seconds": pytorch,
        "ratios": ratios(rows, wanted, pytorch),
    }
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if not output.draw(results, given.out / "results.svg"):
        left_out.append("the plot: matplotlib is not installed")
    (given.out / "results.md").write_text(output.markdown(results), encoding="utf-8")
    for note in left_out:
        say(f"left out: {note}")
    say(f"results are in {given.out}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"benchmark: error: {error}")
