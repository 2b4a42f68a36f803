#!/usr/bin/env python3
"""Turns folders of images, Parquet tables or WebDataset archives into a file for sibp_dist --dataset npz.

    launch/convert_data.py images pictures/ own.npz --size 64x64     pictures/train/CLASS/*, pictures/test/CLASS/*
    launch/convert_data.py images pictures/ own.npz --test-share 0.1 pictures/CLASS/*
    launch/convert_data.py parquet train.parquet own.npz --test test.parquet --label species
    launch/convert_data.py webdataset 'shards/*.tar' own.npz --size 32x32 --grey

Needs numpy; Pillow for pictures; pyarrow for Parquet. One sample is in memory at a time, so the data may be larger. The
arrays are x_train, y_train, x_test and y_test: uint8 pictures of one size, or float32 features. Where classes have names,
class_names has them in the order of the labels.
"""

import argparse
import glob
import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path

try:
    import numpy
    import numpy.lib.format
except ImportError:
    numpy = None  # --help needs none

IMAGE_ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
TEST_FOLDERS = ("test", "val", "validation")


class Failure(Exception):
    """What is wrong, what was expected and what to do."""


def need(module, package):
    try:
        return __import__(module, fromlist=["_"])
    except ImportError:
        raise Failure(f"this Python has no {module}; install {package}") from None


class Pictures:
    """Decodes pictures and makes them one size: that which is given, or else the first one's, which all must have."""

    def __init__(self, size, grey):
        self.size, self.fits, self.mode = size, size is not None, "L" if grey else "RGB"
        self.image, self.operations = need("PIL.Image", "python3-pil"), need("PIL.ImageOps", "python3-pil")

    def decode(self, file, name):
        try:
            with self.image.open(file) as opened:
                picture = self.operations.exif_transpose(opened).convert(self.mode)
        except (OSError, SyntaxError, ValueError, self.image.DecompressionBombError) as error:
            raise Failure(f"{name} is no picture that Pillow can read ({error}); remove or correct it") from None
        if self.size is None:
            self.size = picture.size
        if picture.size != self.size:
            if not self.fits:
                raise Failure(f"{name} is {picture.height}x{picture.width}, but the first picture is "
                              f"{self.size[1]}x{self.size[0]}; give --size HEIGHTxWIDTH")
            # The middle of the picture, as large as the wanted shape allows.
            picture = self.operations.fit(picture, self.size, self.image.BILINEAR)
        return numpy.asarray(picture, dtype=numpy.uint8)


class ImageFolders:
    """A folder for each class, its name that of the class."""

    def __init__(self, folder, pictures, classes=None):
        self.pictures = pictures
        folders = sorted(path for path in folder.iterdir() if path.is_dir())
        self.class_names = [path.name for path in folders] if classes is None else classes
        unknown = [path.name for path in folders if path.name not in self.class_names]
        if unknown:
            raise Failure(f"{folder} has the class {unknown[0]}, which is not among those of the training: "
                          f"{', '.join(self.class_names)}")
        self.files = [(file, self.class_names.index(path.name)) for path in folders
                      for file in sorted(path.rglob("*")) if file.suffix.lower() in IMAGE_ENDINGS]
        if not self.files:
            raise Failure(f"{folder} has no pictures, expected a folder for each class with files such as .png or .jpg")

    def __len__(self):
        return len(self.files)

    def __iter__(self):
        for file, label in self.files:
            yield self.pictures.decode(file, file), label


class Tables:
    """Parquet files with a column of labels, and either one of pictures or columns of numbers."""

    def __init__(self, pattern, pictures, label, classes=None):
        self.parquet = need("pyarrow.parquet", "pyarrow")
        self.pictures, self.label = pictures, label
        try:
            self.tables = [self.parquet.ParquetFile(file) for file in files_of(pattern)]
        except (OSError, ValueError) as error:
            raise Failure(f"{pattern} cannot be read as Parquet: {error}") from None
        names = self.tables[0].schema_arrow.names
        if label not in names:
            raise Failure(f"{pattern} has no column '{label}', but {', '.join(names)}; give --label NAME")
        self.features = [name for name in names if name != label]
        types = need("pyarrow", "pyarrow").types
        kinds = [self.tables[0].schema_arrow.field(name).type for name in self.features]
        self.image = next((name for name, kind in zip(self.features, kinds)
                           if types.is_binary(kind) or types.is_large_binary(kind) or
                           types.is_struct(kind) and kind.get_field_index("bytes") >= 0), None)
        texts = [name for name, kind in zip(self.features, kinds)
                 if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))]
        if self.image is None and (texts or not self.features):
            raise Failure(f"{pattern}: the column '{(texts or names)[0]}' holds no numbers; leave out what is no feature")
        named = not types.is_integer(self.tables[0].schema_arrow.field(label).type)
        self.class_names = classes or (sorted({str(value) for value in self.labels()}) if named else None)

    def labels(self):
        for table in self.tables:
            for batch in table.iter_batches(columns=[self.label]):
                yield from batch.column(0).to_pylist()

    def __len__(self):
        return sum(table.metadata.num_rows for table in self.tables)

    def __iter__(self):
        number = 0
        for table in self.tables:
            columns = [self.image] if self.image else self.features
            for batch in table.iter_batches(batch_size=256, columns=columns + [self.label]):
                for row in batch.to_pylist():
                    label = row[self.label]
                    if label is None or any(row[name] is None for name in columns):
                        raise Failure(f"row {number} of the table has no value in some column; fill it or leave it out")
                    yield self.sample(row, number), self.number_of(label)
                    number += 1

    def sample(self, row, number):
        if self.image is None:
            return numpy.array([row[name] for name in self.features], dtype=numpy.float32)
        content = row[self.image]
        return self.pictures.decode(io.BytesIO(content if isinstance(content, bytes) else content["bytes"]),
                                    f"row {number} of the table")

    def number_of(self, label):
        if self.class_names is None:
            return int(label)
        if str(label) not in self.class_names:
            raise Failure(f"the table has the class {label}, which is not among those of the training")
        return self.class_names.index(str(label))


class Archives:
    """tar files, in each of which the files of a sample follow each other: KEY.jpg and KEY.cls, or a "label" in KEY.json."""

    class_names = None

    def __init__(self, pattern, pictures):
        self.files, self.pictures = files_of(pattern), pictures
        self.size = sum(1 for _ in self.samples(decode=False))
        if self.size == 0:
            raise Failure(f"{pattern} has no samples, expected files such as KEY.jpg with KEY.cls")

    def __len__(self):
        return self.size

    def __iter__(self):
        return self.samples(decode=True)

    def samples(self, decode):
        for file in self.files:
            try:
                with tarfile.open(file) as archive:
                    yield from self.samples_of(archive, file, decode)
            except (tarfile.TarError, EOFError) as error:
                raise Failure(f"{file} is no whole tar file ({error}); fetch it again") from None

    def samples_of(self, archive, file, decode):
        key, parts = None, {}
        for member in archive:
            if not member.isfile():
                continue
            folder, _, name = member.name.rpartition("/")
            stem, _, ending = name.partition(".")
            if (folder, stem) != key:
                if parts:
                    yield self.sample(parts, f"{file}: {'/'.join(key).lstrip('/')}", decode)
                key, parts = (folder, stem), {}
            parts["." + ending.lower()] = archive.extractfile(member).read() if decode else b""
        if parts:
            yield self.sample(parts, f"{file}: {'/'.join(key).lstrip('/')}", decode)

    def sample(self, parts, name, decode):
        image = next((content for ending, content in parts.items() if ending in IMAGE_ENDINGS), None)
        if image is None or not {".cls", ".json"} & set(parts):
            raise Failure(f"{name} has {', '.join(sorted(parts))}, expected a picture and its .cls or .json")
        if not decode:
            return None
        try:
            label = int(parts[".cls"]) if ".cls" in parts else int(json.loads(parts[".json"])["label"])
        except (ValueError, KeyError, TypeError):
            raise Failure(f"{name}: its label is no whole number") from None
        return self.pictures.decode(io.BytesIO(image), name), label


def files_of(pattern):
    files = sorted(glob.glob(str(pattern)))
    if not files:
        raise Failure(f"there is no file {pattern}")
    return files


class Part:
    """The samples of a source that are held out, or the others."""

    def __init__(self, source, held_out, is_test):
        self.source, self.held_out, self.is_test = source, held_out, is_test

    def __len__(self):
        return len(self.held_out) if self.is_test else len(self.source) - len(self.held_out)

    def __iter__(self):
        return (sample for number, sample in enumerate(self.source) if (number in self.held_out) == self.is_test)


def sources_of(arguments):
    """The sources of training and test; both the same where a share is held out."""
    pictures = Pictures(arguments.size, arguments.grey)
    if arguments.kind == "images":
        folder = Path(arguments.source)
        if not folder.is_dir():
            raise Failure(f"{folder} is not a folder")
        train = ImageFolders(folder / "train" if (folder / "train").is_dir() else folder, pictures)
        names = [name for name in TEST_FOLDERS if (folder / name).is_dir()] if (folder / "train").is_dir() else []
        test = arguments.test or (folder / names[0] if names else None)
        return train, ImageFolders(Path(test), pictures, train.class_names) if test else train
    if arguments.kind == "parquet":
        train = Tables(arguments.source, pictures, arguments.label)
        test = arguments.test
        return train, Tables(test, pictures, arguments.label, train.class_names) if test else train
    train = Archives(arguments.source, pictures)
    return train, Archives(arguments.test, pictures) if arguments.test else train


def write_array(archive, name, array):
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        numpy.lib.format.write_array(file, array, allow_pickle=False)


def write_split(archive, split, samples):
    """x_SPLIT sample by sample, then y_SPLIT."""
    labels, first = [], None
    with archive.open(f"x_{split}.npy", "w", force_zip64=True) as file:
        for sample, label in samples:
            if first is None:
                first = sample
                header = {"descr": numpy.lib.format.dtype_to_descr(sample.dtype), "fortran_order": False,
                          "shape": (len(samples), *sample.shape)}
                numpy.lib.format.write_array_header_1_0(file, header)
            if label < 0:
                raise Failure(f"sample {len(labels)} of the {split} split has label {label}, expected 0 or more")
            file.write(sample.tobytes())
            labels.append(label)
    write_array(archive, f"y_{split}", numpy.array(labels, dtype=numpy.int64))
    return f"{len(labels)} of {'x'.join(map(str, first.shape))} {first.dtype}"


def convert(arguments):
    train, test = sources_of(arguments)
    if train is test:
        count = round(arguments.test_share * len(train))
        if not 0 < count < len(train):
            raise Failure(f"a share of {arguments.test_share} of {len(train)} samples for the test leaves one split empty")
        held_out = set(numpy.random.default_rng(arguments.seed).permutation(len(train))[:count].tolist())
        train, test = Part(train, held_out, False), Part(train, held_out, True)
        classes = train.source.class_names
    else:
        classes = train.class_names
    partial = Path(f"{arguments.out}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            written = [f"{write_split(archive, name, split)} for {name}" for name, split in (("train", train), ("test", test))]
            if classes:
                write_array(archive, "class_names", numpy.array(classes))
        partial.replace(arguments.out)
    finally:
        partial.unlink(missing_ok=True)
    print(f"{arguments.out}: {', '.join(written)}; sibp_dist --dataset npz --data-dir {arguments.out}")


def size_from_text(text):
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"found '{text}', expected HEIGHTxWIDTH such as 64x48")
    return int(match[2]), int(match[1])  # Pillow has the width first


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("images", "parquet", "webdataset"))
    parser.add_argument("source", help="folder of images, or file or pattern of Parquet or tar files")
    parser.add_argument("out", help="the .npz file to write")
    parser.add_argument("--test", help="folder, file or pattern of the test split")
    parser.add_argument("--test-share", type=float, default=0.1, help="held out where there is no test split (0.1)")
    parser.add_argument("--seed", type=int, default=1, help="of the samples held out (1)")
    parser.add_argument("--size", type=size_from_text, help="HEIGHTxWIDTH that pictures are fitted into")
    parser.add_argument("--grey", action="store_true", help="one channel instead of three")
    parser.add_argument("--label", default="label", help="column of the labels in Parquet files (label)")
    arguments = parser.parse_args()
    try:
        need("numpy", "python3-numpy")
        convert(arguments)
    except (Failure, OSError) as error:
        sys.exit(f"convert_data.py: error: {error}")


if __name__ == "__main__":
    main()
