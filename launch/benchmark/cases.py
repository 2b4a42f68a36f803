"""What is run: networks, batches and numbers of ranks, and the ways to train them."""

from dataclasses import dataclass

FORMS = ("normal", "activations", "dual", "dual-split")


@dataclass(frozen=True)
class Case:
    name: str
    features: int
    hidden: tuple
    batch: int
    classes: int = 10
    ranks: tuple = (1, 2)

    @property
    def widths(self):
        return (self.features, *self.hidden, self.classes)

    @property
    def network(self):
        return "-".join(map(str, self.widths))

    @property
    def gradient_bytes(self):
        """Bytes of the gradient: what a step of SGD reduces."""
        return sum(4 * (inputs + 1) * outputs for inputs, outputs in zip(self.widths, self.widths[1:]))


_LARGE = (4000, 1000, 4000)

CASES = (
    Case("mnist-100", 784, (500,), 100),
    Case("mnist-1000", 784, (500,), 1000),
    Case("mnist-6000", 784, (500,), 6000),
    Case("deep-100", 784, (300,) * 6, 100),
    Case("cifar-small-500", 3072, (512, 512), 500),
    Case("cifar-100", 3072, _LARGE, 100),
    Case("cifar-250", 3072, _LARGE, 250, ranks=(1,)),  # one rank's share of cifar-500, for weak scaling
    Case("cifar-500", 3072, _LARGE, 500),
    Case("cifar-2000", 3072, _LARGE, 2000),
)

# For the test of this benchmark itself; not among those that run when none is named.
TINY = Case("tiny", 40, (30,), 20)


def find(names):
    """The cases of those names, all that count if there are none."""
    known = {case.name: case for case in (*CASES, TINY)}
    for name in names:
        if name not in known:
            raise ValueError(f"unknown case '{name}', expected one of {', '.join(known)}")
    return [known[name] for name in names] or list(CASES)


def ways(ranks, has_methods):
    """The ways to train on so many ranks: sgd where the program has it, sibp with chosen forms and with each form."""
    forms = [form for form in FORMS if ranks > 1 or form != "dual-split"]
    return [*(["sgd"] if has_methods else []), "auto", *forms]
