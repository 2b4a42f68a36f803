"""launch/sibp.sbatch under a real Slurm over four emulated hosts: the job ends, or goes back to the queue and goes on, as
the README promises."""

import json
import os
import shlex
import subprocess
import sys
import unittest
from pathlib import Path

import isolation

SKIP = isolation.enter(["slurmctld", "slurmd", "sbatch", "srun", "mpirun"])

from hosts import FOLDER, Hosts, program_copy, read, wait_for  # noqa: E402
from slurm import NODES, Slurm  # noqa: E402

TRAINING = ["--dataset", "synthetic", "--synthetic-features", "64", "--synthetic-samples", "4000", "--hidden", "256,256",
            "--batch", "500", "--form", "normal", "--seed", "3", "--log-every", "10", "--checkpoint-every", "20",
            "--progress", "none"]
STEPS = 400
ENDLESS = 10_000_000
WORK = FOLDER / "work"


@unittest.skipIf(SKIP, SKIP)
class SlurmTest(unittest.TestCase):
    """The tests use one Slurm in the order of their numbers; the first leaves what others are compared with, the last
    loses nodes."""

    @classmethod
    def setUpClass(cls):
        cls.hosts = Hosts(("n0", *NODES))
        cls.project, cls.program = program_copy(os.environ["PROGRAM_UNDER_TEST"])
        WORK.mkdir()
        cls.slurm = Slurm(cls.hosts)
        cls.slurm.start()
        cls.addClassCleanup(cls.slurm.stop)
        # Limits are whole minutes, so this job runs beside the first tests. Its signal comes 20 to 60 s after the start.
        cls.limited = cls.submit("--time=1", "--signal=B:USR1@20", "--nodelist=n4", nodes=1, steps=ENDLESS)

    @classmethod
    def submit(cls, *options, nodes, steps=STEPS, words=(), variables=None):
        """The id of a job with one rank on each of so many nodes; `options` may name the nodes, `words` are the
        program's."""
        return cls.slurm.submit(f"--nodes={nodes}", "--ntasks-per-node=1", "--cpus-per-task=1",
                                "--exclusive", *options, cls.project / "launch/sibp.sbatch", *TRAINING, "--steps", steps, *words,
                                cwd=WORK, env={**os.environ, "PROGRAM": str(cls.program), **(variables or {})})

    def output(self, job, name="sibp"):
        return read(WORK / f"{name}-{job}.out")

    def describe(self, job, name="sibp"):
        return f"job {job}: {self.slurm.job(job)}\n{self.output(job, name)}\n{self.slurm.logs()}"

    def wait_for_checkpoint(self, job):
        wait_for(lambda: list((WORK / f"runs/job-{job}/checkpoints").glob("step-*")), 60, lambda: self.describe(job))

    def wait_until_completed(self, job, seconds=90, name="sibp"):
        try:
            self.slurm.wait_for_state(job, ["COMPLETED"], seconds)
        except AssertionError as error:
            self.fail(f"{error}\n{self.describe(job, name)}")

    def steps(self, job):
        lines = read(WORK / f"runs/job-{job}/metrics.jsonl").splitlines()
        return [json.loads(line)["step"] for line in lines]

    def check_result(self, job, restarts):
        """The job went back to the queue so often, left every step once and the undisturbed job's weights."""
        self.assertEqual(int(self.slurm.job(job)["Restarts"]), restarts, self.describe(job))
        self.assertEqual(self.steps(job), self.steps(self.undisturbed), self.describe(job))
        models = [(WORK / f"runs/job-{number}/model.safetensors").read_bytes() for number in (job, self.undisturbed)]
        self.assertTrue(models[0] == models[1], f"other weights than job {self.undisturbed}\n{self.describe(job)}")

    def test_1_a_job_runs_on_two_nodes(self):
        job = self.submit(nodes=2)
        self.wait_until_completed(job)
        type(self).undisturbed = job
        self.assertEqual(self.steps(job)[-1], STEPS, self.describe(job))
        self.assertEqual(len(set(self.steps(job))), len(self.steps(job)), self.describe(job))
        self.assertIn("Trained", read(WORK / f"runs/job-{job}/logs/start-1/rank.0/stdout"))
        self.assertIn("Trained", self.output(job))

    def test_2_a_preempted_job_goes_on(self):
        job = self.submit("--nodelist=n[1-2]", nodes=2)
        self.wait_for_checkpoint(job)
        # The other job starts its ranks by mpirun.
        other = self.submit("--partition=high", "--nodelist=n[1-2]", nodes=2, variables={"LAUNCHER": "mpirun --bind-to none"})
        self.wait_until_completed(other)
        self.check_result(other, restarts=0)
        self.wait_until_completed(job)
        self.check_result(job, restarts=1)

    def test_3_a_cancelled_job_ends_with_a_checkpoint_and_stays_away(self):
        job = self.submit(nodes=2, steps=ENDLESS)
        self.wait_for_checkpoint(job)
        self.slurm.command("scancel", job)
        self.slurm.wait_for_state(job, ["CANCELLED"], 20)
        wait_for(lambda: list(self.slurm.states().values()).count("idle") >= 3, 20, lambda: self.describe(job))
        self.assertEqual(self.slurm.job(job)["Restarts"], "0", self.describe(job))
        self.assertEqual(json.loads(read(WORK / f"runs/job-{job}/status.json"))["exit_status"], 85, self.describe(job))

    def test_4_an_error_ends_the_job(self):
        job = self.submit(nodes=1, variables={"SIBP_MOMENTUM": "much"})
        self.slurm.wait_for_state(job, ["FAILED"], 30)
        self.assertEqual(self.slurm.job(job)["ExitCode"], "2:0", self.describe(job))

    def test_5_gpus_and_scaling_have_scripts_of_their_own(self):
        # There is no GPU here: what the program is asked to do is all that is seen.
        played = self.project / "played"
        played.write_text('#!/bin/sh\n: > "$SUPERVISOR_READY_FILE"\necho "asked $SLURM_PROCID $*"\n')
        played.chmod(0o755)
        gpu = self.slurm.submit("--nodes=1", "--gpus-per-node=2", "--ntasks-per-node=2", "--cpus-per-task=1",
                                self.project / "launch/sibp_gpu.sbatch", "--epochs", 1, cwd=WORK,
                                env={**os.environ, "PROGRAM": str(played)})
        scaling = self.slurm.submit("--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1",
                                    self.project / "launch/scaling.sbatch", "--synthetic", "--synthetic-samples", 500,
                                    "--hidden", 16, "--form", "normal", "--steps", 20, cwd=WORK,
                                    env={**os.environ, "PROGRAM": str(self.program)})
        self.wait_until_completed(gpu, name="sibp-gpu")
        for rank in range(2):
            self.assertIn(f"asked {rank} --epochs 1 --device cuda --out runs/job-{gpu} --resume auto", self.output(gpu, "sibp-gpu"))
        self.wait_until_completed(scaling, name="scaling")
        points = json.loads(read(WORK / f"runs/scaling-{scaling}/scaling.json"))
        self.assertEqual([point["nodes"] for point in points], [1, 2])

    def test_5b_each_task_of_an_array_makes_a_trial_of_one_sweep(self):
        (self.project / "build").mkdir()
        (self.project / "build/python").symlink_to(Path(__file__).resolve().parents[2] / "build/python")
        probe = subprocess.run(self.hosts.on("n1", "bash", "-c", f". {self.project}/launch/common.sh; python_with optuna -c ''"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if probe.returncode != 0:
            self.skipTest("no Python with Optuna; launch/install.sh tests installs it")
        sweep = [self.project / "launch/sweep.sh", "--param", "eta=log:0.1:1", "--trials", 3, "--no-pruning", "--ranks", 2,
                 "--out", "sweep", "--program", self.program, "--", *TRAINING[:-2], "--validation", 500, "--steps", 40]
        job = self.slurm.submit("--array=1-3%2", "--nodes=1", "--ntasks=2", "--output=sweep-%a.out", "--wrap",
                                shlex.join(map(str, sweep)), cwd=WORK)
        texts = wait_for(lambda: self.slurm.has_ended(job) and [read(WORK / f"sweep-{task}.out") for task in (1, 2, 3)], 90,
                         lambda: f"{self.slurm.command('squeue')}\n{self.slurm.logs()}")
        records = [json.loads(read(file)) for file in sorted((WORK / "sweep/runs").glob("*/run.json"))]
        self.assertEqual(len({record["values"]["eta"] for record in records}), 3, texts)
        steps = [json.loads(read(file).splitlines()[-1])["step"] for file in (WORK / "sweep/runs").glob("*/metrics.jsonl")]
        self.assertEqual(steps, [40, 40, 40], texts)

    def test_6_srun_and_mpirun_give_one_reproducible_result(self):
        by_srun = self.submit(nodes=3, steps=40, words=["--reproducible"])
        self.wait_until_completed(by_srun)
        by_mpirun = self.submit(nodes=2, steps=40, words=["--reproducible"],
                                variables={"LAUNCHER": "mpirun --bind-to none"})
        command = [self.project / "launch/run.sh", "-np", 4, "--launcher", "mpirun --oversubscribe --bind-to none", "--",
                   *TRAINING, "--steps", 40, "--reproducible", "--out", WORK / "by-hand"]
        by_hand = subprocess.run(self.hosts.on("n0", *command), cwd=WORK, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False,
                                 timeout=60, env={**os.environ, "PROGRAM": str(self.program)})
        self.assertEqual(by_hand.returncode, 0, by_hand.stdout)
        self.wait_until_completed(by_mpirun)
        folders = [WORK / f"runs/job-{by_srun}", WORK / f"runs/job-{by_mpirun}", WORK / "by-hand"]
        models = {(folder / "model.safetensors").read_bytes() for folder in folders}
        self.assertEqual(len(models), 1, "other weights by srun, by mpirun in a job, or by mpirun on one host")

    def test_7_a_job_at_its_time_limit_goes_on(self):
        job = self.limited
        wait_for(lambda: "start 2" in self.output(job), 120, lambda: self.describe(job))
        self.assertIn("stopped on request", self.output(job))
        wait_for(lambda: "going on from" in self.output(job), 60, lambda: self.describe(job))
        self.slurm.command("scancel", job)

    def test_8_jobs_outlive_a_killed_node_and_a_cut_link(self):
        jobs = [self.submit(nodes=2), self.submit(nodes=2)]
        for job in jobs:
            self.wait_for_checkpoint(job)
        places = [self.slurm.nodes_of(job) for job in jobs]
        self.slurm.kill_node(places[0][1])
        self.hosts.cut(places[1][1])
        for job in jobs:
            self.wait_until_completed(job)
            self.check_result(job, restarts=1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv, verbosity=2)
