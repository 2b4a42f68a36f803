"""Runs that stop and go on, for the tests of checkpoints and stops."""

import hashlib
import json

from harness import DONE, STOPPED, ProgramTest
from runs import records, training


def rewrite(checkpoint, name, content):
    """Puts other content into a file of a checkpoint, with a manifest that fits; None takes the file away."""
    manifest = json.loads((checkpoint / "manifest.json").read_text(encoding="utf-8"))
    if content is None:
        (checkpoint / name).unlink()
        del manifest["files"][name]
    else:
        (checkpoint / name).write_bytes(content)
        manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(manifest, indent=1, sort_keys=True, separators=(",", ": ")) + "\n"
    (checkpoint / "manifest.json").write_text(text, encoding="utf-8")


class CheckpointTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_folder = self.folder / "run"

    def train(self, name="run", ranks=2, expect=DONE, environment=None, **changes):
        folder = self.folder / name
        return folder, self.run_and_expect(expect, *training(out=folder, **changes), ranks=ranks, environment=environment)

    def stop_early(self, name="run", ranks=2, **changes):
        """A run that stops after its first step."""
        return self.train(name, ranks, STOPPED, max_minutes=1e-6, **changes)

    def fail_on_resume(self, expect, *patterns, **changes):
        self.fail_with(expect, patterns, *training(**({"out": self.run_folder, "resume": "auto"} | changes)), ranks=2,
                       seconds=60)

    def expect_equal(self, folder, other):
        self.assertEqual((folder / "model.safetensors").read_bytes(), (other / "model.safetensors").read_bytes())
        self.assertEqual(records(folder), records(other))
