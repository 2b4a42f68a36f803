"""What is measured on one GPU, and the ratios to reach there: launch/benchmark.sh --device cuda."""

import subprocess

from cases import TINY, Case
from measure import data_options, measure
from program import Programs, usable_cores
from ratios import divide, figure

PRECISIONS = ("fp32", "tf32")
WAYS = ("auto", "sgd")
MOST_CORES = 16  # that the GPU is held against

_LARGE = (4000, 1000, 4000)

CASES = (
    Case("mnist-100", 784, (500,), 100, ranks=(1,)),
    Case("cifar-500", 3072, _LARGE, 500, ranks=(1,)),
    Case("cifar-4000", 3072, _LARGE, 4000, ranks=(1,)),
)


def find(names):
    """The cases of those names, all of them if there are none."""
    known = {case.name: case for case in (*CASES, TINY)}
    for name in names:
        if name not in known:
            raise ValueError(f"unknown case '{name}' for a GPU, expected one of {', '.join(known)}")
    return [known[name] for name in names] or list(CASES)


def name_of_gpu():
    """Name, memory and driver, for people."""
    try:
        answer = subprocess.run(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"],
                                capture_output=True, text=True, check=True).stdout
        return answer.splitlines()[0]
    except (OSError, IndexError, subprocess.CalledProcessError):
        return "unknown GPU"


def rows_of_gpu(build_dir, chosen, settings, say, precisions=PRECISIONS):
    """A row for each case, precision and method. The peak is the rate of a product at the largest size that the program
    measures, 4096³, in that precision."""
    for precision in precisions:
        programs = Programs(build_dir, "--device", "cuda", "--precision", precision)
        for case in chosen:
            plan = programs.plan(1, *data_options(case))
            for row in measure(programs, case, 1, WAYS, plan, settings):
                rate = plan["rates"]["gemm"][-1]
                row |= {"device": f"cuda {precision}", "gemm_peak": rate,
                        "flops_over_peak": row["flops"] / row["seconds"] / rate}
                say(f"{case.name}, {precision}, {row['way']}: {1e3 * row['seconds']:.3f} ms a step")
                yield row


def rows_of_cores(build_dir, chosen, settings, say):
    """The largest batch on the machine's cores, in one process with a thread for each."""
    threads = min(MOST_CORES, usable_cores())
    programs = Programs(build_dir, "--device", "cpu", threads=threads)
    case = max(chosen, key=lambda case: case.batch)
    [row] = measure(programs, case, 1, ["auto"], programs.plan(1, *data_options(case)), settings)
    say(f"{case.name}, {threads} cores, auto: {1e3 * row['seconds']:.2f} ms a step")
    yield row | {"device": f"{threads} cores"}


def reported(text, seen):
    """A line of the table that nothing has to reach."""
    return {"figure": text, "reach": "reported", "seen": seen, "met": None}


def ratios(rows, pytorch):
    """All lines; `pytorch` has seconds of a step by case and precision."""
    table = {(row["case"], row["device"], row["way"]): row for row in rows}

    def value(case, device, way, key="seconds"):
        return table.get((case, device, way), {}).get(key)

    def share(batch, precision):
        return value(f"cifar-{batch}", f"cuda {precision}", "auto", "flops_over_peak")

    def over_pytorch(precision, way):
        return divide(value("cifar-4000", f"cuda {precision}", way), pytorch.get(("cifar-4000", precision)))

    on_gpu = value("cifar-4000", "cuda fp32", "auto")
    cores = next((row["device"] for row in rows if row["device"].endswith("cores")), f"{MOST_CORES} cores")
    over_cores = divide(value("cifar-4000", cores, "auto"), on_gpu)
    text_of_cores = f"one GPU over {cores}, batch 4000, fp32"
    mnist = value("mnist-100", "cuda fp32", "auto")
    large = "3072-4000-1000-4000-10"
    return [
        figure(f"flops / rate of a product at 4096³, {large}, batch 4000, fp32", 0.6, share(4000, "fp32"), at_most=False),
        *(reported(f"the same, batch {batch}, {precision}", share(batch, precision))
          for batch, precision in ((500, "fp32"), (4000, "tf32"), (500, "tf32"))),
        figure(f"sibp / SGD, {large}, batch 4000, fp32", 2.5, divide(on_gpu, value("cifar-4000", "cuda fp32", "sgd"))),
        figure(text_of_cores, 20, over_cores, at_most=False) if cores == f"{MOST_CORES} cores" else
        reported(text_of_cores, over_cores),
        figure("ms a step, 784-500-10, batch 100, fp32", 0.5, None if mnist is None else 1e3 * mnist),
        figure("sibp / PyTorch's SGD, batch 4000, fp32", 2.5, over_pytorch("fp32", "auto")),
        reported("sibp / PyTorch's SGD, batch 4000, tf32", over_pytorch("tf32", "auto")),
        figure("our SGD / PyTorch's, batch 4000, fp32", 1.1, over_pytorch("fp32", "sgd")),
        figure("our SGD / PyTorch's, batch 4000, tf32", 1.1, over_pytorch("tf32", "sgd")),
    ]
