"""Writes small data sets and safetensors files, byte by byte, so that the tests know what is in them."""

import gzip
import json
import os
import random
import struct

IMAGES_MAGIC = 0x803
LABELS_MAGIC = 0x801
CLASSES = 10
SIDE = 28
CIFAR_RECORDS = 10000
CIFAR_RECORD = 1 + 3 * 32 * 32

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


def labels(count, seed):
    """Labels in which every class occurs as often as every other."""
    values = [index % CLASSES for index in range(count)]
    random.Random(seed).shuffle(values)
    return bytes(values)


def images(classes, pixels=SIDE * SIDE, seed=0):
    """For each class a picture of it: noise about the class's own fixed pattern, easy to learn."""
    patterns = [random.Random(label).randbytes(pixels) for label in range(CLASSES)]
    stream = random.Random(seed)
    pictures = []
    for label in classes:
        picture = bytearray(patterns[label])
        for _ in range(pixels // 4):
            picture[stream.randrange(pixels)] = stream.randrange(256)
        pictures.append(bytes(picture))
    return b"".join(pictures)


def images_file(count, pixels, magic=IMAGES_MAGIC):
    return struct.pack(">4I", magic, count, SIDE, SIDE) + pixels


def labels_file(values, magic=LABELS_MAGIC):
    return struct.pack(">2I", magic, len(values)) + values


def write(path, data, compress=False):
    """Writes the bytes to path, or compressed to path.gz; returns the path written."""
    if compress:
        path = path.with_name(path.name + ".gz")
        data = gzip.compress(data, mtime=0)
    path.write_bytes(data)
    return path


def write_mnist(folder, training=600, test=100, compress=False):
    """A data set of MNIST's form and file names; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for images_name, labels_name, count, seed in ((TRAIN_IMAGES, TRAIN_LABELS, training, 1),
                                                  (TEST_IMAGES, TEST_LABELS, test, 2)):
        values = labels(count, seed)
        write(folder / images_name, images_file(count, images(values, seed=seed)), compress)
        write(folder / labels_name, labels_file(values), compress)
    return folder


def write_cifar10(folder, per_file=20):
    """A data set of CIFAR-10's binary form, file names and sizes; returns the folder.

    The records after the first `per_file` are zeros (class 0), which cost no room on the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    for seed, name in enumerate(names):
        values = labels(per_file, seed)
        pixels = images(values, CIFAR_RECORD - 1, seed)
        records = (bytes([label]) + pixels[index * (CIFAR_RECORD - 1):(index + 1) * (CIFAR_RECORD - 1)]
                   for index, label in enumerate(values))
        write(folder / name, b"".join(records))
        os.truncate(folder / name, CIFAR_RECORDS * CIFAR_RECORD)
    return folder


def write_safetensors(path, tensors):
    """Writes {name: (shape, values)} as F32; returns the path."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        encoded = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(encoded)]}
        data += encoded
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def read_safetensors(path):
    """({name: (shape, values)}, metadata) of a file of F32 tensors, checking that they fill it exactly."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8:8 + length])
    data = content[8 + length:]
    metadata = header.pop("__metadata__", {})
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        if entry["dtype"] != "F32" or entry["data_offsets"][0] != end:
            raise ValueError(f"{name}: {entry}")
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["shape"], struct.unpack(f"<{(end - begin) // 4}f", data[begin:end]))
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes belong to no tensor")
    return tensors, metadata
