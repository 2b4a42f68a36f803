"""Trainings and what they leave: a folder with a model, metrics and checkpoints."""

import atexit
import weakref
from pathlib import Path

import numpy
import pandas

from . import _core

# Those whose models are in memory: that must be given back before MPI ends.
_in_use = weakref.WeakSet()


@atexit.register
def _finish():
    for run in _in_use:
        run._predictor = None
    _core.finish()


def train(x, y, *, test=None, network=None, **options):
    """Trains a network on samples in memory and returns the Run.

    x        uint8 or float array: samples × features, samples × height × width, or samples × height × width × channels
    y        the class of each sample, from 0
    test     (x, y) of samples to test on; by default a tenth of the samples is drawn for it and left out of the training
    network  in the layer language, such as "conv(32,3) norm relu meanpool dense(10)"; by default `hidden` decides
    options  those of the program by their names, with _ for -: epochs=3, method="adam", lr=0.001, out="runs/first";
             `sibp_dist train --help` lists them

    Under mpirun every process calls it with the same arrays and keeps its share of them. An interrupt stops the training
    after the step with a checkpoint; the Run is then `stopped`, and train(x, y, resume=run.path) goes on. Raises Error
    if an option is wrong or the training fails.
    """
    x, y = _pixels(x), _labels(y)
    if test is None:
        x, y, test = _hold_out(x, y, int(options.get("seed", 1)))
    test_x, test_y = _pixels(test[0]), _labels(test[1])
    classes = int(max(y.max(initial=0), test_y.max(initial=0))) + 1
    if network is not None:
        options["network"] = network
    options = {"dataset": "memory", "progress": "none", "log_level": "warning", **options}
    stopped, folder, summary = _core.train(_words(options), x, y, test_x, test_y, classes)
    return Run(folder, stopped=stopped, summary=summary)


def load(path):
    """The Run in a folder that a training left, also one of the program sibp_dist."""
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} is missing, expected the folder of a run")
    return Run(path)


class Run:
    """A training that is over: its `path`, whether it was `stopped` before its end, and its `summary`."""

    def __init__(self, path, *, stopped=False, summary=""):
        self.path = Path(path)
        self.stopped = stopped
        self.summary = summary
        self._predictor = None

    def __repr__(self):
        return f"sibp.Run({str(self.path)!r})"

    def __fspath__(self):
        return str(self.path)

    def metrics(self):
        """metrics.jsonl as a pandas.DataFrame, one line for each record."""
        return pandas.read_json(self.path / "metrics.jsonl", lines=True)

    def predict(self, x):
        """The most probable class of each sample, an array of as many integers."""
        return self.predict_proba(x).argmax(axis=1)

    def predict_proba(self, x):
        """The probability of each class for each sample: samples × classes."""
        if self._predictor is None:
            self._predictor = _core.Predictor(str(self.path))
            _in_use.add(self)
        return self._predictor.probabilities(_pixels(x))


def _pixels(x):
    x = numpy.asarray(x)
    if numpy.issubdtype(x.dtype, numpy.floating):
        return numpy.ascontiguousarray(x, dtype=numpy.float32)
    if x.dtype != numpy.uint8:
        raise TypeError(f"x has elements of type {x.dtype}, expected uint8 or floats; x.astype(numpy.float32) makes these")
    return numpy.ascontiguousarray(x)


def _labels(y):
    y = numpy.asarray(y)
    if not numpy.issubdtype(y.dtype, numpy.integer) or y.ndim != 1:
        raise TypeError(f"y has {y.ndim} dimensions of {y.dtype}, expected one dimension of integers, a class each")
    return numpy.ascontiguousarray(y, dtype=numpy.int32)


def _hold_out(x, y, seed):
    order = numpy.random.default_rng(seed).permutation(len(y))
    held_out, kept = numpy.sort(order[: len(y) // 10]), numpy.sort(order[len(y) // 10 :])
    return x[kept], y[kept], (x[held_out], y[held_out])


def _words(options):
    """The options as words of a command line."""
    words = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
    return words
