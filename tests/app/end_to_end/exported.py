"""Runs an exported model by the program that it is for; needs that program's Python packages.

    exported.py --check onnx|torch            fails where onnxruntime, or PyTorch or safetensors, is missing
    exported.py MODEL PIXELS N,SIZE,... OUT   MODEL (.onnx or .py) on float32 PIXELS of that shape; writes the logits and
                                              the probabilities as float32 to OUT
"""

import importlib.util
import sys
from pathlib import Path

import numpy

PACKAGES = {"onnx": ["onnxruntime"], "torch": ["torch", "safetensors.torch"]}


def by_onnx(path, pixels):
    import onnxruntime
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["logits", "probabilities"], {"pixels": pixels})


def by_torch(path, pixels):
    import torch
    specification = importlib.util.spec_from_file_location("exported_network", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    network = module.load()
    if not isinstance(network, torch.nn.Sequential):
        sys.exit(f"load() makes {type(network)}, expected an nn.Sequential")
    with torch.no_grad():
        logits = network(torch.from_numpy(pixels))
    return logits.numpy(), logits.softmax(1).numpy()


def main(model, pixels, shape, out):
    values = numpy.fromfile(pixels, dtype=numpy.float32).reshape([int(size) for size in shape.split(",")])
    outputs = (by_onnx if model.endswith(".onnx") else by_torch)(model, values)
    Path(out).write_bytes(b"".join(numpy.ascontiguousarray(each, dtype=numpy.float32).tobytes() for each in outputs))


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        for package in PACKAGES[sys.argv[2]]:
            importlib.import_module(package)
    else:
        main(*sys.argv[1:])
