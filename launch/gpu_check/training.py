"""Trainings to a loss, on Fashion-MNIST and on made-up images of CIFAR-10's size."""

from dataclasses import dataclass
from pathlib import Path

from . import made_up

CONVNET = "conv(16,3,relu) maxpool(2) conv(32,3,relu) maxpool(2) dense(10)"


@dataclass(frozen=True)
class Training:
    name: str
    data: str  # a function of DATA
    options: tuple
    loss: float  # over the training set at the end, at most


# On Fashion-MNIST the CPU ends at 0.172 with sibp and 0.262 with sgd.
TRAININGS = (
    Training("Fashion-MNIST, sibp", "fashion-mnist", ("--hidden", "500", "--epochs", "2"), 0.19),
    Training("Fashion-MNIST, sibp, tf32", "fashion-mnist", ("--hidden", "500", "--epochs", "2", "--precision", "tf32"), 0.19),
    Training("Fashion-MNIST, sgd", "fashion-mnist", ("--hidden", "500", "--epochs", "2", "--method", "sgd"), 0.29),
    Training("ConvNet on made-up images, sibp", "images", ("--network", CONVNET, "--batch", "500", "--steps", "100"), 1.0),
    Training("ConvNet on made-up images, sgd", "images",
             ("--network", CONVNET, "--batch", "500", "--steps", "100", "--method", "sgd"), 1.0),
    Training("preset cifar10-small on made-up images", "images", ("--preset", "cifar10-small", "--steps", "20"), 2.2),
    Training("preset cifar10-94 on made-up images", "images", ("--preset", "cifar10-94", "--steps", "20"), 2.2),
)

DATA = {
    "fashion-mnist": lambda context: ["--dataset", "fashion-mnist",
                                      *(["--data-dir", context.fashion_mnist] if context.fashion_mnist else [])],
    "images": lambda context: ["--data-dir", made_up.make_cifar10(Path(context.work))],
}


def run(context, findings):
    for k, training in enumerate(TRAININGS):
        options = [*DATA[training.data](context), *training.options]
        if training.data == "images" and "--preset" not in options:
            options += ["--dataset", "cifar10"]
        if why_not := context.why_not(*options):
            findings.unavailable(training.name, why_not)
        else:
            train(context, findings, training, options, len(TRAININGS) - k)


def train(context, findings, training, options, left):
    outcome, _, metrics = context.train("--device", "cuda", *options, seconds=context.share(left))
    if outcome.status != 0:
        findings.check(False, training.name, outcome.message)
        return
    last = metrics[-1]
    findings.check(last["train_loss"] <= training.loss, training.name,
                   f"training loss {last['train_loss']:.3f}, {milliseconds(metrics):.2f} ms a step", f"≤ {training.loss}")


def milliseconds(metrics):
    """Of a step, by the last record."""
    return 1e3 * (metrics[-1].get("seconds_step") or 0)
