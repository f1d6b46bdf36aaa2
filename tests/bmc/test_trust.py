"""Who the BMC is: settled before any credential leaves us, and held to afterwards."""

from __future__ import annotations

import asyncio
import json
import ssl
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from provision.bmc.client import Access, Tls, connect
from provision.bmc.errors import IdentityChanged
from provision.bmc.known import KnownBmcs, spelled
from provision.core.errors import ConfigError, IdentityError, Timeout, Unreachable
from provision.core.events import Event, Phase
from tests.bmc.hostile import SYSTEM, Certificates, HostileBmc

Reach = Callable[..., Access]


def fingerprint(leaf: trustme.LeafCert) -> str:
    """What openssl would print for a certificate."""
    return spelled(ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode()))


async def identity(access: Access, told: list[Event] | None = None) -> dict[str, str]:
    """Connect once; return how the BMC's identity was established."""
    async with connect(access, observer=(told if told is not None else []).append) as client:
        return client.tls or {}


async def test_a_ca_that_verifies_is_enough(bmc: HostileBmc, access: Reach) -> None:
    """In auto and ca, a certificate its CA vouches for is accepted without a word."""
    told: list[Event] = []
    for tls in (Tls.AUTO, Tls.CA):
        assert (await identity(access(tls=tls), told))["how"] == "ca"
    assert told == []


async def test_the_first_sight_is_told_and_pinned(
    bmc: HostileBmc, access: Reach, state: Path
) -> None:
    """Without a CA the fingerprint is told once, kept private to its user, and enforced."""
    told: list[Event] = []
    auto = access(tls=Tls.AUTO, ca_file=None)
    first = await identity(auto, told)
    again = await identity(auto, told)
    assert (first["how"], again["how"]) == ("first-use", "pin")
    assert [event.phase for event in told] == [Phase.NOTE]
    assert first["sha256"] in told[0].message
    pins = state / "known_bmcs"
    assert stat.S_IMODE(pins.stat().st_mode) == 0o600
    entry = json.loads(pins.read_text())["bmcs"][f"127.0.0.1:{bmc.port}"]
    assert entry["sha256"] == first["sha256"]


@pytest.mark.parametrize("tls", [Tls.AUTO, Tls.PIN])
async def test_a_changed_certificate_is_a_hard_stop(
    bmc: HostileBmc, access: Reach, certificates: Certificates, tls: Tls
) -> None:
    """Another certificate than the pinned one: exit status 8, and not one request was sent."""
    reach = access(tls=tls, ca_file=None)
    await identity(reach)
    bmc.show(other := certificates.leaf())
    bmc.requests.clear()
    with pytest.raises(IdentityChanged, match="known_bmcs") as caught:
        await identity(reach)
    assert fingerprint(other) in str(caught.value)
    assert caught.value.status == 8
    assert bmc.requests == []


async def test_a_ca_that_no_longer_vouches_is_a_hard_stop(bmc: HostileBmc, access: Reach) -> None:
    """Who takes the BMC's place with a certificate of his own is not pinned as if new."""
    await identity(access())
    forgotten = access(tls=Tls.AUTO, ca_file=None)
    assert (await identity(forgotten))["how"] == "pin"  # the same certificate as then
    bmc.show(trustme.CA().issue_cert("127.0.0.1"))
    bmc.requests.clear()
    with pytest.raises(IdentityChanged, match="no CA vouches"):
        await identity(forgotten)
    assert bmc.requests == []


async def test_ca_refuses_what_it_does_not_vouch_for(
    bmc: HostileBmc, access: Reach, tmp_path: Path
) -> None:
    """Strict means strict, and a CA that was named is strict in auto too."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for reach in (access(ca_file=None), access(ca_file=other), access(ca_file=other, tls=Tls.AUTO)):
        with pytest.raises(IdentityError) as caught:
            await identity(reach)
        assert caught.value.status == 8
    assert bmc.requests == []


async def test_a_certificate_of_another_host(
    bmc: HostileBmc, access: Reach, certificates: Certificates
) -> None:
    """A good certificate for another name is no proof, and the error says what is wrong."""
    bmc.show(certificates.leaf("other.example"))
    with pytest.raises(IdentityError, match="another host"):
        await identity(access())
    assert bmc.requests == []


async def test_pin_asks_no_ca(bmc: HostileBmc, access: Reach) -> None:
    """With pin only the certificate itself counts."""
    assert (await identity(access(tls=Tls.PIN)))["how"] == "first-use"
    assert (await identity(access(tls=Tls.PIN)))["how"] == "pin"


async def test_insecure_is_said_aloud(
    bmc: HostileBmc, access: Reach, certificates: Certificates, state: Path
) -> None:
    """Nothing is checked and nothing is remembered, every time with a warning and in the record."""
    told: list[Event] = []
    for _ in range(2):
        bmc.show(certificates.leaf("whoever.example"))
        assert (await identity(access(tls=Tls.INSECURE, ca_file=None), told))["how"] == "insecure"
    assert len(told) == 2
    assert "INSECURE" in told[0].message
    assert not (state / "known_bmcs").exists()


async def test_a_swap_after_the_handshake_is_noticed(
    bmc: HostileBmc, access: Reach, certificates: Certificates
) -> None:
    """What was accepted is held to on every later connection of the same job."""
    with pytest.raises(IdentityChanged):  # noqa: PT012 - the swap happens inside
        async with connect(access(tls=Tls.AUTO, ca_file=None)) as client:
            bmc.show(certificates.leaf())
            bmc.on["GET", "/redfish/v1/Systems"] = _hang_up
            await client.system()


async def _hang_up(_request: object) -> None:
    """Force a new connection."""


async def test_no_tls_at_all(access: Reach) -> None:
    """A plain-text port is named as such, and a silent one is given up in time."""

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)
        writer.close()

    for behaviour, error in ((talk, Unreachable), (silence, Timeout)):
        listener = await asyncio.start_server(behaviour, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(error):
            await identity(access(url=f"https://127.0.0.1:{port}", timeout=0.5))
        listener.close()
        await listener.wait_closed()


async def test_a_ca_file_that_is_none(bmc: HostileBmc, access: Reach, tmp_path: Path) -> None:
    """A missing file, and one without a certificate, are our configuration's fault."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=str(path)):
            await identity(access(ca_file=path))


async def meet(access: Access, bmc: HostileBmc, serial: object) -> list[str]:
    """Connect to a BMC of a server with that serial number; return what was told."""
    bmc.tree[SYSTEM]["SerialNumber"] = serial
    told: list[Event] = []
    async with connect(access, observer=told.append) as client:
        await client.system()
        await client.system()
    return [event.message for event in told if "pinned" not in event.message]


@pytest.mark.parametrize("tls", [Tls.AUTO, Tls.PIN, Tls.CA])
async def test_another_server_behind_the_same_address_is_told(
    bmc: HostileBmc, access: Reach, tls: Tls
) -> None:
    """A pin is of an address and of the serial number behind it."""
    reach = access(tls=tls) if tls is Tls.CA else access(tls=tls, ca_file=None)
    assert await meet(reach, bmc, "S1") == []
    assert await meet(reach, bmc, "S1") == []
    (told,) = await meet(reach, bmc, "S2")
    assert "another server" in told
    assert "S1" in told
    assert "S2" in told
    assert await meet(reach, bmc, "S2") == []


@pytest.mark.parametrize("same_key", [True, False])
async def test_the_same_server_behind_another_address_is_told(
    bmc: HostileBmc, access: Reach, leaf: trustme.LeafCert, same_key: bool
) -> None:
    """It may have moved, or somebody shows its name: all the more with another certificate."""
    auto = access(tls=Tls.AUTO, ca_file=None)
    assert await meet(auto, bmc, "S1") == []
    other = leaf if same_key else trustme.CA().issue_cert("127.0.0.1")
    async with HostileBmc(other).listening() as elsewhere:
        moved = replace(auto, url=f"https://127.0.0.1:{elsewhere.port}")
        (told,) = await meet(moved, elsewhere, "S1")
        assert f"127.0.0.1:{bmc.port}" in told
        assert ("another certificate" in told) is not same_key
        assert await meet(moved, elsewhere, "S1") == []


@pytest.mark.parametrize("serial", [None, "", "N/A", "0000000", 7, {}, "S\u202e1\x1b"])
async def test_serials_that_are_none_are_not_met(
    bmc: HostileBmc, access: Reach, state: Path, serial: object
) -> None:
    """Placeholders are shared by many; what is odd is made safe before it is kept."""
    auto = access(tls=Tls.AUTO, ca_file=None)
    assert await meet(auto, bmc, serial) == []
    assert "\\u202e" not in (state / "known_bmcs").read_text()
    assert "\u202e" not in (state / "known_bmcs").read_text()


async def test_insecure_meets_nobody(bmc: HostileBmc, access: Reach, state: Path) -> None:
    """What was not checked is not remembered."""
    await meet(access(tls=Tls.INSECURE, ca_file=None), bmc, "S1")
    assert not (state / "known_bmcs").exists()


def test_pins_from_before_serials_are_read(tmp_path: Path) -> None:
    """A file that an older version wrote is as good as ever."""
    entry = {"sha256": "AA", "trust": "pin", "since": "2026-01-01T00:00:00Z"}
    content = {"schema": "bareiron.known-bmcs/1", "bmcs": {"a:443": entry}}
    (tmp_path / "known_bmcs").write_text(json.dumps(content))
    known = KnownBmcs(tmp_path)
    assert known.pin("a:443", "BB")[0].sha256 == "AA"
    assert known.meet("a:443", "/s/1", "S1").before == ""
    assert known.meet("a:443", "/s/1", "S2").before == "S1"
    assert known.meet("a:443", "/s/2", "S9").before == ""


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    """Forty threads that pin at once end up with forty pins."""
    known = KnownBmcs(tmp_path)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: known.pin(f"10.0.0.{n}:443", f"{n:02X}"), range(40)))
    assert all(known.find(f"10.0.0.{n}:443") for n in range(40))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["known_bmcs", "known_bmcs.lock"]


def test_the_first_pin_wins(tmp_path: Path) -> None:
    """Two that meet a BMC at once agree on one certificate."""
    known = KnownBmcs(tmp_path)
    assert known.pin("a:443", "AA")[1] is True
    entry, new = known.pin("a:443", "BB")
    assert (entry.sha256, new) == ("AA", False)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": "other", "bmcs": {}}', "\x00"])
def test_a_damaged_file_is_said_and_kept(tmp_path: Path, content: str) -> None:
    """Pins are never thrown away because they cannot be read."""
    path = tmp_path / "known_bmcs"
    path.write_text(content)
    with pytest.raises(ConfigError, match="known_bmcs"):
        KnownBmcs(tmp_path).pin("a:443", "AA")
    assert path.read_text() == content
