"""sushy-emulator: somebody else's Redfish service, over HTTPS with a password."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.lab.libvirt import Libvirt
from tests.lab.needs import OVMF_KEYS, OVMF_SECURE_CODE, OVMF_VARS, SEABIOS
from tests.lab.processes import running

USER = "admin"
PASSWORD = "correct horse"

_CONFIGURATION = """
SUSHY_EMULATOR_LISTEN_IP = "127.0.0.1"
SUSHY_EMULATOR_LISTEN_PORT = {port}
SUSHY_EMULATOR_AUTH_FILE = {accounts!r}
SUSHY_EMULATOR_LIBVIRT_URI = {uri!r}
SUSHY_EMULATOR_STATE_DIR = {state!r}
SUSHY_EMULATOR_BOOT_LOADER_MAP = {{
    "UEFI": {{"x86_64": {uefi!r}}},
    "Legacy": {{"x86_64": {bios!r}}},
}}
SUSHY_EMULATOR_SECURE_BOOT_DISABLED_NVRAM = {variables!r}
SUSHY_EMULATOR_SECURE_BOOT_ENABLED_NVRAM = {keys!r}
"""


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """A running emulator: its address, the CA of its certificate, and what it was asked."""

    url: str
    ca_file: Path
    log: Path

    def requests(self, method: str, path: str) -> list[str]:
        """Return the requests seen so far whose method and path (a pattern) match."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text(errors="replace"))
        lines = re.findall(r'"([A-Z]+ \S+) HTTP/1\.\d" \d+', text)
        return [line for line in lines if re.fullmatch(f"{method} {path}", line)]

    def resets(self) -> int:
        """Return how often a power action was asked for."""
        return len(self.requests("POST", r"/redfish/v1/Systems/[^/]+/Actions/ComputerSystem.Reset"))


@contextmanager
def emulator(
    libvirt: Libvirt, folder: Path, ca: trustme.CA, *, host: str = "127.0.0.1"
) -> Iterator[Emulator]:
    """Run an emulator over ``libvirt``; its certificate is for ``host``, rightly or not."""
    folder.mkdir()
    files = {name: folder / name for name in ("cert.pem", "key.pem", "ca.pem", "accounts")}
    certificate = ca.issue_cert(host)
    certificate.private_key_pem.write_to_path(files["key.pem"])
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(files["cert.pem"], append=number > 0)
    ca.cert_pem.write_to_path(files["ca.pem"])
    files["accounts"].write_text(f"{USER}:{_hashed(PASSWORD)}\n")
    port = _free_port()
    configuration = folder / "emulator.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            port=port,
            accounts=str(files["accounts"]),
            uri=libvirt.uri,
            state=str(folder / "state"),
            uefi=str(OVMF_SECURE_CODE),
            bios=str(SEABIOS),
            variables=str(OVMF_VARS),
            keys=str(OVMF_KEYS),
        )
    )
    log = folder / "emulator.log"
    command: list[str | Path] = [
        *(sys.executable, "-m", "sushy_tools.emulator.main", "--config", configuration),
        *("--ssl-certificate", files["cert.pem"], "--ssl-key", files["key.pem"]),
    ]
    with running(command, log=log, ready=lambda: _accepts(port)):
        yield Emulator(url=f"https://127.0.0.1:{port}", ca_file=files["ca.pem"], log=log)


def _hashed(password: str) -> str:
    import bcrypt

    # The cheapest cost: every request of a test pays it.
    hashed: bytes = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=4))
    return hashed.decode()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def is_off(libvirt: Libvirt, name: str) -> bool:
    """Whether the machine is off, asked past the emulator."""
    try:
        return "shut off" in libvirt.virsh("domstate", name)
    except subprocess.CalledProcessError:
        return True
