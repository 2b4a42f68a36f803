"""Reads the program's files of weights (safetensors) and tells how far two of them are apart."""

import json
import math
import struct
from array import array


def read(path):
    """The tensors of float32 in a file, by name."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    tensors = {}
    for name, tensor in header.items():
        if name != "__metadata__" and not name.startswith("method."):
            if tensor["dtype"] != "F32":
                raise ValueError(f"{path}: {name} is of {tensor['dtype']}, expected F32")
            start, end = tensor["data_offsets"]
            tensors[name] = array("f", data[8 + size + start:8 + size + end])
    return tensors


def distance(a, b):
    """‖a − b‖ of two arrays."""
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))


def size(a):
    return math.sqrt(sum(x * x for x in a))


# Root mean square below which a tensor counts as small: of the bias before a normalisation there is only rounding.
SMALL = 1e-2


def worst_difference(seen, expected):
    """The largest ‖a − b‖ / ‖b‖ over the tensors, and whose it is, with ‖b‖ at least that of a small tensor. What is not a
    number is infinitely far."""
    if seen.keys() != expected.keys():
        raise ValueError(f"found the tensors {', '.join(seen)}, expected {', '.join(expected)}")
    worst, whose = 0.0, "none"
    for name, tensor in expected.items():
        difference = distance(seen[name], tensor) / max(size(tensor), SMALL * math.sqrt(len(tensor)))
        if math.isnan(difference):
            difference = math.inf
        if difference > worst:
            worst, whose = difference, name
    return worst, whose
