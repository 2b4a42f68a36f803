"""What a tracker is told, in the words of its own package. A package is imported only where its tracker is asked for."""

import importlib.util
import os
import time
import uuid

from .follow import numbers_of, options_of

STOPPED = 85  # of the program


class Tracker:
    """Told of one run. `id` names the tracker's own run from an earlier start; none: a new one is made."""

    package = ""  # what is imported
    pip = ""  # what is installed for it

    def __init__(self, run, id=None):
        self.run, self.id = run, id

    def begin_again(self):
        """All that was told before is taken back: the records come once more, without those that are gone."""

    def record(self, record):
        """A new line of metrics.jsonl."""

    def look(self):
        """Called every second."""

    def end(self, exit_status):
        """The run has ended, or stopped, with this status; None: nobody knows how."""


class TensorBoard(Tracker):
    """Event files in RUN/tensorboard."""

    package, pip = "tensorboard", "tensorboard"

    def __init__(self, run, id=None):
        super().__init__(run, id)
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.text.summary import text_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
        self._event, self._session, self._summary = Event, SessionLog, Summary
        self._writer = EventFileWriter(str(run / "tensorboard"))
        self._text = text_pb
        if id is None:
            self.begin_again()
        self.id = "event files"

    def _tell_options(self):
        options = "\n".join(f"    {name} = {value}" for name, value in options_of(self.run).items())
        self._add(0, self._text("options", options))

    def _add(self, step, summary):
        self._writer.add_event(self._event(wall_time=time.time(), step=step, summary=summary))

    def begin_again(self):
        # Readers drop what they have from this step on, except at the first such event.
        start = self._session(status=self._session.START)
        self._writer.add_event(self._event(wall_time=time.time(), step=0, session_log=start))
        self._tell_options()

    def record(self, record):
        values = [self._summary.Value(tag=name, simple_value=value) for name, value in numbers_of(record).items()]
        self._add(record["step"], self._summary(value=values))

    def look(self):
        self._writer.flush()

    def end(self, exit_status):
        self._writer.close()


class MLflow(Tracker):
    """A run in the experiment MLFLOW_EXPERIMENT_NAME (sibp_dist) at MLFLOW_TRACKING_URI."""

    package, pip = "mlflow", "mlflow"

    def __init__(self, run, id=None):
        super().__init__(run, id)
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
        self._client, self._metric, self._param = MlflowClient(), Metric, Param
        if id is None:
            self._create()
        else:
            self._client.update_run(id, status="RUNNING")

    def _create(self):
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "sibp_dist")
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        self.id = self._client.create_run(experiment, run_name=self.run.name).info.run_id
        options = [self._param(option, value[:500]) for option, value in options_of(self.run).items()]
        self._client.log_batch(self.id, params=options)

    def begin_again(self):
        self._client.delete_run(self.id)  # it has no way to take single values back
        self._create()

    def record(self, record):
        now = int(time.time() * 1000)
        values = [self._metric(name, value, now, record["step"]) for name, value in numbers_of(record).items()]
        self._client.log_batch(self.id, metrics=values)

    def end(self, exit_status):
        ends = {0: "FINISHED", STOPPED: "KILLED", None: "KILLED"}
        self._client.set_terminated(self.id, ends.get(exit_status, "FAILED"))


class Wandb(Tracker):
    """A run of Weights & Biases in the project WANDB_PROJECT (sibp_dist); with WANDB_MODE=offline in RUN/wandb."""

    package, pip = "wandb", "wandb"

    def __init__(self, run, id=None):
        super().__init__(run, id or uuid.uuid4().hex[:8])
        import wandb
        self._wandb, self._run = wandb, None

    def _open(self):
        return self._wandb.init(
            project=os.environ.get("WANDB_PROJECT", "sibp_dist"), name=self.run.name, id=self.id, resume="allow",
            dir=os.environ.get("WANDB_DIR", str(self.run)), config=options_of(self.run),
            settings=self._wandb.Settings(silent=True, console="off"))

    def begin_again(self):
        self._close(exit_code=1)
        self.id = uuid.uuid4().hex[:8]  # it has no way to take single values back: what was told stays under the old id

    def record(self, record):
        self._run = self._run or self._open()
        self._run.log(numbers_of(record), step=record["step"])

    def end(self, exit_status):
        self._close(exit_code=0 if exit_status in (0, STOPPED) else 1)

    def _close(self, exit_code):
        if self._run:
            self._run.finish(exit_code=exit_code)
        self._run = None


TRACKERS = {"tensorboard": TensorBoard, "wandb": Wandb, "mlflow": MLflow}


def missing_package(kind):
    """What to say where the package of a kind of tracker is not there; empty if it is."""
    if importlib.util.find_spec(kind.package):
        return ""
    return f"this Python has no module {kind.package}; install it: python3 -m pip install {kind.pip}"
