"""Runs that stop and go on, for the tests of checkpoints and stops."""

from harness import DONE, STOPPED, ProgramTest
from runs import records, training


class CheckpointTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_folder = self.folder / "run"

    def train(self, name="run", ranks=2, expect=DONE, **changes):
        folder = self.folder / name
        return folder, self.run_and_expect(expect, *training(out=folder, **changes), ranks=ranks)

    def stop_early(self, name="run", ranks=2, **changes):
        """A run that stops after its first step."""
        return self.train(name, ranks, STOPPED, max_minutes=1e-6, **changes)

    def expect_equal(self, folder, other):
        self.assertEqual((folder / "model.safetensors").read_bytes(), (other / "model.safetensors").read_bytes())
        self.assertEqual(records(folder), records(other))
