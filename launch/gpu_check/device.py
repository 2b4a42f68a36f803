"""What the machine is, and whether the program works on it at all."""

import os
import platform
import shutil
from pathlib import Path

from .context import cores

FIELDS = "name,memory.total,driver_version,compute_cap,pci.bus_id,clocks.max.sm,clocks.max.mem,power.limit"


def run(context, findings):
    report_gpu(context, findings)
    report_software(context, findings)
    doctor = context.run(["mpirun", "-np", 2, "--bind-to", "none", "--oversubscribe", context.program("sibp_dist"),
                          "doctor"])
    verdict = next((line for line in doctor.text.splitlines() if line.startswith("verdict: ")), doctor.message)
    findings.check(doctor.status == 0, "doctor on two ranks of processors", verdict.removeprefix("verdict: "))
    outcome, _, metrics = context.train("--device", "cuda", "--dataset", "synthetic", "--steps", 20, log_level="info")
    findings.fact("driver and libraries", libraries(outcome.errors))
    findings.check(outcome.status == 0, "a training on the GPU",
                   f"training loss {metrics[-1]['train_loss']:.3f}" if outcome.status == 0 else outcome.message)


def libraries(text):
    """What the start of a training says of the driver, CUDA and cuDNN."""
    line = next((line for line in text.splitlines() if " of GPU memory, " in line), "")
    return line.partition(" free; ")[2] or "not known"


def report_gpu(context, findings):
    command = ["nvidia-smi", f"--query-gpu={FIELDS}", "--format=csv,noheader"]
    answer = context.run(command) if shutil.which("nvidia-smi") else None
    if answer is None or answer.status != 0:
        findings.unavailable("nvidia-smi", "it is not on the path" if answer is None else answer.message)
        return
    for name, value in zip(FIELDS.split(","), answer.text.splitlines()[0].split(", ")):
        findings.fact(f"GPU: {name}", value)


def report_software(context, findings):
    findings.fact("program", context.sibp("--version").text.strip())
    findings.fact("system", f"{system_name()}, Linux {platform.release()}, {'.'.join(platform.libc_ver())}")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    findings.fact("processor", f"{processor()}, {cores()} hardware threads, {memory / 1e9:.0f} GB")
    nvcc = context.run(["nvcc", "--version"]) if shutil.which("nvcc") else None
    findings.fact("nvcc", nvcc.text.strip().splitlines()[-1] if nvcc and nvcc.text else "not on the path")
    findings.fact("PyTorch", context.version_of_pytorch() or "not installed")


def system_name():
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (AttributeError, KeyError, OSError):  # Python 3.9, or a system without that file
        return platform.system()


def processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"
