"""The Python package: built over the installed library, then used as people do. Arguments: the sources, the build folder and
cmake. Its environment, in the build folder, stays for the next time."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "install"))
from installed import MPIEXEC, RANKS, install, run

CMAKE = sys.argv.pop(3)
BUILD = Path(sys.argv.pop(2))
SOURCE = Path(sys.argv.pop(1))
ENVIRONMENT = BUILD / "python"
PYTHON = ENVIRONMENT / "bin/python"
PACKAGES = ["scikit-build-core", "nanobind", "numpy", "pandas", "nbclient", "ipykernel"]
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")

SAMPLES = """
import numpy, sibp
random = numpy.random.default_rng(3)
y = random.integers(0, 4, 600)
x = numpy.clip(random.integers(0, 256, (4, 30))[y] + random.normal(0, 40, (600, 30)), 0, 255).astype(numpy.uint8)
"""
NOTEBOOK = """
import nbformat, nbclient
cells = [nbformat.v4.new_code_cell(text) for text in (
    {samples!r}, "run = sibp.train(x, y, hidden='8', steps=30)", "run.metrics()", "print((run.predict(x) == y).mean())")]
notebook = nbformat.v4.new_notebook(cells=cells)
nbclient.NotebookClient(notebook, timeout=120, resources={{"metadata": {{"path": "."}}}}).execute()
print("a table" if "<table" in notebook.cells[2].outputs[0].data["text/html"] else notebook.cells[2])
print(notebook.cells[3].outputs[0].text)
"""


def why_not():
    """Makes the environment; says why there is none."""
    if not PYTHON.exists():
        made = subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            return f"no virtual environment: {made.stdout[-300:]}"
    fetched = subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *PACKAGES], capture_output=True, text=True, check=False)
    return "" if fetched.returncode == 0 else f"pip cannot fetch {' '.join(PACKAGES)}: {fetched.stderr[-300:]}"


WHY_NOT = why_not()


@unittest.skipIf(WHY_NOT, WHY_NOT)
class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="sibp-python-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        prefix = install(CMAKE, BUILD, cls.folder / "prefix")
        run(PYTHON, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--force-reinstall", SOURCE / "src/python",
            env=os.environ | {"CMAKE_PREFIX_PATH": str(prefix), "PATH": f"{PYTHON.parent}:{os.environ['PATH']}"})

    def python(self, text, ranks=1):
        launcher = [MPIEXEC, "-n", str(ranks), *RANKS] if ranks > 1 else []
        return run(*launcher, PYTHON, "-c", text, cwd=self.folder)

    def test_trains_predicts_and_has_metrics(self):
        output = self.python(SAMPLES + """
run = sibp.train(x, y, hidden="8", steps=60, log_every=20)
table = run.metrics()
assert {20, 40, 60} <= set(table.step), table
assert table.train_loss.iloc[-1] < table.train_loss.iloc[0] / 2, table
again = sibp.load(run.path)
assert (again.predict(x) == run.predict(x)).all()
shares = again.predict_proba(x)
assert shares.shape == (600, 4) and abs(shares.sum(axis=1) - 1).max() < 1e-5
print("right", (run.predict(x) == y).mean() > 0.95, not run.stopped)
""")
        self.assertIn("right True True", output)

    def test_floats_are_as_good_as_bytes(self):
        output = self.python(SAMPLES + """
run = sibp.train(x / 51 - 2, y, hidden="8", steps=60, normalize="standard")
print("right", (run.predict(x / 51 - 2) == y).mean() > 0.95)
try:
    run.predict(x)
except sibp.Error as error:
    print(error)
""")
        self.assertIn("right True", output)
        self.assertIn("found samples of uint8, but the model takes float32", output)

    def test_the_model_is_that_of_the_program(self):
        self.python(SAMPLES + """
import struct
for name, array in {"x": x, "y": y.astype(numpy.uint8)}.items():
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    open(name, "wb").write(header + array.tobytes())
sibp.train(x, y, test=(x, y), hidden="8", steps=30, out="package")
""")
        names = [f"--{part}-{kind}={file}" for part in ("train", "test") for kind, file in (("images", "x"), ("labels", "y"))]
        run(os.environ["PROGRAM_UNDER_TEST"], "--dataset", "idx", "--data-dir", ".", *names, "--hidden", "8", "--steps", "30",
            "--out", "program", "--progress", "none", cwd=self.folder)
        tensors = [(self.folder / name / "model.safetensors").read_bytes() for name in ("package", "program")]
        after_header = [data[8 + int.from_bytes(data[:8], "little"):] for data in tensors]
        self.assertEqual(*after_header)

    def test_wrong_calls_say_what_is_expected(self):
        output = self.python(SAMPLES + """
for arguments, options in (((x.astype(int), y), {}), ((x, y[:9]), {"test": (x, y)}), ((x, y - 1), {}), ((x, y), {"hiden": "8"})):
    try:
        sibp.train(*arguments, steps=1, **options)
    except (sibp.Error, TypeError) as error:
        print(type(error).__name__, error)
""")
        for expected in ("TypeError x has elements of type int64, expected uint8 or floats", "600 samples, but y has 9 labels",
                         "the label -1", "Error"):
            self.assertIn(expected, output)
        self.assertIn("hiden", output)

    def test_two_ranks_share_the_work_and_predict_alike(self):
        self.python(SAMPLES + """
run = sibp.train(x, y, hidden="8", steps=40)
open(f"rank{sibp.rank()}", "w").write(f"{sibp.size()} {run.predict(x).sum()} {(run.predict(x) == y).mean() > 0.9}")
""", ranks=2)
        texts = [(self.folder / f"rank{rank}").read_text(encoding="utf-8") for rank in range(2)]
        self.assertRegex(texts[0], r"^2 \d+ True$")
        self.assertEqual(*texts)

    def test_an_error_is_an_exception_on_every_rank(self):
        self.python(SAMPLES + """
try:
    sibp.train(x, y, test=(x[:, :9], y), hidden="8", steps=1)
except sibp.Error as error:
    open(f"error{sibp.rank()}", "w").write(str(error))
""", ranks=2)
        texts = [(self.folder / f"error{rank}").read_text(encoding="utf-8") for rank in range(2)]
        self.assertIn("another shape", texts[0])
        self.assertEqual(*texts)
        self.python(SAMPLES + """
try:
    sibp.train(x[sibp.rank():], y[sibp.rank():], test=(x, y), hidden="8", steps=1)
except sibp.Error as error:
    open(f"differs{sibp.rank()}", "w").write(str(error))
""", ranks=2)
        self.assertIn("rank 1 was given other samples", (self.folder / "differs0").read_text(encoding="utf-8"))

    def test_an_interrupt_stops_with_a_checkpoint_and_the_run_goes_on(self):
        output = self.python(SAMPLES + """
import os, signal, threading, time
def interrupt():
    while not (os.path.exists("long/metrics.jsonl") and os.path.getsize("long/metrics.jsonl")):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt).start()
run = sibp.train(x, y, hidden="8", steps=20000, out="long")
print("stopped", run.stopped, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
run = sibp.train(x, y, resume="long")
print("went on", run.stopped, run.metrics().step.iloc[-1])
""")
        self.assertIn("stopped True True", output)
        self.assertIn("went on False 20000", output)

    def test_a_notebook(self):
        output = self.python(NOTEBOOK.format(samples=SAMPLES))
        self.assertIn("a table", output)
        self.assertGreater(float(output.split()[-1]), 0.9)

    def test_examples(self):
        examples = SOURCE / "launch/examples"
        self.assertEqual(sorted(path.name for path in examples.iterdir()), ["fashion_mnist.py", "methods.py", "ranks.py"])
        run(PYTHON, examples / "methods.py", cwd=self.folder)
        output = run(MPIEXEC, "-n", "2", *RANKS, PYTHON, examples / "ranks.py", cwd=self.folder)
        self.assertEqual(output.count(" of 2: "), 2, output)
        if FASHION_MNIST.is_dir():
            self.assertIn("the same from its folder: 0.", run(PYTHON, examples / "fashion_mnist.py", cwd=self.folder))


if __name__ == "__main__":
    unittest.main()
