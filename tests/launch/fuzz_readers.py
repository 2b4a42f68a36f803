"""Feeds the readers of launch/ with changed files: status.json and the program's answer (the supervisor), metrics.jsonl,
config.ini and run.json (the reports). None may fail, and what they return must be of the kind that they promise.

    fuzz_readers.py [COUNT] [SEED]   COUNT inputs for each reader (3000)
"""

import json
import math
import random
import sys
import tempfile
from pathlib import Path

import made_up  # noqa: F401: puts launch/ on the path

from experiment import records
from supervisor import run_folder, statuses

STATUS = b'{"state": "failed", "exit_status": 5, "step": 12, "message": "diverged", "checkpoint": null, "best": {"step": 3}}'
RECORD = b'{"step":5,"epoch":1,"train_loss":0.25,"train_accuracy":0.9,"training_sample_loss":1e-3,"eta":0.5,"final":true}\n'
CONFIG = b"# of a run\nmethod = sibp\neta=0.5\n\nhidden = 30,20\n; nothing\nout = runs/x # y\nseed = 7\n"
NOTES = b'{"status": 5, "ranks": 2, "machine": {"host": "x"}, "command": ["a", "b"], "seconds": 1.5}'
# What breaks readers more often than chance does.
PIECES = [b"null", b"true", b"[]", b"{}", b"-1", b"1e999", b"9" * 400, b"9" * 5000, b'"', b"\\u0000", b"\xff", b"\0", b"\n",
          b"\r", b"=", b"[" * 2000, b"NaN", b"{", b"}", b":", b",", b"Infinity", b"\xef\xbb\xbf", b"\xe2\x80\xa8"]


def changed(stream, content):
    """The content with some changes: bytes, pieces that are put in, values that are replaced, parts cut or doubled."""
    for _ in range(stream.randint(1, 4)):
        place = stream.randint(0, len(content))
        end = min(len(content), place + stream.randint(0, 12))
        kind = stream.randrange(5)
        if kind == 0:
            content = content[:place] + bytes([stream.randrange(256)]) + content[place + 1:]
        elif kind == 1:
            content = content[:place] + stream.choice(PIECES) + content[place:]
        elif kind == 2:
            begin = content.rfind(b":", 0, place) + 1
            stops = [at for at in (content.find(mark, begin) for mark in (b",", b"}")) if at >= 0]
            content = content[:begin] + stream.choice(PIECES) + content[min(stops, default=len(content)):]
        elif kind == 3:
            content = content[:place] + content[end:]
        else:
            content = content[:end] + content[place:]
    return content


class Readers:
    def __init__(self, folder):
        self.folder = folder
        for name, content in ((records.METRICS_FILE, RECORD), (records.CONFIG_FILE, CONFIG), (records.RUN_FILE, NOTES)):
            (folder / name).write_bytes(content)

    def put(self, name, content):
        (self.folder / name).unlink(missing_ok=True)  # some file systems flush a file that is written again
        (self.folder / name).write_bytes(content)

    def status(self, content):
        self.put("status.json", content)
        found = run_folder.written_status(self.folder, 0)
        assert found is None or (type(found) is int and statuses.is_the_programs(found)), found

    def answer(self, content):
        try:
            command, folder = run_folder.read_answer("program", content)
        except OSError:
            return
        assert isinstance(command, str) and (folder is None or isinstance(folder, Path))

    def run_of(self, name, content, whole):
        self.put(name, content)
        run = records.load_run(self.folder)
        self.put(name, whole)
        assert run.state in (records.FINISHED, records.DIVERGED, records.UNFINISHED, records.PRUNED)
        assert isinstance(run.method, str) and isinstance(run.seed, str)
        assert all(isinstance(record, dict) for record in run.records)
        assert all(isinstance(text, str) for pair in run.options.items() for text in pair)
        for quantity in ("train_loss", "step", "test_accuracy"):
            for record in run.records:
                value = records.finite(record, quantity)
                assert value is None or (isinstance(value, float) and math.isfinite(value))
        run.final("train_loss")

    def all(self):
        """A name, a content that is right and what reads it."""
        yield "status.json", STATUS, self.status
        yield "answer", b"train\0runs/x\0", self.answer
        for name, whole in ((records.METRICS_FILE, RECORD * 3), (records.CONFIG_FILE, CONFIG), (records.RUN_FILE, NOTES)):
            yield name, whole, lambda content, name=name, whole=whole: self.run_of(name, content, whole)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory(prefix="readers-test-") as scratch:
        for name, whole, read in Readers(Path(scratch)).all():
            stream = random.Random(f"{name} {seed}")
            read(whole)
            for _ in range(count):
                content = changed(stream, whole)
                try:
                    read(content)
                except Exception:
                    print(f"{name}: fails on {json.dumps(content.decode('latin-1'))[:1000]}", file=sys.stderr)
                    raise
            print(f"{name}: {count} inputs, nothing found", flush=True)


if __name__ == "__main__":
    main()
