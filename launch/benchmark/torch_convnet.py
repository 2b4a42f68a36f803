"""The yardstick for ConvNets: SGD with momentum in PyTorch, channels last. Prints the seconds of a step.

    torch_convnet.py LAYERS HEIGHTxWIDTHxCHANNELS BATCH STEPS

LAYERS is a chain in the layer language of sibp_dist without residuals, such as "conv(16,3) norm relu meanpool dense(10)".
On one thread of the processor.
"""

import json
import re
import statistics
import sys
import time

import torch
from torch import nn


def layers_of(text, shape):
    """The modules of a chain of layers, for pictures of this shape."""
    height, width, channels = shape
    for name, arguments in re.findall(r"([a-z]+)(?:\(([^)]*)\))?", text):
        values = [value for value in arguments.split(",") if value and "=" not in value]
        named = dict(value.split("=") for value in arguments.split(",") if "=" in value)
        if name == "conv":
            outputs, kernel = int(values[0]), int(values[1])
            stride = int(named.get("stride", 1))
            padding = int(named.get("padding", (kernel - 1) // 2))
            yield nn.Conv2d(channels, outputs, kernel, stride, padding)
            channels = outputs
            height, width = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
        elif name == "maxpool":
            kernel = int(values[0])
            yield nn.MaxPool2d(kernel)
            height, width = height // kernel, width // kernel
        elif name == "meanpool":
            yield nn.AvgPool2d((height, width))
            height = width = 1
        elif name == "norm":
            norm = nn.BatchNorm2d(channels)
            norm.weight.requires_grad_(named.get("scale") != "fixed")
            yield norm
        elif name == "relu":
            yield nn.ReLU(inplace=True)
        elif name == "gelu":
            yield nn.GELU()
        elif name == "dense":
            yield nn.Flatten()
            yield nn.Linear(channels * height * width, int(values[0]))
        else:
            sys.exit(f"torch_convnet.py: found layer '{name}', expected conv, norm, relu, gelu, maxpool, meanpool or dense")


def main(text, shape, batch, steps):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    network = nn.Sequential(*layers_of(text, shape)).to(memory_format=torch.channels_last)
    height, width, channels = shape
    inputs = torch.randn(batch, channels, height, width).to(memory_format=torch.channels_last)
    labels = torch.randint(10, (batch,))
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(learnt, lr=1e-4, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()
    times = []
    for _ in range(steps + 2):
        start = time.perf_counter()
        optimiser.zero_grad()
        loss_of(network(inputs), labels).backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
    print(json.dumps({"batch": batch, "seconds": statistics.median(times[2:])}))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(sys.argv[1], [int(side) for side in sys.argv[2].split("x")], int(sys.argv[3]), int(sys.argv[4]))
