"""Parts of the virtual machines: QMP as QEMU may speak it, the command line, what is refused."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from provision.cli import cli
from provision.core.errors import ConfigError
from provision.sim import personalities
from provision.sim.qemu import Qemu, qmp, topology
from provision.sim.qemu.qmp import Qmp, QmpError
from provision.sim.spec import ServerSpec


class Peer:
    """The other end of a QMP connection."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self.asked: list[dict[str, Any]] = []

    async def start(self) -> None:
        """Greet, and accept the negotiation."""
        self._reader, self._writer = await asyncio.open_unix_connection(sock=self._end)
        self.say({"QMP": {"version": {}, "capabilities": []}})
        self.say({"return": {}, "id": (await self.hear())["id"]})

    async def hear(self) -> dict[str, Any]:
        """Return the next command."""
        self.asked.append(json.loads(await self._reader.readline()))
        return self.asked[-1]

    def say(self, message: object) -> None:
        """Send a message."""
        self._writer.write(json.dumps(message).encode() + b"\n")

    def leave(self) -> None:
        """End the connection."""
        self._writer.close()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Qmp, Peer, list[str]]]:
    """Give both ends of a connection, negotiated, and the events that were heard."""
    heard: list[str] = []
    ours, theirs = socket.socketpair()
    client, peer = Qmp(lambda name, _data: heard.append(name)), Peer(theirs)
    await asyncio.gather(client.connect(ours), peer.start())
    try:
        yield client, peer, heard
    finally:
        peer.leave()
        await client.drained()


async def test_answers_belong_to_their_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes late, to a command that was given up, is not taken for the next one's."""
    monkeypatch.setattr(qmp, "_PATIENCE", 0.1)
    async with connected() as (client, peer, heard):
        with pytest.raises(QmpError, match="eject: QEMU does not answer"):
            await client.command("eject", id="cd")
        late = await peer.hear()
        monkeypatch.setattr(qmp, "_PATIENCE", 10)
        asking = asyncio.create_task(client.command("query-status"))
        wanted = await peer.hear()
        peer.say({"event": "TRAY_MOVED"})
        peer.say({"return": "of the first", "id": late["id"]})
        peer.say({"return": "of the second", "id": wanted["id"]})
        assert await asking == "of the second"
        assert heard == ["TRAY_MOVED"]


async def test_a_refusal_is_told_in_qemus_words() -> None:
    """An error answer is raised with the command and QEMU's description."""
    async with connected() as (client, peer, _):
        asking = asyncio.create_task(client.command("eject", id="cd"))
        wanted = await peer.hear()
        peer.say({"error": {"class": "GenericError", "desc": "it is locked"}, "id": wanted["id"]})
        with pytest.raises(QmpError, match="eject: it is locked"):
            await asking


async def test_the_end_of_qemu_ends_what_waits() -> None:
    """A command under way, and one after it, fail at once."""
    async with connected() as (client, peer, _):
        asking = asyncio.create_task(client.command("system_powerdown"))
        await peer.hear()
        peer.leave()
        with pytest.raises(QmpError, match="QEMU ended"):
            await asking
        with pytest.raises(QmpError, match="QEMU is gone"):
            await client.command("system_powerdown")


async def test_qemu_that_never_was() -> None:
    """A process that ended before it greeted is told as such."""
    ours, theirs = socket.socketpair()
    theirs.close()
    client = Qmp(lambda _name, _data: None)
    with pytest.raises(QmpError, match="ended before it answered"):
        await client.connect(ours)
    await client.drained()


def test_names_cannot_add_options(tmp_path: Path) -> None:
    """Commas and equals signs in names and paths stay in the value they are in."""
    odd = tmp_path / 'a,b=c "d"'
    files = topology.Files(
        code=odd, variables=odd, serial=odd, disk=odd, stick=odd, disc=odd / "cd.iso"
    )
    spec = ServerSpec(name="u1,x=y", serial="S,uuid=0", memory=(512,))
    words = topology.command(spec, files, virtualization=True, control=3)
    assert "provision-sim-u1,,x=y" in words
    assert any("serial=S,,uuid=0" in word for word in words)
    disks = [json.loads(word) for word in words if word.startswith('{"driver": "raw"')]
    assert {each["file"]["filename"] for each in disks} == {str(odd), str(odd / "cd.iso")}


def test_virtual_machines_have_what_qemu_gives() -> None:
    """A spec loses what no virtual machine has, so that the BMC does not tell of it."""
    rich = ServerSpec(name="u01", sockets=2, memory=(1 << 20,) * 4)
    fitted = Qemu().fit(rich)
    assert (fitted.sockets, fitted.nics, fitted.tpm, fitted.iommu) == (1, (), "", False)
    assert fitted.memory_mib <= 2048
    assert fitted.name == rich.name
    small = replace(rich, memory=(512,))
    assert Qemu().fit(small).memory_mib == 512


def test_personalities_have_no_virtual_machine() -> None:
    """Refused, rather than served with half of it."""
    (spec,) = personalities.specs([("hpe-ilo5", 1)])
    with pytest.raises(ConfigError, match="personality"):
        Qemu().fit(spec)


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without QEMU the command ends with what to install, and nothing is left running."""
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["sim", "up", "--backend", "qemu", "--servers", "1", "--dir", str(tmp_path / "r")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code != 0
    assert isinstance(done.exception, ConfigError)
    assert "apt install qemu-system-x86 ovmf" in done.exception.hint
