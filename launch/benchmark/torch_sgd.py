"""The yardstick: SGD with momentum in PyTorch, one thread, data in memory. Prints the seconds of a step.

    torch_sgd.py WIDTHS BATCH SECONDS       for example 784-500-10 100 5
"""

import itertools
import json
import statistics
import sys
import time

import torch


def main(widths, batch, seconds):
    torch.set_num_threads(1)
    torch.manual_seed(1)
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
        times.append(time.perf_counter() - start)
        if step >= 5 and time.perf_counter() > deadline:
            break
    print(json.dumps({"seconds": statistics.median(times[2:])}))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main([int(width) for width in sys.argv[1].split("-")], int(sys.argv[2]), float(sys.argv[3]))
