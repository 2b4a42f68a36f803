"""Lets a test script run in namespaces of its own: hosts, mounts and processes that it makes vanish with it."""

import os
import shutil
import subprocess
import sys

INSIDE = "INSIDE_NAMESPACES"
FLAGS = ["--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child=KILL", "--mount-proc"]


def reason_to_skip(programs):
    """Why a test that needs these programs and namespaces cannot run here; empty if it can."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in ("unshare", "nsenter", "ip", *programs) if not shutil.which(name, path=path)]
    if missing:
        return f"no {', '.join(missing)}; launch/install.sh cluster installs what is missing"
    if os.geteuid() != 0:
        return "not root, so no hosts can be emulated"
    # A bridge and a pair of devices are more than a network namespace: some kernels have the one without the others.
    probe = "mount -t tmpfs run /run && ip link add bridge0 type bridge && ip link add pair0 type veth peer name pair1"
    tried = subprocess.run(["unshare", *FLAGS, "sh", "-c", probe], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, universal_newlines=True, check=False, timeout=60)
    return f"namespaces are not allowed here: {tried.stderr.strip()}" if tried.returncode != 0 else ""


def enter(programs):
    """Runs this script again inside, unless it is there already or cannot be. Returns why not; empty inside."""
    if os.environ.get(INSIDE):
        return ""
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    reason = reason_to_skip(programs)
    if not reason:
        os.environ[INSIDE] = "yes"
        os.execvp("unshare", ["unshare", *FLAGS, sys.executable, "-B", *sys.argv])
    return reason
