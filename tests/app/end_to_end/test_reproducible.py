"""--reproducible with the whole program: one result for any number of ranks and threads, and across restarts."""

import hashlib

from harness import USAGE, ProgramTest, main, options
from runs import CONVNET, records, training

SETTINGS = {"form": None, "epochs": None, "steps": 30, "schedule": "constant", "hidden": "30,80"}


def hash_of(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def without_traffic(folder):
    return [{key: value for key, value in record.items() if "bytes" not in key and "ranks" not in key}
            for record in records(folder)]


class ReproducibleTest(ProgramTest):
    def train(self, name, ranks, threads=1, **changes):
        folder = self.folder / name
        self.succeed("--reproducible", *training(out=folder, **(SETTINGS | changes)), ranks=ranks,
                     environment={"OMP_NUM_THREADS": str(threads)})
        return folder

    def test_one_result_for_all_ranks_and_restarts(self):
        """Stopped on a ranks and gone on with on b, for all a and b."""
        whole = self.train("whole", ranks=1, threads=2)
        self.assertIn("reproducible = on", (whole / "config.ini").read_text(encoding="utf-8"))
        later = [record for record in without_traffic(whole) if record["step"] > 15]
        for a in range(1, 5):
            first = self.train(f"on{a}", ranks=a, threads=1 + a % 2, steps=15)
            for b in range(1, 5):
                with self.subTest(stopped_on=a, resumed_on=b):
                    folder = self.folder / f"on{a}then{b}"
                    self.succeed("--resume", first / "checkpoints" / "latest", "--out", folder, "--steps", "30",
                                 "--progress", "none", ranks=b)
                    self.assertEqual(hash_of(folder), hash_of(whole))
                    self.assertEqual([record for record in without_traffic(folder) if record["step"] > 15], later)

    def test_a_convnet(self):
        """With its momentum, mean Gram matrices and running statistics, stopped in the middle of a refresh's steps."""
        whole = self.train("whole", ranks=1, **CONVNET)
        for ranks in range(2, 5):
            with self.subTest(ranks=ranks):
                self.assertEqual(hash_of(self.train(f"on{ranks}", ranks, **CONVNET)), hash_of(whole))
        first = self.train("first", ranks=3, **CONVNET | {"steps": 15})
        folder = self.folder / "then"
        self.succeed("--resume", first / "checkpoints" / "latest", "--out", folder, "--steps", "30", "--progress", "none",
                     ranks=2)
        self.assertEqual(hash_of(folder), hash_of(whole))

    def test_methods_with_state(self):
        for method in ({"method": "adam", "lr": 0.01}, {"method": "proxprop"}):
            with self.subTest(method["method"]):
                hashes = {hash_of(self.train(f"{method['method']}{ranks}", ranks, **method)) for ranks in (1, 3)}
                self.assertEqual(len(hashes), 1)

    def test_what_has_no_reproducible_way_is_refused(self):
        for changes, patterns in (({"method": "published"}, ["--method: found 'published'", "--reproducible", "sibp"]),
                                  ({"form": "dual"}, ["--form: found 'dual'", "--reproducible", "normal"]),
                                  ({"wire": "bf16"}, ["--wire: found 'bfloat16'", "--reproducible", "float32"]),
                                  ({"sums": "shared"}, ["--sums: found 'shared'", "--reproducible", "auto"]),
                                  ({"device": "cuda"}, ["--device: found 'cuda'", "--reproducible", "cpu"])):
            with self.subTest(str(changes)):
                self.fail_with(USAGE, patterns, "--reproducible", *training(**(SETTINGS | changes)), ranks=2)
        self.fail_with(USAGE, ["--reproducible: found 'yes'", "on, off"], "--reproducible=yes", *training(**SETTINGS))

    def test_a_run_stays_what_it_is(self):
        folder = self.train("run", ranks=2, steps=10)
        self.fail_with(USAGE, ["--reproducible: found 'off'", "on"], "--resume", folder, "--reproducible=off",
                       *options({"steps": 20, "progress": "none"}), seconds=30)


if __name__ == "__main__":
    main()
