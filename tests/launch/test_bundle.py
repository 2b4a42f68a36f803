"""launch/bundle.sh: packs the programs of the build folder that is the first argument, and trains with what it packed where
there is nothing else."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import bare_root
from packing import bundle, pack, skip_where_it_lacks_something

BUILD = Path(sys.argv.pop(1))
LAUNCH = Path(__file__).resolve().parents[2] / "launch"
LARGEST_ARCHIVE = 60e6
WHY_NO_ROOT = bare_root.why_not()


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sibp-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class BundleTest(FolderTest):
    @classmethod
    def setUpClass(cls):
        cls.home = Path(tempfile.mkdtemp(prefix="sibp-bundle-"))
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        pack(cls.home / "sibp", "--build-dir", BUILD)
        shutil.rmtree(cls.home / "sibp")
        unpacked = cls.home / "unpacked"
        unpacked.mkdir()
        subprocess.run(["tar", "-xf", cls.home / "sibp.tar.zst", "-C", unpacked], check=True)
        cls.bundle = unpacked / "sibp"

    def test_the_archive_is_small(self):
        self.assertLess((self.home / "sibp.tar.zst").stat().st_size, LARGEST_ARCHIVE)

    def test_nothing_of_cuda_or_the_c_library_is_packed(self):
        names = [path.name for path in (self.bundle / "lib").rglob("*.so*")]
        self.assertIn("libmpi.so.40", names)
        for name in names:
            self.assertNotRegex(name, r"^lib(c|m|dl|pthread|cu[a-z]+|nccl|nv[A-Za-z]+)\.so|^ld-linux")

    def test_what_programs_open_is_listed_where_they_open_something(self):
        folder = self.bundle / "libexec/cuda"
        opened = any(b"libcudnn.so.9" in path.read_bytes() for path in folder.iterdir() if path.name not in ("needs", "opens"))
        text = (folder / "opens").read_text(encoding="utf-8") if folder.is_dir() else ""
        self.assertEqual(text, "libcudnn.so.9\n" if opened else "")
        if folder.is_dir():
            self.assertNotIn("cudnn", (folder / "needs").read_text(encoding="utf-8"))

    @unittest.skipIf(WHY_NO_ROOT, WHY_NO_ROOT)
    def test_two_ranks_train_with_the_c_library_and_a_shell_alone(self):
        root = bare_root.BareRoot(self.folder / "root", self.bundle, "/opt/elsewhere/sibp dist")
        result = root.run("""b='/opt/elsewhere/sibp dist'; "$b/bin/mpirun" -np 2 --oversubscribe --bind-to none """
                          """"$b/bin/sibp_dist" --data-dir "$b/data/fashion-mnist" --hidden 20 --epochs 1 --seed 3 """
                          """--progress none --out /tmp/run""", OMP_NUM_THREADS="1")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = (root.root / "tmp/run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        last = json.loads(lines[-1])
        self.assertLess(last["train_loss"], 0.5)
        self.assertGreater(last["bytes_reduced"], 0)
        self.assertIn("on 2 ranks of 1 thread", result.stdout)

    def test_scripts_train_with_the_programs_of_the_bundle(self):
        elsewhere = {"PATH": "/usr/bin:/bin", "RANKS": "2", "OMP_NUM_THREADS": "1"}
        command = [self.bundle / "launch/train.sh", "--hidden", "5", "--steps", "5", "--out", self.folder / "run"]
        run = subprocess.run(command, cwd=self.folder, env=elsewhere, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotIn("build", run.stdout + run.stderr)
        self.assertTrue((self.folder / "run/model.safetensors").is_file())


class ProgramChoiceTest(FolderTest):
    """bin/ of a bundle whose programs only say which they are, and whose CUDA is made up."""

    def setUp(self):
        super().setUp()
        self.bundle = self.folder / "bundle"
        for kind in ("cuda", "cpu"):
            (self.bundle / "libexec" / kind).mkdir(parents=True)
            self.place(self.bundle / "libexec" / kind / "program", f'#!/bin/sh\necho "{kind} $LD_LIBRARY_PATH $*"\n')
        (self.bundle / "bin").mkdir()
        shutil.copy(LAUNCH / "bundle/environment.sh", self.bundle / "libexec")
        shutil.copy(LAUNCH / "bundle/start.sh", self.bundle / "bin/program")
        (self.bundle / "libexec/cuda/needs").write_text("libmadeup.so.13\nlibother.so.2\n", encoding="utf-8")

    def place(self, file, text=""):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)

    def place_cuda(self, *folders):
        for folder, name in zip(folders, ("libmadeup.so.13", "libother.so.2")):
            self.place(folder / name)
        return folders

    def started(self, *words, program=None, **variables):
        run = subprocess.run([program or self.bundle / "bin/program", *words], capture_output=True, text=True, check=True,
                             env={"PATH": "/usr/bin:/bin", **variables})
        return run.stdout.strip()

    def test_without_cuda_it_is_the_one_for_processors(self):
        self.assertEqual(self.started("a b"), "cpu  a b")
        asked = subprocess.run([self.bundle / "bin/program", "--device", "cuda"], capture_output=True, text=True, check=True,
                               env={"PATH": "/usr/bin:/bin"})
        self.assertIn("program: CUDA's libraries libmadeup.so.13:libother.so.2 were not found", asked.stderr)

    def test_one_library_of_two_is_not_enough(self):
        self.place(self.folder / "cuda/lib64/libmadeup.so.13")
        self.assertEqual(self.started(CUDA_HOME=str(self.folder / "cuda")), "cpu")

    def test_what_the_loader_finds_is_left_as_it_is(self):
        [folder, _] = self.place_cuda(self.folder / "module", self.folder / "module")
        self.assertEqual(self.started(LD_LIBRARY_PATH=f"/none:{folder}"), f"cuda /none:{folder}")

    def test_a_toolkit_by_its_variable_and_by_nvcc_on_the_path(self):
        home = self.folder / "my cuda"
        self.place_cuda(home / "lib64", home / "lib64")
        self.assertEqual(self.started(CUDA_HOME=str(home)), f"cuda {home}/lib64")
        self.assertEqual(self.started(PATH=f"/usr/bin:{home}/bin", LD_LIBRARY_PATH="/mine"), f"cuda {home}/lib64:/mine")

    def test_packages_of_the_python_on_the_path(self):
        packages = self.folder / "venv/lib/python3.12/site-packages/nvidia"
        self.place_cuda(packages / "cu13/lib", packages / "nccl/lib")
        expected = f"cuda {packages}/cu13/lib:{packages}/nccl/lib"
        self.assertEqual(self.started(PATH=f"{self.folder}/venv/bin:/usr/bin:/bin"), expected)
        self.assertEqual(self.started(VIRTUAL_ENV=str(self.folder / "venv")), expected)

    def test_packages_in_a_place_that_only_python_knows(self):
        packages = self.folder / "far away/packages/nvidia"
        self.place_cuda(packages / "cu13/lib", packages / "nccl/lib")
        self.place(self.folder / "bin/python3", f"#!/bin/sh\necho '/none:{packages.parent}'\n")
        self.assertEqual(self.started(PATH=f"{self.folder}/bin:/usr/bin:/bin"),
                         f"cuda {packages}/cu13/lib:{packages}/nccl/lib")

    def test_a_toolkit_is_completed_from_packages(self):
        packages = self.folder / "venv/lib/python3.12/site-packages/nvidia"
        self.place_cuda(self.folder / "cuda/lib64", packages / "nccl/lib")
        self.assertEqual(self.started(CUDA_HOME=str(self.folder / "cuda"), VIRTUAL_ENV=str(self.folder / "venv")),
                         f"cuda {self.folder}/cuda/lib64:{packages}/nccl/lib")

    def test_a_library_that_programs_open_is_found_but_not_needed(self):
        (self.bundle / "libexec/cuda/opens").write_text("libopened.so.9\n", encoding="utf-8")
        home = self.folder / "cuda"
        packages = self.folder / "venv/lib/python3.12/site-packages/nvidia"
        self.place_cuda(home / "lib64", home / "lib64")
        variables = {"CUDA_HOME": str(home), "VIRTUAL_ENV": str(self.folder / "venv")}
        self.assertEqual(self.started(**variables), f"cuda {home}/lib64")
        self.place(packages / "cudnn/lib/libopened.so.9")
        self.assertEqual(self.started(**variables), f"cuda {home}/lib64:{packages}/cudnn/lib")
        self.place(home / "lib64/libopened.so.9")
        self.assertEqual(self.started(**variables), f"cuda {home}/lib64")

    def test_it_is_found_by_a_link_and_by_its_name_alone(self):
        (self.folder / "link").symlink_to(self.bundle / "bin/program")
        self.assertEqual(self.started("x", program=self.folder / "link"), "cpu  x")
        run = subprocess.run("program y", shell=True, env={"PATH": f"{self.bundle}/bin"}, capture_output=True, text=True,
                             check=True, executable="/bin/sh")
        self.assertEqual(run.stdout.strip(), "cpu  y")


class RefusalTest(FolderTest):
    def setUp(self):
        super().setUp()
        skip_where_it_lacks_something(bundle(self.folder / "a", "--build-dir", self.folder))

    def test_what_cannot_be_packed_is_named(self):
        (self.folder / "there").mkdir()
        (self.folder / "build").mkdir()
        (self.folder / "not-built").mkdir()
        (self.folder / "not-built/bundle_programs.txt").write_text("cpu sibp_dist /absent/sibp_dist\n", encoding="utf-8")
        for words, message in (
                ([], "found no folder"), (["a", "b"], "found 'b' after 'a'"),
                (["a", "--arc", "90"], "unknown option '--arc'"), (["a", "--arch"], "--arch: found no value"), ([self.folder / "there"], "is there already"),
                (["a", "--arch", "90", "--build-dir", BUILD], "does not go with --build-dir"),
                ([self.folder / "a", "--build-dir", self.folder / "build"], "bundle_programs.txt is not there"),
                ([self.folder / "a", "--build-dir", self.folder / "not-built"], "/absent/sibp_dist is not there; build it"),
                ([self.folder / "a", "--build-dir", BUILD, "--data", self.folder], "has no Fashion-MNIST")):
            result = bundle(*words)
            self.assertEqual(result.returncode, 1, (words, result.stderr))
            self.assertIn(message, result.stderr)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertEqual(sorted(os.listdir(self.folder)), ["build", "not-built", "there"], words)
        self.assertIn("Usage: launch/bundle.sh", bundle("--help").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
