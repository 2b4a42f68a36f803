"""Trainings to a loss, on Fashion-MNIST and on made-up images of CIFAR-10's size."""

from dataclasses import dataclass
from pathlib import Path

from . import made_up

CONVNET = ("--network", "conv(16,3,relu) maxpool(2) conv(32,3,relu) maxpool(2) dense(10)", "--dataset", "cifar10",
           "--batch", "500")


@dataclass(frozen=True)
class Training:
    name: str
    data: str  # a function of DATA
    network: tuple  # options that a program of another version may not know
    length: tuple
    loss: float  # over the training set at the end, at most
    more: tuple = ()


MLP = ("--hidden", "500")
# On Fashion-MNIST the CPU ends at 0.170 with sibp and 0.262 with sgd.
TRAININGS = (
    Training("Fashion-MNIST, sibp", "fashion-mnist", MLP, ("--epochs", "2"), 0.19),
    Training("Fashion-MNIST, sibp, tf32", "fashion-mnist", MLP, ("--epochs", "2"), 0.19, ("--precision", "tf32")),
    Training("Fashion-MNIST, sgd", "fashion-mnist", MLP, ("--epochs", "2"), 0.29, ("--method", "sgd")),
    Training("ConvNet on made-up images, sibp", "images", CONVNET, ("--steps", "100"), 1.0),
    Training("ConvNet on made-up images, sgd", "images", CONVNET, ("--steps", "100"), 1.0, ("--method", "sgd")),
    Training("preset fashion-small", "fashion-mnist", ("--preset", "fashion-small"), ("--epochs", "1"), 0.6),
    Training("preset cifar10-small on made-up images", "images", ("--preset", "cifar10-small"), ("--steps", "20"), 2.2),
    Training("preset cifar10-94 on made-up images", "images", ("--preset", "cifar10-94"), ("--steps", "20"), 2.2),
)
# In their place where there is next to nothing to compute: the loss falls from ln 10 = 2.30.
TINY_LENGTH, TINY_LOSS = ("--steps", "20"), 2.25

DATA = {
    "fashion-mnist": lambda context: ["--dataset", "fashion-mnist",
                                      *(["--data-dir", context.fashion_mnist] if context.fashion_mnist else [])],
    "images": lambda context: ["--data-dir", made_up.make_cifar10(Path(context.work))],
}


def run(context, findings):
    for k, training in enumerate(TRAININGS):
        if context.tiny and (training.data == "images" or "--preset" in training.network):
            findings.unavailable(training.name, "too much to compute for --tiny")
            continue
        options = [*DATA[training.data](context), *training.network]
        if why_not := context.why_not(*options):
            findings.unavailable(training.name, why_not)
        else:
            train(context, findings, training, options, context.share(len(TRAININGS) - k))


def train(context, findings, training, options, seconds):
    length, loss = (TINY_LENGTH, TINY_LOSS) if context.tiny else (training.length, training.loss)
    outcome, _, metrics = context.train("--device", "cuda", *options, *training.more, *length, seconds=seconds)
    if outcome.status != 0:
        findings.check(False, training.name, outcome.message)
        return
    seen = metrics[-1]["train_loss"]
    findings.check(seen <= loss, training.name, f"training loss {seen:.3f}, {milliseconds(metrics):.2f} ms a step",
                   f"≤ {loss}")


def milliseconds(metrics):
    """Of a step, by the last record."""
    return 1e3 * (metrics[-1].get("seconds_step") or 0)
