"""An ssh server on each emulated host, and mpirun's options to start ranks through them."""

from hosts import FOLDER, NETWORK, call, wait_for

KEYS = FOLDER / "ssh"

SERVER = f"""
HostKey {KEYS}/host_key
AuthorizedKeysFile {KEYS}/key.pub
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile none
AcceptEnv OMPI_*
"""

CLIENT = f"""
Host *
  IdentityFile {KEYS}/key
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
  SendEnv OMPI_*
"""


def start_servers(hosts):
    """Starts a server on every host. They end with the test."""
    KEYS.mkdir()
    call("mkdir", "-p", "/run/sshd")
    for name in ("host_key", "key"):
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEYS / name)
    (KEYS / "sshd_config").write_text(SERVER)
    (KEYS / "ssh_config").write_text(CLIENT)
    sshd = call("sh", "-c", "command -v sshd").strip()  # it must be called by its whole path
    for host in hosts.names:
        hosts.start(host, sshd, "-D", "-e", "-f", KEYS / "sshd_config", log=KEYS / f"{host}.log")
    for host in hosts.names:
        wait_for(lambda host=host: can_log_in(hosts, host), 20, f"an answer of sshd on {host}")


def can_log_in(hosts, host):
    try:
        return hosts.call(hosts.names[0], "ssh", "-F", KEYS / "ssh_config", host, "hostname").strip() == host
    except AssertionError:
        return False


def mpirun_over_ssh(hosts):
    """mpirun with one rank on each of these hosts, by way of their ssh servers."""
    return ["mpirun", "--host", ",".join(hosts), "--bind-to", "none", "--mca", "plm", "rsh",
            "--mca", "plm_rsh_args", f"-F {KEYS}/ssh_config", "--mca", "btl_tcp_if_include", f"{NETWORK}.0/24",
            "--mca", "oob_tcp_if_include", f"{NETWORK}.0/24"]
