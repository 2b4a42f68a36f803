"""The networks on which every method is held against the CPU: each kind of layer in one of them. A kind that the program
does not know is reported as not available, with the program's own words."""

from dataclasses import dataclass

ALL_FORMS = ("normal", "activations", "dual", "low-rank")


@dataclass(frozen=True)
class TestNetwork:
    kind: str
    layers: str
    forms: tuple = ("normal",)  # what convolutions have


NETWORKS = (
    TestNetwork("dense", "dense(64,relu) dense(33,tanh) dense(10)", ALL_FORMS),
    TestNetwork("dense, the other activations", "dense(32,leaky-relu) dense(24,sigmoid) dense(16,identity) dense(10)"),
    TestNetwork("conv", "conv(8,3,relu) conv(8,3,relu) dense(10)"),
    TestNetwork("conv with stride", "conv(8,3,stride=2,padding=1,relu) dense(10)"),
    TestNetwork("maxpool", "conv(8,3,relu) maxpool(2) dense(10)"),
    TestNetwork("meanpool", "conv(8,3,relu) meanpool(2) conv(8,3,relu) meanpool dense(10)"),
    TestNetwork("norm", "conv(8,3) norm relu dense(10)"),
    TestNetwork("norm of groups", "conv(8,3) norm(group=4) relu dense(10)"),
    TestNetwork("gelu and dropout", "conv(8,3) gelu dropout(0.2) dense(10)"),
    TestNetwork("residual", "conv(8,3,relu) residual( conv(8,3) norm relu conv(8,3) norm ) relu meanpool dense(10)"),
)


@dataclass(frozen=True)
class TestMethod:
    name: str
    options: tuple
    steps: tuple = (1, 20)


def methods(network, short):
    """Every method, and sibp in each of the network's forms; in short, all of them on the first network alone. A step of the
    published procedure is decided by comparisons, which rounding can turn: one step is compared, as many as agree. Steps
    of convolutions are polar by default, and relative ones are compared as well. With a normalisation polar steps raise
    rounding: of the residual network from 4e-6 after one to 1e-2 after eight, without any it stays below 1e-4."""
    polar_steps = (1,) if "norm" in network.layers else (1, 20)
    polar = (TestMethod("sibp, polar steps", (), polar_steps),) if "conv(" in network.layers else ()
    relative = ("--step", "relative:0.1", "--conv-damping", "relative:0.1") if polar else ()
    sibp = (*(TestMethod(f"sibp, {form}", ("--form", form, *relative)) for form in network.forms), *polar)
    if short and network is not NETWORKS[0]:
        return (*sibp, TestMethod("sgd", ("--method", "sgd")))
    return (
        *sibp,
        TestMethod("sibp, old weights", ("--form", "normal", "--carry", "old", *relative)),
        TestMethod("published", ("--method", "published"), (1,)),
        TestMethod("proxprop", ("--method", "proxprop", "--form", "normal")),
        TestMethod("proxprop, adam outside", ("--method", "proxprop", "--outer", "adam", "--form", "normal")),
        TestMethod("proxprop, conjugate gradients", ("--method", "proxprop", "--cg-steps", "3", "--form", "normal")),
        TestMethod("sgd", ("--method", "sgd")),
        TestMethod("adam", ("--method", "adam")),
    )
