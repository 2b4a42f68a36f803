"""The command doctor: what it shows of the ranks, its self-test, and what it says of a machine that is not well."""

import os
import re
import socket
import subprocess

from harness import MPIEXEC, PROGRAM, RUNTIME, USAGE, ProgramTest, main

WRONG_PRODUCTS = os.environ.get("WRONG_PRODUCTS_UNDER_TEST", "")

# In ssh's place: runs the command here, but under the name of the host that it was meant for.
AGENT = """#!/bin/sh
host=$1
shift
exec unshare --uts sh -c "hostname $host && $*"
"""


def row(text, ranks):
    """The row of the table for these ranks."""
    match = re.search(rf"(?m)^{ranks} .*$", text)
    if not match:
        raise AssertionError(f"no row for the ranks {ranks} in\n{text}")
    return match[0]


class DoctorTest(ProgramTest):
    def test_one_rank(self):
        text = self.succeed("doctor").stdout
        self.assertIn(socket.gethostname(), row(text, "0"))
        self.assertRegex(text, r"verdict: training works here")
        self.assertRegex(text, r"(?m)^build .*(CUDA [\d.]+ with NCCL and (cuDNN [\d.]+|no cuDNN)|no GPU support)$")
        self.assertNotIn("links", text)

    def test_ranks_that_are_alike_are_one_row(self):
        for ranks in (2, 3, 4):
            with self.subTest(ranks=ranks):
                text = self.succeed("doctor", ranks=ranks).stdout
                row(text, f"0-{ranks - 1}")
                for part in ("processor", "MPI", "build", "within a node"):
                    self.assertEqual(len(re.findall(rf"(?m)^.*{part}.*\S", text.split("warning:")[0])), 1, text)
                for form in ("normal", "activations", "dual", "dual-split", "low-rank"):
                    self.assertIn(f"ok      {form}: all ranks have the same weights: bit for bit", text)
                    self.assertIn(f"ok      {form}: many ranks find what one finds", text)
                self.assertNotIn("FAILED", text)
                self.assertEqual(text.count("verdict"), 1)

    def test_too_many_threads(self):
        cores = len(os.sched_getaffinity(0))
        text = self.succeed("doctor", "--threads", cores, ranks=2).stdout
        self.assertRegex(text, rf"warning: .*ranks 0-1 have {2 * cores} threads on {cores} core")

    def test_wrong_products_on_one_rank(self):
        if not WRONG_PRODUCTS:
            self.skipTest("this build takes its products from Eigen")
        result = self.run_and_expect(RUNTIME, "doctor", ranks=2, environment={"LD_PRELOAD": WRONG_PRODUCTS})
        self.assertRegex(result.stdout, "FAILED .*: many ranks find what one finds")
        self.assertIn("verdict: training does NOT work here", result.stdout)

    def test_options_of_other_commands(self):
        self.fail_with(USAGE, ["--dataset"], "doctor", "--dataset", "mnist")


class TwoHosts(ProgramTest):
    def setUp(self):
        super().setUp()
        names = subprocess.run(["unshare", "--uts", "hostname", "node1"], check=False, capture_output=True, text=True)
        if names.returncode != 0:
            self.skipTest(f"no host names of their own: {names.stderr.strip()}")
        self.agent = self.folder / "agent"
        self.agent.write_text(AGENT, encoding="utf-8")
        self.agent.chmod(0o755)

    def test_links_between_nodes(self):
        command = [MPIEXEC, "--mca", "plm", "rsh", "--mca", "plm_rsh_agent", str(self.agent), "--mca",
                   "mpi_yield_when_idle", "1", "--mca", "btl_tcp_if_include", "lo", "--mca", "oob_tcp_if_include", "lo",
                   "-H", "node1:2,node2:1", "-np", "3", "--bind-to", "none", PROGRAM, "doctor"]
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("node1 node2", row(result.stdout, "0-2"))
        self.assertRegex(result.stdout, r"links +within a node: .* the worst of 1 ")
        self.assertRegex(result.stdout, r"links +between nodes: .* the worst of 1 ")


if __name__ == "__main__":
    main()
