"""Emulated hosts: a network namespace each, on one bridge, with a host name, /tmp and /dev/shm of their own.

For use inside isolation.enter(): all is made in private mounts under /run, and gone with the last process."""

import os
import subprocess
import time
from pathlib import Path

FOLDER = Path("/run/cluster")
NETWORK = "10.77.0"

ON_HOST = """
host=$1; shift
exec nsenter --net=/run/netns/$host unshare --mount --uts --ipc sh -c '
  hostname '$host'
  mount --bind /run/cluster/tmp/'$host' /tmp
  mount --bind /run/cluster/hosts /etc/hosts
  mount -t tmpfs shm /dev/shm
  exec "$@"' sh "$@"
"""


def call(*words, **keywords):
    """Runs a command that has to succeed, and returns what it prints."""
    result = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, universal_newlines=True, check=False, timeout=60, **keywords)
    if result.returncode != 0:
        raise AssertionError(f"status {result.returncode} of {words}:\n{result.stdout}")
    return result.stdout


class Hosts:
    """`names` are those of the hosts, 10.77.0.10 and on; the first one holds the bridge."""

    def __init__(self, names):
        self.names = names
        self.daemons = []
        call("mount", "--make-rprivate", "/")
        call("mount", "-t", "tmpfs", "run", "/run")
        FOLDER.mkdir()
        (FOLDER / "hosts").write_text("127.0.0.1 localhost\n" + "".join(
            f"{NETWORK}.{number} {name}\n" for number, name in enumerate(names, 10)))
        (FOLDER / "on_host").write_text("#!/bin/sh" + ON_HOST)
        (FOLDER / "on_host").chmod(0o755)
        for number, name in enumerate(names, 10):
            (FOLDER / "tmp" / name).mkdir(parents=True)
            (FOLDER / "tmp" / name).chmod(0o1777)
            call("ip", "netns", "add", name)
            self._ip(name, "link set lo up")
            if number == 10:
                self._ip(name, "link add bridge type bridge")
                self._address(name, "bridge", number)
            else:
                self._ip(names[0], f"link add {name} type veth peer name eth0 netns {name}")
                self._ip(names[0], f"link set {name} master bridge up")
                self._address(name, "eth0", number)

    def _address(self, host, device, number):
        self._ip(host, f"addr add {NETWORK}.{number}/24 dev {device}")
        self._ip(host, f"link set {device} up")

    @staticmethod
    def _ip(host, words):
        call("ip", "-n", host, *words.split())

    @staticmethod
    def on(host, *words):
        """The words of a command on a host."""
        return [str(FOLDER / "on_host"), host, *map(str, words)]

    def call(self, host, *words, **keywords):
        return call(*self.on(host, *words), **keywords)

    def cut(self, host):
        """Cuts the link of a host; nobody is told."""
        self._ip(self.names[0], f"link set {host} down")

    def mend(self, host):
        self._ip(self.names[0], f"link set {host} up")

    def limit(self, host, rate):
        """Slows down what a host sends, to a rate in the words of tc, such as 200mbit."""
        call("tc", "-n", host, *f"qdisc replace dev eth0 root tbf rate {rate} burst 128kb latency 100ms".split())

    def start(self, host, *words, log):
        """Starts a daemon. It ends with the test, at the latest."""
        with Path(log).open("ab") as output:
            daemon = subprocess.Popen(self.on(host, *words), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.daemons.append(daemon)
        return daemon


def wait_for(condition, seconds, what):
    """The first true value of the condition. Throws AssertionError, saying what was waited for, after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.1)


def read(path):
    """The text of a file, empty if there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def program_copy(program):
    """The program and the scripts of launch/ in a place that all emulated hosts see, wherever the project is. Returns the
    project's folder there and the program's path."""
    project = FOLDER / "project"
    source = Path(__file__).resolve().parents[2]
    project.mkdir()
    call("cp", "-r", source / "launch", project / "launch")
    call("cp", program, project / "sibp_dist")
    return project, project / "sibp_dist"


# The hosts share this machine's cores, so a rank that waits has to give way.
os.environ.update({"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1",
                   "OMPI_MCA_mpi_yield_when_idle": "1"})
