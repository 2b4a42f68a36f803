"""Data sets made up in a moment: noise with a bright patch whose place and colour tell the class. Files as the program
reads them, so that convolutions find images in them."""

import random
import struct

CLASSES = 10
DISTINCT = 1000  # images in a file of CIFAR-10's form, which repeats them
FAINT = bytes(range(96, 160)) * 4  # from any byte to one of these


def images(generator, count, side, channels):
    """Labels and images, planes one after the other."""
    size = side * side
    patch = side // 4
    for _ in range(count):
        label = generator.randrange(CLASSES)
        image = bytearray(generator.randbytes(channels * size).translate(FAINT))
        top, left = divmod(label, 4)
        for channel in range(channels):
            value = 255 if (label >> channel) % 2 else 0
            for row in range(top * patch, (top + 1) * patch):
                start = channel * size + row * side + left * patch
                image[start:start + patch] = bytes([value]) * patch
        yield label, bytes(image)


def make_cifar10(folder):
    """A folder in CIFAR-10's binary form; one that is there is taken."""
    folder = folder / "made-up-cifar10"
    generator = random.Random(1)
    names = [f"data_batch_{k}.bin" for k in range(1, 6)] + ["test_batch.bin"]
    folder.mkdir(exist_ok=True)
    for name in names:
        if not (folder / name).is_file():
            made = [bytes([label]) + image for label, image in images(generator, DISTINCT, 32, 3)]
            (folder / name).write_bytes(b"".join(generator.choices(made, k=10000)))
    return folder


def make_idx(folder, side=12, count=2000):
    """Options for IDX files of small images of one channel."""
    generator = random.Random(2)
    options = ["--dataset", "idx"]
    for split, number in (("train", count), ("test", count // 5)):
        made = list(images(generator, number, side, 1))
        files = {"images": struct.pack(">4B3I", 0, 0, 8, 3, number, side, side) + b"".join(image for _, image in made),
                 "labels": struct.pack(">4BI", 0, 0, 8, 1, number) + bytes(label for label, _ in made)}
        for name, content in files.items():
            path = folder / f"{split}-{name}.idx"
            path.write_bytes(content)
            options += [f"--{split}-{name}", path]
    return options
