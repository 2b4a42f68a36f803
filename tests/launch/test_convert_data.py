"""launch/convert_data.py on real small files: folders of PNG, Parquet tables and tar archives become the same arrays."""

import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

MISSING = [name for name in ("numpy", "PIL") if importlib.util.find_spec(name) is None]
if MISSING:
    print(f"SKIPPED: this Python has no {', '.join(MISSING)} (python3-numpy, python3-pil)")
    raise SystemExit(0)
import numpy
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "launch" / "convert_data.py"
HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None


def pictures(count, seed, shape=(6, 5, 3)):
    return numpy.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=numpy.uint8)


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    return file.getvalue()


class Conversion(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sibp-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.out = self.folder / "own.npz"

    def convert(self, *arguments, status=0):
        result = subprocess.run([sys.executable, "-B", SCRIPT, *map(str, arguments)], capture_output=True, text=True,
                                check=False, timeout=60)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(list(self.folder.glob("*.partial")), [])
        return result.stderr if status else result.stdout

    def arrays(self):
        with numpy.load(self.out) as loaded:
            return dict(loaded)

    def refused(self, *arguments, parts):
        message = self.convert(*arguments, status=1)
        self.assertEqual(message.count("\n"), 1, message)
        for part in parts:
            self.assertIn(part, message)
        self.assertFalse(self.out.exists())


class ImageFolders(Conversion):
    def write(self, split, samples, names=("cat", "dog")):
        for number, picture in enumerate(samples):
            folder = self.folder / "pictures" / split / names[number % len(names)]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number:03}.png").write_bytes(png(picture))
        return self.folder / "pictures"

    def test_classes_are_folders(self):
        train, test = pictures(6, 1), pictures(4, 2)
        self.write("test", test)
        text = self.convert("images", self.write("train", train), self.out)
        self.assertIn("6 of 6x5x3 uint8 for train, 4 of 6x5x3 uint8 for test", text)
        arrays = self.arrays()
        numpy.testing.assert_array_equal(arrays["x_train"], numpy.concatenate([train[::2], train[1::2]]))
        self.assertEqual(arrays["y_train"].tolist(), [0, 0, 0, 1, 1, 1])
        numpy.testing.assert_array_equal(arrays["x_test"], numpy.concatenate([test[::2], test[1::2]]))
        self.assertEqual(arrays["class_names"].tolist(), ["cat", "dog"])

    def test_a_share_is_held_out(self):
        samples = pictures(20, 3)
        self.convert("images", self.write(".", samples), self.out, "--test-share", 0.25)
        arrays = self.arrays()
        self.assertEqual((len(arrays["x_train"]), len(arrays["x_test"])), (15, 5))
        together = numpy.concatenate([arrays["x_train"], arrays["x_test"]])
        self.assertEqual({picture.tobytes() for picture in together}, {picture.tobytes() for picture in samples})
        for picture, label in zip(arrays["x_test"], arrays["y_test"]):
            self.assertEqual(next(k for k in range(20) if (samples[k] == picture).all()) % 2, label)

    def test_sizes_and_grey(self):
        self.write("train", pictures(2, 4))
        folder = self.write("test", pictures(2, 5, (9, 7, 3)))
        self.refused("images", folder, self.out, parts=["9x7", "6x5", "--size"])
        self.convert("images", folder, self.out, "--size", "4x3", "--grey")
        self.assertEqual(self.arrays()["x_test"].shape, (2, 4, 3))

    def test_wrong_folders(self):
        folder = self.write("train", pictures(4, 6))
        self.write("test", pictures(4, 6), names=("cat", "horse"))
        self.refused("images", folder, self.out, parts=["horse", "cat, dog"])
        self.refused("images", self.folder / "absent", self.out, parts=["absent"])
        (folder / "train" / "cat" / "000.png").write_bytes(png(pictures(1, 7)[0])[:60])
        self.refused("images", folder, self.out, "--test", folder / "train", parts=["000.png", "no picture"])


class Archives(Conversion):
    def write(self, name, samples, label):
        with tarfile.open(self.folder / name, "w") as archive:
            for number, picture in enumerate(samples):
                for ending, content in (("png", png(picture)), label(number)):
                    member = tarfile.TarInfo(f"shard/{number:05}.{ending}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
        return self.folder / name

    def test_shards(self):
        first, second, test = pictures(3, 8), pictures(2, 9), pictures(2, 10)
        self.write("train-0.tar", first, lambda number: ("cls", str(number).encode()))
        self.write("train-1.tar", second, lambda number: ("json", json.dumps({"label": 300 + number}).encode()))
        archive = self.write("test.tar", test, lambda number: ("cls", b"1\n"))
        self.convert("webdataset", self.folder / "train-*.tar", self.out, "--test", archive)
        arrays = self.arrays()
        numpy.testing.assert_array_equal(arrays["x_train"], numpy.concatenate([first, second]))
        self.assertEqual(arrays["y_train"].tolist(), [0, 1, 2, 300, 301])
        numpy.testing.assert_array_equal(arrays["x_test"], test)

    def test_wrong_archives(self):
        cut = self.write("cut.tar", pictures(9, 11), lambda number: ("cls", b"1"))
        cut.write_bytes(cut.read_bytes()[:2000])
        self.refused("webdataset", cut, self.out, parts=["cut.tar", "no whole tar file"])
        words = self.write("a.tar", pictures(3, 12), lambda number: ("cls", b"one"))
        self.refused("webdataset", words, self.out, "--test-share", 0.4, parts=["a.tar: shard/00000", "whole number"])
        self.refused("webdataset", self.write("b.tar", pictures(3, 12), lambda number: ("txt", b"one")), self.out,
                     parts=[".png, .txt", ".cls"])
        self.refused("webdataset", self.folder / "absent.tar", self.out, parts=["absent.tar"])


@unittest.skipUnless(HAS_PYARROW, "this Python has no pyarrow (pip install pyarrow)")
class Tables(Conversion):
    def write(self, name, columns):
        import pyarrow
        from pyarrow import parquet
        parquet.write_table(pyarrow.table(columns), self.folder / name, row_group_size=4)
        return self.folder / name

    def test_numbers(self):
        x = numpy.random.default_rng(13).standard_normal((10, 2))
        species = ["b", "a"] * 5
        train = self.write("train.parquet", {"width": x[:, 0], "species": species, "count": numpy.arange(10)})
        test = self.write("test.parquet", {"width": x[:3, 0], "species": species[:3], "count": numpy.arange(3)})
        self.convert("parquet", train, self.out, "--test", test, "--label", "species")
        arrays = self.arrays()
        numpy.testing.assert_array_equal(arrays["x_train"],
                                         numpy.stack([x[:, 0], numpy.arange(10)], axis=1).astype(numpy.float32))
        self.assertEqual(arrays["y_train"].tolist(), [1, 0] * 5)
        self.assertEqual(arrays["y_test"].tolist(), [1, 0, 1])
        self.assertEqual(arrays["class_names"].tolist(), ["a", "b"])

    def test_pictures(self):
        samples = pictures(8, 14)
        plain = self.write("plain.parquet", {"image": [png(picture) for picture in samples], "label": list(range(8))})
        nested = self.write("nested.parquet", {"image": [{"bytes": png(picture), "path": None} for picture in samples],
                                               "label": list(range(8))})
        for table in (plain, nested):
            self.convert("parquet", table, self.out, "--test", table)
            numpy.testing.assert_array_equal(self.arrays()["x_train"], samples)
            self.assertEqual(self.arrays()["y_test"].tolist(), list(range(8)))

    def test_wrong_tables(self):
        table = self.write("a.parquet", {"x": [1.0, None, 2.0], "label": [0, 1, 0], "name": ["u", "v", "w"]})
        self.refused("parquet", table, self.out, "--label", "kind", parts=["'kind'", "x, label, name"])
        self.refused("parquet", table, self.out, parts=["'name'", "no numbers"])
        table = self.write("b.parquet", {"x": [1.0, None, 2.0], "label": [0, 1, 0]})
        self.refused("parquet", table, self.out, "--test", table, parts=["row 1", "no value"])
        table.write_bytes(table.read_bytes()[:100])
        self.refused("parquet", table, self.out, parts=["b.parquet", "Parquet"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
