"""An outside judge: every verb against sushy-tools' emulator with its fake machine.

It has no sessions, keeps every boot override, knows sticks as disks and answers 500 where it has
nothing to say.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from provision.bmc import bios, inventory, system, virtual_media
from provision.bmc.client import Access, Bmc, Tls, connect
from provision.bmc.errors import NotSupported
from provision.core.errors import CredentialsError, Unreachable
from provision.core.secrets import Secret
from tests.bmc.hostile import Certificates
from tests.serving import served

pytest.importorskip("sushy_tools", reason="EMULATOR LEFT OUT: sushy-tools is not installed")
bcrypt = pytest.importorskip("bcrypt")
pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def port() -> int:
    """A free port, a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def access(
    port: int, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Access]:
    """How to reach an emulator that runs for this module."""
    folder = tmp_path_factory.mktemp("emulator")
    leaf = certificates.leaf()
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    hashed = bcrypt.hashpw(b"password", bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"admin:{hashed}\n")
    (folder / "conf.py").write_text(
        "SUSHY_EMULATOR_LISTEN_IP='127.0.0.1'\n"
        f"SUSHY_EMULATOR_LISTEN_PORT={port}\n"
        f"SUSHY_EMULATOR_AUTH_FILE='{folder}/htpasswd'\n"
        f"SUSHY_EMULATOR_STATE_DIR='{folder}'\n"
    )
    program = Path(sys.executable).with_name("sushy-emulator")
    words = ["--fake", "--config", "conf.py"]
    words += ["--ssl-certificate", "cert.pem", "--ssl-key", "key.pem"]
    with (folder / "log").open("w") as log:
        emulator = subprocess.Popen(
            [program, *words],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    wanted = Access(
        url=f"https://127.0.0.1:{port}",
        user="admin",
        password=Secret("password"),
        tls=Tls.CA,
        ca_file=certificates.ca_file(folder),
        timeout=10,
    )
    yield wanted
    emulator.terminate()
    emulator.wait(10)


@pytest.fixture
async def emulated(access: Access) -> AsyncIterator[Bmc]:
    """A connection to it, as soon as it is up."""
    for _ in range(100):
        try:
            async with connect(access) as bmc:
                yield bmc
                return
        except Unreachable:
            await asyncio.sleep(0.2)
    pytest.fail("the emulator did not come up")


async def test_what_it_is(emulated: Bmc, caplog: pytest.LogCaptureFixture) -> None:
    """Recognised, logged in by Basic, read as far as it tells; no fuss about Storage (500)."""
    assert emulated.platform.id == "sushy"
    facts = await inventory.read_facts(emulated)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert facts["system.vendor"].value == "Sushy Emulator"
    assert facts["media.cd_slots"].value == 1
    assert "memory.dimms_populated" not in facts


async def test_power(emulated: Bmc) -> None:
    """On, seen; off by the operating system, seen; and back to where it was."""
    await system.set_power(emulated, "force-off", wait=20)
    assert (await system.set_power(emulated, "on", wait=20)).after == "On"
    assert (await system.set_power(emulated, "on", wait=20)).sent == ""
    assert (await system.set_power(emulated, "off", wait=20)).after == "Off"


async def test_boot(emulated: Bmc) -> None:
    """A stick is a disk here, and once is for good: the result says so."""
    found = await system.set_boot(emulated, "usb", once=True, mode=None)
    assert (found.target, found.enabled) == ("Hdd", "Continuous")
    assert "cannot do it once" in found.note
    found = await system.set_boot(emulated, "cd", once=False, mode="uefi")
    assert (found.target, found.mode, found.note) == ("Cd", "UEFI", "")
    with pytest.raises(NotSupported):
        await system.clear_boot(emulated)


async def test_media(emulated: Bmc, tmp_path: Path) -> None:
    """In, found in, out."""
    (tmp_path / "x.iso").write_bytes(bytes(65536))
    async with served(tmp_path) as address:
        url = f"{address}/x.iso"
        assert (await virtual_media.insert(emulated, url)).image == url
        assert (await virtual_media.insert(emulated, url)).image == url
        assert len(await virtual_media.eject(emulated)) == 1


async def test_bios_is_not_there(emulated: Bmc) -> None:
    """The fake machine has no BIOS settings; that is said, not guessed."""
    with pytest.raises(NotSupported):
        await bios.attributes(emulated)


async def test_a_wrong_password(access: Access, emulated: Bmc) -> None:
    """Basic authentication refused is refused credentials."""
    wrong = Access(**{**vars(access), "password": Secret("wrong-one")})
    with pytest.raises(CredentialsError):
        async with connect(wrong):
            pass
