"""A root folder with nothing but the C library, a shell and a bundle that cannot be written to, and commands run in it by a
user without rights, by chroot in a namespace of mounts."""

import os
import re
import shutil
import subprocess
from pathlib import Path

USER = "12345:12345"
C_LIBRARY = ("libc.so.6", "libm.so.6", "libmvec.so.1", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1",
             "libresolv.so.2")
# In the namespace: $1 is the root, $2 the bundle's place in it, $3 the bundle, then comes the command.
SCRIPT = """
set -e
root=$1 place=$1$2 bundle=$3
shift 3
mount --bind "$bundle" "$place"
mount -o remount,ro,bind "$place"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
cd /
exec "$@"
"""


def is_root():
    return os.geteuid() == 0


def namespace():
    """The words that start a command in namespaces of its own."""
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", *([] if is_root() else ["--user", "--map-root-user"])]


def why_not():
    """Why no such root can be had here; nothing if it can."""
    if not shutil.which("unshare") or not shutil.which("chroot"):
        return "unshare and chroot are not on the path"
    mount = ["mount", "-t", "proc", "proc", "/proc"]
    trial = subprocess.run([*namespace(), *mount], capture_output=True, text=True, check=False)
    return f"no namespaces for this user: {trial.stderr.strip()}" if trial.returncode != 0 else ""


def needs_of(program):
    """The libraries that a program needs, the loader among them."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", text)]


class BareRoot:
    """`place` is the path of the bundle inside."""

    def __init__(self, folder, bundle, place):
        self.root, self.bundle, self.place = folder, bundle, place
        for name in ("dev", "proc", "sys", "bin", "tmp", place.lstrip("/")):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)
        (folder / "tmp").chmod(0o1777)
        shell = Path("/bin/sh")
        libraries = needs_of(shell)
        home = next(path.parent for path in libraries if path.name == "libc.so.6")
        self._copy(shell, *libraries, *(home / name for name in C_LIBRARY if (home / name).is_file()))

    def _copy(self, *files):
        for file in files:
            place = self.root / file.relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)

    def run(self, command, **variables):
        """Runs a line for the shell in the folder /tmp of the root; what came of it."""
        user = [f"--userspec={USER}"] if is_root() else []
        if not is_root():  # the only user that there is in the namespace is root
            variables |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        chroot = shutil.which("chroot")
        line = f"cd /tmp && {command}"
        return subprocess.run([*namespace(), "sh", "-c", SCRIPT, "sh", self.root, self.place, self.bundle, chroot, *user,
                               self.root, "/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={"PATH": "/bin:/usr/bin:/sbin:/usr/sbin", **variables}, timeout=120, check=False)
