"""The installed library in a project of another folder, and the Debian packages. Arguments: the build folder and cmake."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from installed import MPIEXEC, RANKS, install, run

CMAKE = sys.argv.pop(2)
BUILD = Path(sys.argv.pop(1))
HERE = Path(__file__).resolve().parent
TRAINING = ["--dataset", "synthetic", "--synthetic-samples", "500", "--hidden", "8", "--steps", "20", "--batch", "50",
            "--progress", "none"]


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="sibp-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def test_a_consumer_trains_as_the_program_does(self):
        prefix = install(CMAKE, BUILD, self.folder / "prefix")
        consumer = self.folder / "consumer"
        run(CMAKE, "-S", HERE / "consumer", "-B", consumer, f"-DCMAKE_PREFIX_PATH={prefix}")
        run(CMAKE, "--build", consumer)
        output = run(MPIEXEC, "-n", "2", *RANKS, consumer / "consumer", *TRAINING, "--out", self.folder / "library")
        self.assertIn("Trained 64-8-10", output)
        run(MPIEXEC, "-n", "2", *RANKS, prefix / "bin/sibp_dist", *TRAINING, "--out", self.folder / "program")
        models = [(self.folder / name / "model.safetensors").read_bytes() for name in ("library", "program")]
        self.assertEqual(*models)

    @unittest.skipUnless(shutil.which("dpkg-shlibdeps") and shutil.which("file"), "no dpkg-shlibdeps (dpkg-dev) or no file")
    def test_debian_packages(self):
        packages = self.folder / "packages"
        run(Path(CMAKE).with_name("cpack"), "--config", BUILD / "CPackConfig.cmake", "-B", packages)
        program, library = (next(packages.glob(f"{name}_*.deb")) for name in ("sibp-dist", "libsibp-dev"))
        root = self.folder / "root"
        for package in (program, library):
            subprocess.run(["dpkg-deb", "--extract", package, root], check=True)
        needed = run("dpkg-deb", "--field", program, "Depends")
        for package in ("openmpi-bin", "libopenmpi3", "libc6"):
            self.assertIn(package, needed)
        self.assertIn("sibp_dist", run(root / "usr/bin/sibp_dist", "--version"))
        supervised = root / "usr/share/sibp_dist/launch/run.sh"
        run("bash", supervised, "-np", "1", "--", *TRAINING, "--out", self.folder / "packaged")
        self.assertTrue((self.folder / "packaged/model.safetensors").is_file())
        self.assertTrue(list(root.rglob("cmake/sibp/sibpConfig.cmake")))
        self.assertTrue(list(root.rglob("libsibp.a")))


if __name__ == "__main__":
    unittest.main()
