"""Training by semi-implicit back propagation, on one process or, under mpirun, on many.

    run = sibp.train(x, y, network="conv(32,3) relu meanpool dense(10)", epochs=3)
    sibp.load(run.path).predict(x)
    run.metrics()
"""

from . import _core
from ._core import Error
from .run import Run, load, train

__all__ = ["Error", "Run", "load", "rank", "size", "train"]


def rank():
    """The number of this process among those that mpirun started, from 0."""
    return _core.rank_and_size()[0]


def size():
    """The number of processes that mpirun started; 1 without it."""
    return _core.rank_and_size()[1]
