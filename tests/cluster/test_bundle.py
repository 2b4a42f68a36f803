"""A bundle (launch/bundle.sh) of the programs of the build folder that is the first argument, over ssh between three
emulated hosts: mpirun starts the bundle's daemons and programs on all of them."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

import isolation

SKIP = isolation.enter(["sshd", "ssh", "ssh-keygen"])

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "launch"))

from hosts import FOLDER, Hosts  # noqa: E402
from packing import pack  # noqa: E402
from ssh import mpirun_over_ssh, start_servers  # noqa: E402

BUILD = sys.argv.pop(1)
HOSTS = ("n1", "n2", "n3")


@unittest.skipIf(SKIP, SKIP)
class BundleOverSshTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.hosts = Hosts(HOSTS)
        start_servers(cls.hosts)
        cls.bundle = FOLDER / "elsewhere/sibp"
        cls.bundle.parent.mkdir()
        pack(cls.bundle, "--build-dir", BUILD, "--no-archive")

    def on_all_hosts(self, *words):
        """The output of a command on each host, started by the bundle's mpirun."""
        _, *options = mpirun_over_ssh(HOSTS)
        command = self.hosts.on("n1", self.bundle / "bin/mpirun", *options, *words)
        run = subprocess.run(command, cwd=FOLDER, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
                             env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "OMPI_ALLOW_RUN_AS_ROOT": "1",
                                  "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def test_daemons_on_other_hosts_are_those_of_the_bundle(self):
        lines = self.on_all_hosts("sh", "-c", "echo $(hostname) $(readlink /proc/$PPID/exe)").splitlines()
        place = self.bundle / "libexec/mpi"
        self.assertEqual(sorted(lines), [f"n1 {place}/mpirun", f"n2 {place}/orted", f"n3 {place}/orted"])

    def test_three_hosts_train(self):
        self.on_all_hosts(self.bundle / "bin/sibp_dist", "--dataset", "synthetic", "--synthetic-samples", "2000",
                          "--hidden", "16", "--form", "normal", "--steps", "40", "--progress", "none", "--out", FOLDER / "run")
        lines = (FOLDER / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()
        last = json.loads(lines[-1])
        self.assertLess(last["train_loss"], 1.0)
        self.assertGreater(last["bytes_reduced"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
