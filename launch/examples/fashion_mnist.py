"""Trains on arrays, predicts, and shows the metrics as a table.

    python launch/examples/fashion_mnist.py [FOLDER of the data set]
"""

import gzip
import sys
from pathlib import Path

import numpy
import sibp

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")


def read(name, header):
    with gzip.open(folder / f"{name}.gz") as file:
        return numpy.frombuffer(file.read(), numpy.uint8, offset=header)


x = read("train-images-idx3-ubyte", 16).reshape(-1, 28, 28)
y = read("train-labels-idx1-ubyte", 8)
test_x = read("t10k-images-idx3-ubyte", 16).reshape(-1, 28, 28)
test_y = read("t10k-labels-idx1-ubyte", 8)

run = sibp.train(x, y, test=(test_x, test_y), hidden="100", steps=300)
print(run.summary)
print(run.metrics()[["step", "train_loss", "test_accuracy"]])
print("the same from its folder:", (sibp.load(run.path).predict(test_x) == test_y).mean())
