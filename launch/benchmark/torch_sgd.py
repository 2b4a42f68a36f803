"""The yardstick: SGD with momentum in PyTorch, data in the device's memory. Prints the seconds of a step.

    torch_sgd.py WIDTHS BATCH SECONDS [fp32|tf32]       for example 784-500-10 100 5

On one thread of the processor; with a precision, on the GPU.
"""

import itertools
import json
import statistics
import sys
import time

import torch


def main(widths, batch, seconds, precision=None):
    torch.set_num_threads(1)
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
    print(json.dumps({"seconds": statistics.median(times[2:])}))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    main([int(width) for width in sys.argv[1].split("-")], int(sys.argv[2]), float(sys.argv[3]), *sys.argv[4:])
