"""Trackers beside a run: what their own readers find after a run, a restart and a resume, and trackers that fail."""

import json
import os
import struct
import sys
import time
import unittest
import unittest.mock
from importlib.util import find_spec
from pathlib import Path

from supervised import LAUNCH, PROGRAM, SupervisedTest, kill, seconds_until

from supervisor import tracking_processes
from tracking.follow import MetricsFile

# A played training: five records, of which a second start takes two back. Losses tell the starts apart; the speed is not
# finite. With WAIT the first start ends when there is a file `go`.
PLAYED = r"""
: > "$SUPERVISOR_READY_FILE"
record() {
  printf '{"step":%d,"epoch":0.5,"train_loss":%s,"validation_accuracy":0.25,"samples_per_second":null,"final":%s}\n' "$@" \
    >> run/metrics.jsonl
}
status() {
  printf '{"state":"%s","exit_status":%s,"step":%d,"steps":60,"batch_loss":0.5,"seconds_left":null}' "$@" > run/status.json
}
if [ ! -e run/metrics.jsonl ]; then
  mkdir -p run/checkpoints/step-00000030
  printf '# options\nmethod = sibp\neta = 4\n' > run/config.ini
  for step in 10 20 30 40 50; do record "$step" "1.$step" false; done
  status running null 50
  [ -z "$WAIT" ] || while [ ! -e go ]; do sleep 0.1; done
  exit 75
fi
head -n 3 run/metrics.jsonl > run/shorter; mv run/shorter run/metrics.jsonl
for step in 40 50; do record "$step" "2.$step" false; done
record 60 2.60 true
status done 0 60
"""
EXPECTED = {10: 1.10, 20: 1.20, 30: 1.30, 40: 2.40, 50: 2.50, 60: 2.60}


def has(*packages):
    missing = [name for name in packages if not find_spec(name)]
    return unittest.skipIf(missing, f"this Python has no module {', '.join(missing)}")


class TrackingTest(SupervisedTest):
    def supervise(self, *own, script=PLAYED, program=None, words=("--out", "run"), **environment):
        return self.start(*words, ranks=1, own=own, program=program or self.play(script), environment={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "WANDB_MODE": "offline",
            "MLFLOW_TRACKING_URI": f"file://{self.folder}/mlruns", "MLFLOW_ALLOW_FILE_STORE": "true", **environment})

    def succeed(self, *own, **keywords):
        status, text = self.supervise(*own, **keywords).end(90)
        self.assertEqual(status, 0, text)
        return text

    def assert_read(self, found, expected=None):
        self.assertEqual({step: round(loss, 6) for step, loss in found.items()}, expected or EXPECTED)

    def events(self):
        """What TensorBoard serves."""
        from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
        events = EventAccumulator(str(self.folder / "run/tensorboard"))
        events.Reload()
        return events

    def event_losses(self, events):
        from tensorboard.util.tensor_util import make_ndarray
        found = [(event.step, make_ndarray(event.tensor_proto).item()) for event in events.Tensors("train_loss")]
        self.assertEqual([step for step, _ in found], sorted({step for step, _ in found}))
        return dict(found)

    def assert_events(self, expected=None):
        events = self.events()
        self.assertEqual(set(events.Tags()["tensors"]), {"options", "epoch", "train_loss", "validation_accuracy"})
        self.assertEqual(len(events.Tensors("options")), 1)
        self.assertIn(b"method = sibp", events.Tensors("options")[0].tensor_proto.string_val[0])
        self.assert_read(self.event_losses(events), expected)


@has("tensorboard")
class TensorBoardTest(TrackingTest):
    def has_told_all(self):
        memory, metrics = self.folder / "run/tracking-tensorboard.json", self.folder / "run/metrics.jsonl"
        return (self.folder / "run/status.json").exists() and memory.exists() and \
            json.loads(memory.read_text())["read"] == metrics.stat().st_size

    def test_a_restart_takes_later_steps_back(self):
        run = self.supervise("--track", "tensorboard", "--restarts", "1", WAIT="go")
        seconds_until(self.has_told_all, 60)
        (self.folder / "go").touch()
        status, text = run.end(90)
        self.assertEqual(status, 0, text)
        self.assert_events()

    def test_a_resume_takes_later_steps_back(self):
        self.assertEqual(self.supervise("--track", "tensorboard").end(60)[0], 75)
        self.assert_events({10: 1.1, 20: 1.2, 30: 1.3, 40: 1.4, 50: 1.5})
        self.succeed("--track", "tensorboard")
        self.assert_events()

    def test_a_killed_supervisor_takes_its_trackers_along(self):
        run = self.supervise("--track", "tensorboard", WAIT="go")
        seconds_until(self.has_told_all, 60)
        kill([run.process.pid])
        seconds_until(lambda: not run.processes("python"), 20)
        self.assert_events({10: 1.1, 20: 1.2, 30: 1.3, 40: 1.4, 50: 1.5})


@has("mlflow")
class MLflowTest(TrackingTest):
    def test_a_resume_takes_later_steps_back_and_another_goes_on(self):
        self.assertEqual(self.supervise("--track", "mlflow").end(60)[0], 75)
        self.succeed("--track", "mlflow")
        os.environ |= {"MLFLOW_ALLOW_FILE_STORE": "true"}
        from mlflow import MlflowClient
        client = MlflowClient(f"file://{self.folder}/mlruns")
        runs = client.search_runs([client.get_experiment_by_name("sibp_dist").experiment_id])
        self.assertEqual([run.info.status for run in runs], ["FINISHED"], "one run, the one before is deleted")
        self.assertEqual(runs[0].info.run_name, "run")
        self.assertEqual(runs[0].data.params, {"method": "sibp", "eta": "4"})
        history = client.get_metric_history(runs[0].info.run_id, "train_loss")
        self.assertEqual(len(history), len(EXPECTED))
        self.assert_read({metric.step: metric.value for metric in history})


@has("wandb")
class WandbTest(TrackingTest):
    def records(self, file):
        """The records of an offline run: the format of LevelDB's log, which newer packages have no reader in Python for,
        with the package's own messages in it."""
        from wandb.proto.wandb_internal_pb2 import Record
        data, position, message = file.read_bytes(), 7, b""
        while position + 7 <= len(data):
            if 32768 - position % 32768 < 7:
                position += 32768 - position % 32768
                continue
            _, length, kind = struct.unpack_from("<IHB", data, position)
            message += data[position + 7:position + 7 + length]
            position += 7 + length
            if kind in (1, 4):  # whole, or the last part
                yield Record.FromString(message)
                message = b""

    def test_a_resume_takes_later_steps_back(self):
        self.assertEqual(self.supervise("--track", "wandb").end(60)[0], 75)
        self.succeed("--track", "wandb")
        runs = sorted(self.folder.glob("run/wandb/offline-run-*/*.wandb"), key=lambda file: file.stat().st_mtime)
        self.assertEqual(len(runs), 2, "one that was taken back and one instead")
        found, options = {}, {}
        for record in self.records(runs[-1]):
            options |= {item.key: item.value_json for item in record.run.config.update}
            values = {(item.key or item.nested_key[0]): item.value_json for item in record.history.item}
            if "train_loss" in values:
                found[record.history.step.num or int(values["_step"])] = float(values["train_loss"])
        self.assert_read(found)
        self.assertEqual(options["eta"], '"4"')


@has("prometheus_client")
class PrometheusTest(TrackingTest):
    def values(self):
        from prometheus_client.parser import text_string_to_metric_families
        text = (self.folder / "sibp.prom").read_text()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        self.assertEqual({sample.labels["run"] for sample in samples}, {"run"})
        return {sample.name: sample.value for sample in samples}

    def test_the_textfile_is_there_while_the_run_goes_on_and_tells_its_end(self):
        run = self.supervise("--prometheus", "sibp.prom", "--restarts", "1", WAIT="go")
        seconds_until(lambda: (self.folder / "sibp.prom").exists() and self.values().get("sibp_train_loss") == 1.5, 60)
        values = self.values()
        self.assertEqual((values["sibp_running"], values["sibp_step"], values["sibp_steps"]), (1, 50, 60))
        self.assertEqual(values["sibp_train_loss"], 1.5)
        self.assertNotIn("sibp_exit_status", values)
        self.assertNotIn("sibp_seconds_left", values)
        (self.folder / "go").touch()
        status, text = run.end(60)
        self.assertEqual(status, 0, text)
        values = self.values()
        self.assertEqual((values["sibp_running"], values["sibp_exit_status"], values["sibp_step"]), (0, 0, 60))
        self.assertEqual((values["sibp_train_loss"], values["sibp_validation_accuracy"]), (2.6, 0.25))
        self.assertEqual(list(self.folder.glob("sibp.prom.*")), [])


class FailureTest(TrackingTest):
    def add_package(self, name, text):
        """A package of that name before all others."""
        (self.folder / name).mkdir()
        (self.folder / name / "__init__.py").write_text(text)
        return {"PYTHONPATH": str(self.folder)}

    def test_a_missing_package_is_named_before_the_start(self):
        for own, name in ((["--track", "wandb"], "wandb"), (["--prometheus", "x"], "prometheus-client")):
            with self.subTest(own=own):
                (self.folder / "sitecustomize.py").write_text(
                    "import importlib.util as util\nfind = util.find_spec\n"
                    "util.find_spec = lambda name, *more: None if name in ('wandb', 'prometheus_client') else find(name, *more)\n")
                status, text = self.supervise(*own, PYTHONPATH=str(self.folder)).end(30)
                self.assertEqual(status, 2, text)
                self.assertIn(f"pip install {name}", text)
                self.assertFalse((self.folder / "run").exists())

    def test_an_unknown_tracker_is_refused(self):
        status, text = self.supervise("--track", "tensorbord").end(30)
        self.assertEqual(status, 2)
        self.assertIn("tensorboard", text)

    def test_a_tracker_that_fails_is_told_of_and_the_run_goes_on(self):
        package = self.add_package("wandb", "raise ValueError('no key')")
        text = self.succeed("--track", "wandb", "--restarts", "1", **package)
        self.assertIn("supervisor: warning: wandb is told of no more records, the run goes on: ValueError: no key", text)
        self.assertEqual(text.count("warning: wandb"), 1)

    def test_a_tracker_that_hangs_is_left_behind(self):
        variables = self.add_package("wandb", "import time; time.sleep(1000)")
        (self.folder / "metrics.jsonl").touch()
        os.environ["PYTHONPATH"] = f"{variables['PYTHONPATH']}:{LAUNCH}"
        self.addCleanup(os.environ.pop, "PYTHONPATH")
        with unittest.mock.patch.object(tracking_processes, "PATIENCE", 1.5), \
                unittest.mock.patch.object(tracking_processes, "say") as said:
            start = time.monotonic()
            with tracking_processes.Trackers(self.folder, ["wandb"], None) as trackers:
                trackers.status = 0
            self.assertLess(time.monotonic() - start, 10)
        self.assertIn("wandb has not taken the last records", said.call_args[0][0])
        self.assertEqual(said.call_count, 1)


class MetricsFileTest(SupervisedTest):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "metrics.jsonl"

    def lines(self, *steps, mark=1, end="\n"):
        self.file.write_text("".join(f'{{"step":{step},"mark":{mark}}}\n' for step in steps[:-1]) +
                             f'{{"step":{steps[-1]},"mark":{mark}}}{end}')

    def steps(self, metrics):
        records, was_cut = metrics.look()
        return [record["step"] for record in records], was_cut

    def test_records_come_once_and_whole(self):
        metrics = MetricsFile(self.file)
        self.assertEqual(self.steps(metrics), ([], False))
        self.lines(1, 2, end="")
        self.assertEqual(self.steps(metrics), ([1], False))
        self.lines(1, 2, 3)
        self.assertEqual(self.steps(metrics), ([2, 3], False))
        self.assertEqual(self.steps(metrics), ([], False))

    def test_a_cut_is_seen_also_where_the_file_has_grown_again(self):
        metrics = MetricsFile(self.file)
        self.lines(1, 2, 3)
        self.steps(metrics)
        self.lines(1, 2)
        self.assertEqual(self.steps(metrics), ([1, 2], True))
        self.lines(1, 2, 3, 4, mark=2)
        self.assertEqual(self.steps(metrics), ([1, 2, 3, 4], True))

    def test_another_process_goes_on_unless_what_it_knew_is_gone(self):
        metrics = MetricsFile(self.file)
        self.lines(1, 2, 3)
        self.steps(metrics)
        self.lines(1, 2, 3, 4)
        self.assertEqual(self.steps(MetricsFile(self.file, metrics.read, metrics.digest)), ([4], False))
        self.lines(1, 2)
        self.assertEqual(self.steps(MetricsFile(self.file, metrics.read, metrics.digest)), ([1, 2], True))

    def test_lines_that_are_no_records_are_passed_over(self):
        self.file.write_text('[]\n{"step":"x"}\n\xff\n{"step":1}\n', encoding="latin-1")
        self.assertEqual(self.steps(MetricsFile(self.file)), ([1], False))


@unittest.skipUnless(PROGRAM, "PROGRAM_UNDER_TEST does not name the program")
@has("tensorboard")
class RealProgramTest(TrackingTest):
    def test_a_training(self):
        self.succeed("--track", "tensorboard", program=PROGRAM, words=[
            "--dataset", "synthetic", "--synthetic-samples", "500", "--synthetic-features", "20", "--hidden", "8",
            "--steps", "20", "--batch", "50", "--log-every", "5", "--form", "normal", "--out", "run", "--progress", "none"])
        losses = self.event_losses(self.events())
        records = [json.loads(line) for line in (self.folder / "run/metrics.jsonl").read_text().splitlines()]
        self.assertEqual(list(losses), [5, 10, 15, 20])
        self.assert_read(losses, {record["step"]: round(record["train_loss"], 6) for record in records})


if __name__ == "__main__":
    unittest.main(verbosity=2)
