"""A real Slurm over emulated hosts: slurmctld on n0, slurmd on n1 … n4, a partition `low` that `high` preempts."""

import re
import subprocess

from hosts import FOLDER, read, wait_for

NODES = ("n1", "n2", "n3", "n4")
SPOOL = FOLDER / "slurm"

# Times are short. config_overrides: the nodes have what stands here, whatever the machine has. cred_expire: a requeued job
# would wait 120 s otherwise.
CONFIGURATION = f"""
ClusterName=emulated
SlurmctldHost=n0
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
StateSaveLocation={SPOOL}/state
SlurmdSpoolDir={SPOOL}/%n
SlurmctldPidFile={SPOOL}/slurmctld.pid
SlurmdPidFile={SPOOL}/slurmd-%n.pid
SlurmctldLogFile={SPOOL}/slurmctld.log
SlurmdLogFile={SPOOL}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
KillWait=4
SlurmdTimeout=8
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SchedulerParameters=bf_interval=1,sched_interval=1,requeue_delay=0
SlurmctldParameters=preempt_send_user_signal
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=n[1-4] CPUs=2 RealMemory=2000 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes=n[1-4] Default=YES PriorityTier=1 PreemptMode=REQUEUE GraceTime=10 MaxTime=INFINITE State=UP
PartitionName=high Nodes=n[1-4] PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP
"""


class Slurm:
    """Runs between start() and stop()."""

    def __init__(self, hosts):
        self.hosts = hosts
        (SPOOL / "state").mkdir(parents=True)
        for node in NODES:
            (SPOOL / node).mkdir()
        self.configuration = SPOOL / "slurm.conf"
        self.configuration.write_text(CONFIGURATION)
        # Jobs may ask for GPUs, but do not get any: two devices that every machine has stand for them.
        (SPOOL / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")
        self.environment = ["env", f"SLURM_CONF={self.configuration}"]
        self.daemons = {}

    def start(self):
        """Starts all daemons and waits until every node is idle."""
        self._start("n0", "slurmctld", "-D", "-i")
        for node in NODES:
            self._start(node, "slurmd", "-D", "-N", node)
        wait_for(lambda: self.states() == {node: "idle" for node in NODES}, 60,
                 lambda: f"idle nodes: {self.states()}\n{self.logs()}")

    def stop(self):
        for daemon in self.daemons.values():
            daemon.kill()
            daemon.wait()

    def _start(self, host, *words):
        self.daemons[host] = self.hosts.start(host, *self.environment, *words, log=SPOOL / f"{host}.out")

    def kill_node(self, node):
        """What a node's power cut does: all its processes end at once and its link is dead."""
        self.hosts.cut(node)
        self.daemons[node].kill()
        self.daemons[node].wait()
        for process in self.hosts.call("n0", "ip", "netns", "pids", node).split():
            subprocess.run(["kill", "-KILL", process], stderr=subprocess.DEVNULL, check=False)

    def command(self, *words, **keywords):
        """What a command of Slurm prints, called on n0."""
        return self.hosts.call("n0", *self.environment, *words, **keywords)

    def states(self):
        try:
            lines = self.command("sinfo", "--noheader", "--Node", "--partition=low", "--format=%N %t").split("\n")
        except AssertionError:
            return {}
        return dict(line.split() for line in lines if line)

    def submit(self, *words, **keywords):
        return int(self.command("sbatch", "--parsable", *words, **keywords))

    def job(self, number):
        """What Slurm says about a job, by its names for it."""
        return dict(re.findall(r"(\S+?)=(\S*)", self.command("scontrol", "show", "job", number)))

    def has_ended(self, number):
        """Whether a job, or every task of an array, is neither waiting nor running."""
        return not self.command("squeue", "--noheader", f"--jobs={number}")

    def nodes_of(self, number):
        return self.command("scontrol", "show", "hostnames", self.job(number)["NodeList"]).split()

    def wait_for_state(self, number, states, seconds):
        def reached():
            job = self.job(number)
            return job if job["JobState"] in states else None

        return wait_for(reached, seconds, lambda: f"job {number} in {states}: {self.job(number)}")

    def logs(self):
        return "\n".join(f"--- {path.name}\n{read(path)[-3000:]}" for path in sorted(SPOOL.glob("*.log")))


