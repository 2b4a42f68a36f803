"""Reads metrics.jsonl as it grows. A run that goes on from a checkpoint cuts the file back to it."""

import hashlib
import json
import math


class MetricsFile:
    """The lines of the file that are new since the last look.

    `read` and `digest` say how far an earlier process came: so many bytes, with this SHA-256."""

    def __init__(self, path, read=0, digest=""):
        self.path, self.read, self.last = path, 0, b""
        self._hash = hashlib.sha256()
        self.was_cut = False
        if read:
            self._go_on(read, digest)

    @property
    def digest(self):
        return self._hash.hexdigest()

    def _go_on(self, read, digest):
        before = self._bytes(0, read)
        if len(before) == read and hashlib.sha256(before).hexdigest() == digest:
            self._take(before)
        else:
            self.was_cut = True

    def _bytes(self, start, count=-1):
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                return file.read(count)
        except FileNotFoundError:
            return b""

    def _take(self, data):
        self._hash.update(data)
        self.read += len(data)
        self.last = data[data.rfind(b"\n", 0, -1) + 1:] or self.last

    def look(self):
        """The new records, and whether records that were read before are gone: then all that are there are new. Lines
        differ in their seconds, so the last one that was read stands for those before it."""
        cut, self.was_cut = self.was_cut, False
        if self.last and self._bytes(self.read - len(self.last), len(self.last)) != self.last:
            self.read, self.last, self._hash, cut = 0, b"", hashlib.sha256(), True
        new = self._bytes(self.read)
        new = new[:new.rfind(b"\n") + 1]  # the last line may be half written
        if new:
            self._take(new)
        return [record for line in new.splitlines() if (record := record_of(line))], cut


def record_of(line):
    """The record that a line is, or None."""
    try:
        record = json.loads(line)
        return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None
    except ValueError:
        return None


def numbers_of(record):
    """The measurements of a record by name, without those that are not finite."""
    return {name: float(value) for name, value in record.items()
            if name not in ("step", "final") and isinstance(value, (int, float)) and math.isfinite(value)}


def options_of(run):
    """The options in a run's config.ini."""
    try:
        lines = (run / "config.ini").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
