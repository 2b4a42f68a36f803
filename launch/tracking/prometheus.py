"""The state of a run as a file for the textfile collector of Prometheus's node_exporter."""

import json
import math

from .follow import numbers_of
from .trackers import Tracker


class Prometheus(Tracker):
    """Writes `file`, whole or not at all."""

    package, pip = "prometheus_client", "prometheus-client"
    # Of status.json.
    STATE = {"step": "updates done", "steps": "updates of the whole run", "batch_loss": "loss of the last batch",
             "samples_per_second": "speed over all ranks", "seconds_left": "expected time to the end",
             "exit_status": "how the run ended; absent while it runs"}
    # What a record has too, but as a mean since the record before.
    OF_RECORDS_TOO = ("samples_per_second",)

    def __init__(self, run, file):
        super().__init__(run)
        import prometheus_client
        self._client, self._file = prometheus_client, str(file)
        self._record, self._written = {}, None

    def begin_again(self):
        self._record = {}

    def record(self, record):
        self._record = {name: value for name, value in numbers_of(record).items() if name not in self.OF_RECORDS_TOO}

    def look(self):
        try:
            status = json.loads((self.run / "status.json").read_text(encoding="utf-8"))
            self._write(status, status["state"] == "running")
        except (OSError, ValueError, LookupError, TypeError):
            pass  # not there yet

    def end(self, exit_status):
        try:
            status = json.loads((self.run / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            status = {}
        self._write({**status, "exit_status": exit_status}, False)

    def _write(self, status, is_running):
        values = {"sibp_running": ("1 while the run goes on", int(is_running))}
        for name, help_text in self.STATE.items():
            values[f"sibp_{name}"] = (help_text, status.get(name))
        for name, value in self._record.items():
            values[f"sibp_{name}"] = (f"{name} of the last line of metrics.jsonl", value)
        if values == self._written:
            return
        self._written = values
        registry = self._client.CollectorRegistry()
        for name, (help_text, value) in values.items():
            if isinstance(value, (int, float)) and math.isfinite(value):
                self._client.Gauge(name, help_text, ["run"], registry=registry).labels(self.run.name).set(value)
        self._client.write_to_textfile(self._file, registry)
