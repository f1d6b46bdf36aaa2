"""A libvirtd of our own: its own configuration, state and socket, unseen by the machine's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab.processes import running

#: As root, libvirtd keeps these places whatever its options say. In a mount namespace of its own
#: they are folders of the lab, so that a libvirt that is in use on this machine notices nothing.
_PLACES = ("/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt")

_DAEMON = """
listen_tls = 0
listen_tcp = 0
unix_sock_dir = "{sockets}"
auth_unix_ro = "none"
auth_unix_rw = "none"
"""

_QEMU = """
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
stdio_handler = "file"
namespaces = []
cgroup_controllers = []
"""

_POOL = "<pool type='dir'><name>default</name><target><path>{path}</path></target></pool>"


@dataclass(frozen=True, kw_only=True)
class Libvirt:
    """A running libvirtd at ``uri``."""

    uri: str
    folder: Path

    def virsh(self, *words: str) -> str:
        """Run one virsh command and return what it prints."""
        return subprocess.run(
            ["virsh", "--quiet", "--connect", self.uri, *words],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def define(self, kind: str, xml: str) -> None:
        """Define a domain (``""``) or a pool (``pool-``) from ``xml``."""
        file = self.folder / "define.xml"
        file.write_text(xml)
        self.virsh(f"{kind}define", str(file))


@contextmanager
def libvirtd(folder: Path) -> Iterator[Libvirt]:
    """Run a libvirtd in ``folder``; whatever machines it runs at the end are stopped.

    It and its machines live in a process namespace: with its first process, all of them are gone.
    """
    for name in ("sockets", "pool"):
        (folder / name).mkdir()
    # Unix sockets have short names; libvirtd would refuse a long one with few words.
    sockets = folder / "sockets"
    assert len(str(sockets)) < 80, f"the folder's name is too long for a socket: {folder}"
    mounts = []
    for place in (*_PLACES, "/run/libvirt"):
        own = folder / "root" / place.strip("/")
        own.mkdir(parents=True)
        mounts.append(f"mkdir -p {place} && mount --bind {own} {place}")
    (folder / "root/etc/libvirt/qemu.conf").write_text(_QEMU)
    configuration = folder / "libvirtd.conf"
    configuration.write_text(_DAEMON.format(sockets=sockets))
    start = f"libvirtd -f {configuration} -p {folder}/libvirtd.pid"
    # The shell is process 1 of the namespace: it stays to reap what libvirtd leaves orphaned.
    script = f"{' && '.join(mounts)} && {{ {start} & wait; }}"
    server = Libvirt(uri=f"qemu+unix:///system?socket={sockets}/libvirt-sock", folder=folder)
    with running(
        [
            *("unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"),
            *("sh", "-c", script),
        ],
        log=folder / "libvirtd.log",
        ready=(sockets / "libvirt-sock").exists,
    ) as process:
        try:
            server.define("pool-", _POOL.format(path=folder / "pool"))
            server.virsh("pool-start", "default")
            yield server
        finally:
            _stop_all(server)
            process.kill()  # unshare is deaf to politer signals
            process.wait()


def _stop_all(server: Libvirt) -> None:
    with suppress(subprocess.SubprocessError):
        for name in server.virsh("list", "--name").split():
            server.virsh("destroy", name)
