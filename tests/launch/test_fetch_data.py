"""launch/fetch_data.sh against a server on this machine: whole, cut, wrong and missing files, and several callers at once."""

import gzip
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "launch" / "fetch_data.sh"
NAMES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
CIFAR10 = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
TOOLS = ("bash", "env", "awk", "dirname", "basename", "mkdir", "mv", "rm", "sleep", "stat", "sha256sum", "flock", "tar", "gzip")


class Server(http.server.ThreadingHTTPServer):
    """Serves self.files; what it was asked for stands in self.requests as (name, first byte)."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.cuts, self.ranges = {}, [], {}, True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def address(self):
        return f"http://127.0.0.1:{self.server_port}/folder"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, name = self.server, self.path.removeprefix("/folder/")
        wanted = self.headers.get("Range", "bytes=0-")
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if server.ranges else 0
        server.requests.append((name, first))
        if name not in server.files:
            self.send_error(404)
            return
        content = server.files[name]
        if first > 0 and first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if first > 0 else 200)
        self.send_header("Content-Length", str(len(content) - first))
        if first > 0:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        # A cut: the connection ends before the bytes that were promised.
        end = server.cuts.pop(name) if name in server.cuts else len(content)
        self.wfile.write(content[first:end])
        self.close_connection = True

    def log_message(self, *_):
        pass


def archive_of(names):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name in names:
            content = name.encode() * 1000
            entry = tarfile.TarInfo("binary/" + name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sibp-test-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.server = Server()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.data = self.folder / "data"
        self.table = self.folder / "table.txt"
        self.environment = {**os.environ, "no_proxy": "127.0.0.1"}
        self.serve("mnist", {name: gzip.compress(os.urandom(20000)) for name in NAMES})

    def serve(self, dataset, files):
        self.server.files = dict(files)
        rows = [f"{dataset} {hashlib.sha256(content).hexdigest()} {len(content)} {name} {self.server.address()}"
                for name, content in files.items()]
        self.table.write_text("# a table\n" + "\n".join(rows) + "\n", encoding="utf-8")

    def start(self, *words):
        return subprocess.Popen([str(SCRIPT), "--checksums", str(self.table), *map(str, words)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment)

    def fetch(self, *words, status=0, dataset="mnist"):
        process = self.start(dataset, self.data, *words)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, status, stdout + stderr)
        return stdout + stderr

    def check_files(self):
        for name, content in self.server.files.items():
            self.assertEqual((self.data / name).read_bytes(), content, name)
        self.assertEqual([path.name for path in self.data.glob("*.partial")], [])

    def without_curl(self):
        """From now on wget is all that the script finds."""
        if not shutil.which("wget"):
            self.skipTest("no wget")
        programs = self.folder / "programs"
        programs.mkdir()
        for name in (*TOOLS, "wget"):
            (programs / name).symlink_to(shutil.which(name))
        self.environment["PATH"] = str(programs)


class WholeFiles(FetchTest):
    def test_files_are_fetched_once(self):
        self.assertIn("--dataset mnist --data-dir", self.fetch())
        self.check_files()
        self.fetch()
        self.assertEqual(self.server.requests, [(name, 0) for name in NAMES])

    def test_with_wget(self):
        self.without_curl()
        self.server.cuts[NAMES[0]] = 7000
        self.fetch()
        self.check_files()
        self.assertEqual(self.server.requests[:2], [(NAMES[0], 0), (NAMES[0], 7000)])

    def test_callers_at_once(self):
        callers = [self.start("mnist", self.data) for _ in range(4)]
        for caller in callers:
            stdout, stderr = caller.communicate(timeout=60)
            self.assertEqual(caller.returncode, 0, stdout + stderr)
        self.check_files()
        self.assertEqual(sorted(self.server.requests), sorted((name, 0) for name in NAMES))

    def test_a_mirror(self):
        table = self.table.read_text(encoding="utf-8").replace(self.server.address(), "http://127.0.0.1:9/absent")
        self.table.write_text(table, encoding="utf-8")
        self.fetch("--mirror", self.server.address() + "/")
        self.check_files()

    def test_the_next_address_is_tried(self):
        table = self.table.read_text(encoding="utf-8")
        table = table.replace(self.server.address(), f"http://127.0.0.1:9/absent {self.server.address()}")
        self.table.write_text(table, encoding="utf-8")
        self.fetch("--tries", "1")
        self.check_files()

    def test_cifar10_is_unpacked(self):
        self.serve("cifar10", {"cifar-10-binary.tar.gz": archive_of(CIFAR10)})
        self.fetch(dataset="cifar10")
        for name in CIFAR10:
            self.assertEqual((self.data / name).read_bytes(), name.encode() * 1000)
        self.assertFalse((self.data / "cifar-10-binary.tar.gz").exists())
        self.fetch(dataset="cifar10")
        self.assertEqual(len(self.server.requests), 1)
        (self.data / CIFAR10[2]).write_bytes(b"damaged")
        self.fetch(dataset="cifar10")
        self.assertEqual((self.data / CIFAR10[2]).read_bytes(), CIFAR10[2].encode() * 1000)


    def test_cifar100_is_unpacked(self):
        self.serve("cifar100", {"cifar-100-binary.tar.gz": archive_of(("train.bin", "test.bin"))})
        for _ in range(2):
            self.fetch(dataset="cifar100")
            for name in ("train.bin", "test.bin"):
                self.assertEqual((self.data / name).read_bytes(), name.encode() * 1000)
        self.assertEqual(len(self.server.requests), 1)


class CutTransfers(FetchTest):
    def test_a_cut_transfer_goes_on(self):
        self.server.cuts[NAMES[1]] = 5000
        self.fetch()
        self.check_files()
        self.assertEqual(self.server.requests[1:], [(NAMES[1], 0), (NAMES[1], 5000)])

    def test_a_later_call_goes_on(self):
        self.server.cuts[NAMES[0]] = 5000
        self.fetch("--tries", "1", status=1)
        self.assertEqual((self.data / (NAMES[0] + ".partial")).stat().st_size, 5000)
        self.assertFalse((self.data / NAMES[0]).exists())
        self.fetch()
        self.check_files()
        self.assertEqual(self.server.requests[1], (NAMES[0], 5000))

    def test_a_server_that_cannot_go_on(self):
        self.server.ranges = False
        self.server.cuts[NAMES[0]] = 5000
        self.fetch()
        self.check_files()

    def test_what_was_there_is_of_another_file(self):
        self.data.mkdir()
        (self.data / (NAMES[0] + ".partial")).write_bytes(b"other" * 100)
        self.fetch()
        self.check_files()


class Failures(FetchTest):
    def test_a_wrong_file(self):
        right = self.server.files[NAMES[0]]
        wrong = right[:-1] + bytes([right[-1] ^ 1])
        self.server.files[NAMES[0]] = wrong
        text = self.fetch(status=1)
        for part in (hashlib.sha256(right).hexdigest(), hashlib.sha256(wrong).hexdigest(), NAMES[0], "--mirror"):
            self.assertIn(part, text)
        self.assertFalse((self.data / NAMES[0]).exists())
        self.assertEqual((self.data / (NAMES[0] + ".bad")).read_bytes(), wrong)

    def test_a_file_that_does_not_end(self):
        self.server.files[NAMES[0]] = bytes(10**7)
        for way in (lambda: None, self.without_curl):
            way()
            self.assertIn("sends more than the", self.fetch(status=1))
            self.assertLess(sum(path.stat().st_size for path in self.data.iterdir()), 100000)

    def test_a_file_that_was_there_is_kept_aside(self):
        self.data.mkdir()
        (self.data / NAMES[0]).write_bytes(b"mine")
        self.assertIn(".bad", self.fetch())
        self.check_files()
        self.assertEqual((self.data / (NAMES[0] + ".bad")).read_bytes(), b"mine")

    def test_a_file_that_was_there_stays_while_there_is_no_other(self):
        self.data.mkdir()
        (self.data / NAMES[0]).write_bytes(b"mine")
        self.fetch("--mirror", self.server.address() + "/elsewhere", "--tries", "1", status=1)
        self.assertEqual((self.data / NAMES[0]).read_bytes(), b"mine")

    def test_no_server_and_no_file(self):
        self.assertIn("404", self.fetch("--mirror", self.server.address() + "/elsewhere", "--tries", "1", status=1))
        self.assertIn("could not get " + NAMES[0],
                      self.fetch("--mirror", "http://127.0.0.1:9", "--tries", "1", status=1))

    def test_an_archive_that_lacks_files(self):
        self.serve("cifar10", {"cifar-10-binary.tar.gz": archive_of(CIFAR10[:-1])})
        self.assertIn("lacks files", self.fetch(dataset="cifar10", status=1))
        self.assertFalse((self.data / CIFAR10[0]).exists())

    def test_wrong_words(self):
        for words, message in ((["minst", self.data], "'minst'"), (["mnist"], "expected a data set and a folder"),
                               (["mnist", self.data, "--mirror"], "--mirror: found no value"), (["mnist", self.data, "-x"], "'-x'"),
                               (["mnist", self.table / "below"], "cannot make the folder"),
                               (["mnist", self.data, "--tries", "0"], "--tries")):
            process = self.start(*words)
            _, stderr = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 1, words)
            self.assertIn(message, stderr)
        self.assertEqual(self.server.requests, [])


class Table(unittest.TestCase):
    def test_the_known_files(self):
        rows = [line.split() for line in (SCRIPT.parent / "datasets.txt").read_text(encoding="utf-8").splitlines()
                if not line.startswith("#")]
        self.assertEqual({dataset: sum(row[0] == dataset for row in rows) for dataset, *_ in rows},
                         {"mnist": 4, "fashion-mnist": 4, "cifar10": 1, "cifar100": 1})
        for _, checksum, size, _, *addresses in rows:
            self.assertRegex(checksum, r"^[0-9a-f]{64}$")
            self.assertGreater(int(size), 1000)
            self.assertTrue(addresses and all(address.startswith("http") for address in addresses))


if __name__ == "__main__":
    unittest.main(verbosity=2)
