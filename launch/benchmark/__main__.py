"""Runs the cases and writes results.json, results.md and, with matplotlib, results.svg: launch/benchmark.sh."""

import argparse
import datetime
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cases
import gpu
import output
import pytorch
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


THOROUGH = Settings(records=4, repetitions=3, seconds_per_record=0.5)
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
            measured = measure(programs, case, ranks, cases.ways(ranks, has_methods), plan, settings)
            for row in measured:
                say(f"{case.name}, {ranks} rank(s), {row['way']}: {1e3 * row['seconds']:.2f} ms a step")
            rows += measured
    return rows


def time_overlap(programs, chosen, settings, left_out):
    by_name = {case.name: case for case in chosen}
    case = by_name.get(OVERLAP_CASE, chosen[0])
    if usable_cores() < 2:
        left_out.append("collectives that do nothing: there is one core only")
        return None
    result = programs.time_overlap(2, case, 10 if settings is THOROUGH else 2)
    return result | {"case": case.name}


def seconds_in_pytorch(given, wanted, settings, left_out, condition="True"):
    """Of a step, by case and precision; nothing where the condition does not hold of PyTorch."""
    if not pytorch.is_there(given.python, condition):
        left_out.append("PyTorch, the yardstick of SGD: it is not installed (--with-pytorch installs it), or not for this "
                        "device")
        return {}
    seen = {}
    for case, precision, seconds in pytorch.seconds_of_steps(given.python, wanted, 5 * settings.seconds_per_record):
        say(f"{case.name}, {' '.join(('PyTorch', precision or ''))}: {1e3 * seconds:.2f} ms a step")
        seen[case.name, precision] = seconds
    return seen


def measure_processors(given, settings, left_out):
    """All of the results but where they come from."""
    chosen = cases.find(given.cases)
    programs = Programs(given.build_dir, "--device", "cpu")
    rows = run_cases(programs, chosen, settings, left_out)
    overlap = time_overlap(programs, chosen, settings, left_out)
    wanted = [(case, None) for case in chosen if case.name in PYTORCH_CASES]
    in_pytorch = {name: seconds for (name, _), seconds in seconds_in_pytorch(given, wanted, settings, left_out).items()}
    # Another case than the wanted one shows in the results, but not in the ratios.
    counted = overlap if overlap and overlap["case"] == OVERLAP_CASE else None
    return {"rows": rows, "overlap": overlap, "pytorch_seconds": in_pytorch, "ratios": ratios(rows, counted, in_pytorch)}


def measure_gpu(given, settings, left_out):
    """The same for one GPU."""
    chosen = gpu.find(given.cases)
    rows = [*gpu.rows_of_gpu(given.build_dir, chosen, settings, say),
            *gpu.rows_of_cores(given.build_dir, chosen, settings, say)]
    wanted = [(case, precision) for case in chosen for precision in gpu.PRECISIONS]
    in_pytorch = seconds_in_pytorch(given, wanted, settings, left_out, "torch.cuda.is_available()")
    return {"rows": rows, "pytorch_seconds": {" ".join(key): seconds for key, seconds in in_pytorch.items()},
            "ratios": gpu.ratios(rows, in_pytorch)}


def processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="benchmark")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--build-dir", type=Path, required=True)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that may have PyTorch")
    parser.add_argument("--check", action="store_true", help="only say whether the arguments are right")
    parser.add_argument("cases", nargs="*")
    return parser.parse_args(arguments)


def main(arguments):
    given = parse(arguments)
    on_gpu = given.device == "cuda"
    (gpu if on_gpu else cases).find(given.cases)
    if given.check:
        return
    settings = QUICK if given.quick else THOROUGH
    left_out = []
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": {"processor": processor(), "cores": usable_cores(), "physical_cores": physical_cores()}
                   | ({"gpu": gpu.name_of_gpu()} if on_gpu else {}),
        "left_out": left_out,
        **(measure_gpu if on_gpu else measure_processors)(given, settings, left_out),
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
