"""Training, evaluating and predicting on arrays that NumPy wrote, and on HDF5 files where the program reads them."""

import csv
import importlib.util
import io
import os

from harness import DATA, MODEL, USAGE, ProgramTest, main, options

if importlib.util.find_spec("numpy") is None:
    print("SKIPPED: this Python has no numpy (package python3-numpy)")
    raise SystemExit(0)
import numpy

CLASSES = 300  # more than a byte can tell apart
ROWS, TEST_ROWS, FEATURES = 900, 330, 20


def arrays(seed=5):
    """Classes that a small network learns: a mean each, with noise; features of very different sizes."""
    random = numpy.random.default_rng(seed)
    means = random.standard_normal((CLASSES, FEATURES)) * 3
    sizes = 10.0 ** numpy.arange(-FEATURES // 2, FEATURES // 2)

    def split(rows):
        labels = numpy.arange(rows) % CLASSES
        samples = (means[labels] + 0.1 * random.standard_normal((rows, FEATURES))) * sizes
        return samples.astype(numpy.float32), labels

    x_train, y_train = split(ROWS)
    x_test, y_test = split(TEST_ROWS)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test.astype(numpy.uint16)}


class OwnData(ProgramTest):
    def setUp(self):
        super().setUp()
        self.arrays = arrays()

    def write_npz(self, name="own.npz", save=numpy.savez, **changes):
        save(self.folder / name, **(self.arrays | changes))
        return self.folder / name

    def write_folder(self):
        folder = self.folder / "arrays"
        folder.mkdir()
        for name, array in self.arrays.items():
            numpy.save(folder / f"{name}.npy", array)
        return folder

    def train(self, name, dataset, place, ranks=1, **changes):
        folder = self.folder / name
        self.succeed(*options({
            "dataset": dataset, "data_dir": place, "normalize": "standard", "hidden": "40", "batch": 90, "epochs": 6,
            "reproducible": "on", "progress": "none", "seed": 3, "validation": 30, "out": folder} | changes), ranks=ranks)
        return folder

    def test_ranks_and_files_change_nothing(self):
        packed = self.train("packed", "npz", self.write_npz("packed.npz", numpy.savez_compressed))
        expected = (packed / "model.safetensors").read_bytes()
        for ranks in (2, 3):
            stored = self.train(f"stored{ranks}", "npz", self.write_npz(), ranks=ranks)
            self.assertIn(b'"features":"float32"', expected)
            # The metadata name the kind of data set alone, which is the same.
            self.assertEqual((stored / "model.safetensors").read_bytes(), expected)
        folder = self.train("folder", "npy", self.write_folder(), ranks=4)
        self.assertEqual((folder / "model.safetensors").read_bytes().replace(b'"npy"', b'"npz"'), expected)

    def test_every_class_is_predicted(self):
        place = self.write_npz()
        folder = self.train("run", "npz", place, ranks=2, epochs=20)
        # The data set is that of the model.
        evaluated = self.succeed("evaluate", folder, "--data-dir", place, ranks=3).stdout
        self.assertRegex(evaluated, r"samples +330\b")
        rows = list(csv.DictReader(io.StringIO(
            self.succeed("predict", folder, "--data-dir", place, ranks=2).stdout)))
        self.assertEqual([int(row["label"]) for row in rows], self.arrays["y_test"].tolist())
        right = [row for row in rows if row["label"] == row["predicted"]]
        self.assertGreater(len(right), 0.6 * TEST_ROWS)  # by chance it is one in 300
        self.assertTrue(any(int(row["predicted"]) > 255 for row in right))
        self.assertRegex(evaluated, rf"accuracy +{100 * len(right) / TEST_ROWS:.4f} %")

    def test_pictures_have_a_shape(self):
        pictures = {"x_train": numpy.arange(60 * 48, dtype=numpy.uint8).reshape(60, 4, 4, 3), "y_train": numpy.arange(60) % 3,
                    "x_test": numpy.zeros((9, 4, 4, 3), numpy.uint8), "y_test": numpy.zeros((9, 1), numpy.int32)}
        place = self.write_npz(**pictures)
        text = self.succeed("--dataset", "npz", "--data-dir", place, "--network", "conv(4,3) meanpool dense(3)", "--batch",
                            "10", "--describe", ranks=2).stdout
        self.assertIn("4x4x3-c4-3", text)

    def test_a_model_of_floats_takes_no_bytes(self):
        folder = self.train("run", "npz", self.write_npz(), epochs=1)
        bytes_alone = self.write_npz("bytes.npz", x_train=numpy.zeros((ROWS, FEATURES), numpy.uint8),
                                     x_test=numpy.zeros((TEST_ROWS, FEATURES), numpy.uint8))
        self.fail_with(MODEL, ["float32", "uint8"], "evaluate", folder, "--data-dir", bytes_alone, ranks=2)

    def fail_on_data(self, *patterns, place=None, dataset="npz", **changes):
        place = place or self.write_npz(**changes)
        self.fail_with(DATA, patterns, *options({
            "dataset": dataset, "data_dir": place, "hidden": "8", "batch": 90, "epochs": 1, "progress": "none"}))

    def test_bad_files_are_refused(self):
        x, y = self.arrays["x_train"], self.arrays["y_train"]
        self.fail_on_data("own.npz/x_train.npy", "float64", "float32", x_train=x.astype(numpy.float64))
        self.fail_on_data("own.npz/x_train.npy", "Fortran", x_train=numpy.asfortranarray(x))
        self.fail_on_data("own.npz/x_train.npy", "big-endian", x_train=x.astype(">f4"))
        self.fail_on_data("own.npz/y_train.npy", "Python objects", y_train=y.astype(object))
        self.fail_on_data("own.npz/y_train.npy", "label -1", y_train=y - 1)
        self.fail_on_data("own.npz/y_test.npy", "sample 299", "label 300", y_test=numpy.r_[0:299, 300:331])
        self.fail_on_data("899 rows", "900", x_train=x[:-1])
        # One rank alone has the last sample.
        self.fail_on_data("sample 899", "nan", x_train=numpy.where(numpy.arange(ROWS)[:, None] == ROWS - 1, numpy.nan, x)
                          .astype(numpy.float32))

    def test_files_that_were_cut_are_refused(self):
        place = self.write_npz()
        os.truncate(place, place.stat().st_size // 2)
        self.fail_on_data("own.npz", "ZIP", place=place)
        folder = self.write_folder()
        os.truncate(folder / "x_test.npy", 5000)
        self.fail_on_data("x_test.npy", "cut short", place=folder, dataset="npy")
        self.fail_on_data("absent.npz", "does not exist", place=self.folder / "absent.npz")
        self.fail_with(USAGE, ["npz", "--data-dir", "x_train"], "--dataset", "npz", ranks=2)


if __name__ == "__main__":
    main()
