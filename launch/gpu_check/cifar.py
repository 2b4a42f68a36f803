"""The preset cifar10-94 on the real data, where they are: two epochs, and a step of sibp beside one of SGD."""

import statistics

from .training import milliseconds

EPOCHS = 2
LARGEST_RATIO = 1.3  # a step of sibp over one of SGD
CASES = (("sibp", ()), ("sgd", ("--method", "sgd")))


def run(context, findings):
    if not context.cifar10:
        findings.unavailable("cifar10-94", "CIFAR-10 is not there; --cifar10 names its folder")
        return
    options = ["--preset", "cifar10-94", "--data-dir", context.cifar10]
    if why_not := context.why_not(*options):
        findings.unavailable("cifar10-94", why_not)
        return
    times = {}
    for k, (name, method) in enumerate(CASES):
        outcome, _, metrics = context.train("--device", "cuda", *options, *method, "--epochs", EPOCHS, "--log-every", 20,
                                            seconds=context.share(len(CASES) - k))
        trained = outcome.status == 0
        findings.check(trained, f"cifar10-94, {name}", summary(metrics) if trained else outcome.message)
        if trained:
            times[name] = statistics.median(record["seconds_step"] for record in metrics if record.get("seconds_step"))
    if len(times) == len(CASES):
        ratio = times["sibp"] / times["sgd"]
        findings.check(ratio <= LARGEST_RATIO, "cifar10-94: a step of sibp over one of SGD", f"{ratio:.2f}",
                       f"≤ {LARGEST_RATIO}")


def summary(metrics):
    last = metrics[-1]
    return (f"{EPOCHS} epochs: training loss {last['train_loss']:.3f}, test accuracy "
            f"{100 * last['test_accuracy']:.1f} %, {milliseconds(metrics):.2f} ms a step")
