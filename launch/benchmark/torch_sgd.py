"""The yardstick: SGD with momentum in PyTorch, data in the device's memory. Prints the seconds of a step, a line a case.

    torch_sgd.py SECONDS WIDTHS,BATCH[,fp32|tf32] …       for example 5 784-500-10,100

On one thread of the processor; with a precision, on the GPU.
"""

import itertools
import json
import statistics
import sys
import time

import torch


def measure(seconds, widths, batch, precision=None):
    """The median time of a step, over so many seconds."""
    torch.manual_seed(1)
    torch.set_default_device("cpu" if precision is None else "cuda")
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    finish = (lambda: None) if precision is None else torch.cuda.synchronize
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9)
    loss_of = torch.nn.CrossEntropyLoss()
    inputs, labels = torch.randn(batch, widths[0]), torch.randint(widths[-1], (batch,))
    times = []
    deadline = time.perf_counter() + seconds
    for step in itertools.count():
        start = time.perf_counter()
        optimiser.zero_grad()
        loss_of(network(inputs), labels).backward()
        optimiser.step()
        finish()
        times.append(time.perf_counter() - start)
        if step >= 5 and time.perf_counter() > deadline:
            break
    return statistics.median(times[2:])


def main(seconds, cases):
    torch.set_num_threads(1)
    for case in cases:
        widths, batch, *precision = case.split(",")
        median = measure(seconds, [int(width) for width in widths.split("-")], int(batch), *precision)
        print(json.dumps({"seconds": median}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(float(sys.argv[1]), sys.argv[2:])
