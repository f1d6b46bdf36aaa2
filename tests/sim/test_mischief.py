"""Faults that spoil sessions, pages, bytes and certificates; and the grammar that plans them."""

from __future__ import annotations

import asyncio
import ssl
import zlib

import aiohttp
import pytest

from provision.sim import Rack, faults, mischief
from provision.sim.faults import Kind, broken, parse
from tests.sim.client import RESET, SESSIONS, SYSTEM, Client, client

pytestmark = pytest.mark.campaign

CHASSIS = "/redfish/v1/Chassis"


async def raw(bmc: Client, path: str, *, read: int = -1) -> tuple[aiohttp.ClientResponse, bytes]:
    """GET without decompression, reading ``read`` bytes of the body."""
    headers = {"Authorization": bmc.login}
    async with bmc.http.get(
        bmc.server.url + path, headers=headers, allow_redirects=False, auto_decompress=False
    ) as reply:
        return reply, await reply.content.read(read)


async def test_a_session_ends_in_the_middle(rack: Rack) -> None:
    """The token is refused from that request on; a new login works."""
    server = rack.servers[0]
    login = {"UserName": server.user, "Password": server.password.reveal()}
    async with client(server) as bmc:
        first = await bmc.ask("POST", SESSIONS, login, anonymous=True)
        token = {"X-Auth-Token": first.headers["X-Auth-Token"]}
        server.faults.add(broken(Kind.EXPIRE, "Chassis"))
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 200
        for path in (CHASSIS, SYSTEM):
            assert (await bmc.ask("GET", path, headers=token, anonymous=True)).status == 401
        again = await bmc.ask("POST", SESSIONS, login, anonymous=True)
        assert again.status == 201


async def test_a_full_session_table(rack: Rack) -> None:
    """503 to a login, whatever is free in truth."""
    server = rack.servers[0]
    server.faults.add(broken(Kind.FULL))
    login = {"UserName": server.user, "Password": server.password.reveal()}
    async with client(server) as bmc:
        full = await bmc.ask("POST", SESSIONS, login, anonymous=True)
        assert (full.status, full.message) == (503, "SessionLimitExceeded")
        assert (await bmc.ask("POST", SESSIONS, login, anonymous=True)).status == 201


async def test_a_restart_takes_the_bmc_and_its_sessions_away(rack: Rack) -> None:
    """Nothing is answered and nothing carried out; afterwards old tokens are void."""
    server = rack.servers[0]
    login = {"UserName": server.user, "Password": server.password.reveal()}
    async with client(server) as bmc:
        first = await bmc.ask("POST", SESSIONS, login, anonymous=True)
        token = {"X-Auth-Token": first.headers["X-Auth-Token"]}
        server.faults.add(faults.restart(0.3, "Reset"))
        with pytest.raises(aiohttp.ClientError):
            await bmc.ask("POST", RESET, {"ResetType": "On"})
        with pytest.raises(aiohttp.ClientError):
            await bmc.ask("GET", SYSTEM)
        async with asyncio.timeout(10):
            while True:
                try:
                    system = await bmc.get(SYSTEM)
                    break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
        assert system["PowerState"] == "Off"
        assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 401
    assert server.count("POST", "Reset") == 1
    assert [r.status for r in server.requests if r.path == RESET] == [0]


async def test_another_certificate_from_now_on(rack: Rack) -> None:
    """The connection lives on; the next one shows a stranger's certificate."""
    server = rack.servers[0]
    server.faults.add(broken(Kind.CERTIFICATE, "Chassis"))
    async with client(server) as bmc:
        before = await asyncio.to_thread(_certificate, server.url)
        assert (await bmc.ask("GET", CHASSIS)).status == 200
        assert await asyncio.to_thread(_certificate, server.url) != before
    async with client(server) as bmc:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await bmc.get(SYSTEM)


def _certificate(url: str) -> str:
    host, _, port = url.removeprefix("https://").partition(":")
    return ssl.get_server_certificate((host, int(port)))


async def test_pages_without_an_end(rack: Rack) -> None:
    """A page that is its own next one, and pages of which each has another."""
    server = rack.servers[0]
    server.faults.add(broken(Kind.LOOP, "Chassis"))
    async with client(server) as bmc:
        assert (await bmc.get(CHASSIS))["Members@odata.nextLink"] == CHASSIS
        server.faults.add(broken(Kind.PAGES, "Chassis", times=None))
        path = CHASSIS
        for _ in range(3):
            page = await bmc.get(path)
            assert len(page["Members"]) == 100
            path = page["Members@odata.nextLink"]


async def test_a_million_members(rack: Rack) -> None:
    """In one reply."""
    server = rack.servers[0]
    server.faults.add(broken(Kind.FLOOD, "Chassis"))
    async with client(server) as bmc:
        body = await bmc.get(CHASSIS)
        assert len(body["Members"]) == body["Members@odata.count"] == 1_000_000
        assert len((await bmc.get(CHASSIS))["Members"]) == 1


@pytest.mark.parametrize("how", faults.ABSURDITIES)
async def test_absurd_values(rack: Rack, how: str) -> None:
    """Every value but those that name the resource, and of each kind what the word says."""
    server = rack.servers[0]
    server.faults.add(broken(Kind.ABSURD, SYSTEM, detail=how))
    async with client(server) as bmc:
        system = await bmc.get(SYSTEM)
        assert system["@odata.id"] == SYSTEM
        tell = {
            "null": lambda value: value is None,
            "types": lambda value: isinstance(value, list),
            "huge": lambda value: len(value) == mischief.MIB,
            "control": lambda value: "\x1b[2J" in value,
        }
        assert tell[how](system["Model"])
        assert tell[how](system["Boot"]["BootSourceOverrideTarget"])
        if how == "huge":
            assert system["ProcessorSummary"]["Count"] == 10**400
        assert (await bmc.get(SYSTEM))["Model"] == "Simulated 1U"


async def test_bytes_that_are_no_answer(rack: Rack) -> None:
    """Elsewhere, no JSON, too deep, not to its end, a web page."""
    server = rack.servers[0]
    async with client(server) as bmc:
        server.faults.add(broken(Kind.REDIRECT, detail="http://192.0.2.7/redfish/v1"))
        reply, _ = await raw(bmc, SYSTEM)
        assert (reply.status, reply.headers["Location"]) == (307, "http://192.0.2.7/redfish/v1")
        server.faults.add(broken(Kind.GARBAGE))
        _, data = await raw(bmc, SYSTEM)
        with pytest.raises(UnicodeDecodeError):
            data.decode()
        server.faults.add(broken(Kind.DEEP))
        _, data = await raw(bmc, SYSTEM)
        assert data.count(b"{") == data.count(b"}") == 100_000
        server.faults.add(broken(Kind.TYPE))
        reply, data = await raw(bmc, SYSTEM)
        assert reply.content_type == "text/html"
        assert b'"PowerState"' in data
        server.faults.add(broken(Kind.TRUNCATE))
        with pytest.raises(aiohttp.ClientPayloadError):
            await raw(bmc, SYSTEM)
        assert (await bmc.ask("GET", SYSTEM)).status == 200


async def test_bodies_beyond_measure(rack: Rack) -> None:
    """One is large on the wire, the other only once it is decompressed."""
    server = rack.servers[0]
    async with client(server) as bmc:
        server.faults.add(broken(Kind.HUGE, detail="3"))
        _, data = await raw(bmc, SYSTEM)
        assert len(data) > 3 * mischief.MIB
        server.faults.add(broken(Kind.BOMB))
        reply, data = await raw(bmc, SYSTEM)
        assert reply.headers["Content-Encoding"] == "gzip"
        assert len(data) < mischief.MIB
        unpacker = zlib.decompressobj(31)
        assert len(unpacker.decompress(data, 8 * mischief.MIB)) == 8 * mischief.MIB


@pytest.mark.parametrize(
    ("text", "server", "fault"),
    [
        ("drop:POST:Reset", "", broken(Kind.DROP, "Reset", method="POST")),
        ("r1u02@busy*3=5", "r1u02", faults.Fault(kind=Kind.BUSY, times=3, seconds=5, detail="5")),
        (
            "slow:*:/Bios*=2.5",
            "",
            faults.Fault(kind=Kind.SLOW, path="/Bios", times=None, seconds=2.5, detail="2.5"),
        ),
        (
            "absurd:GET:/Systems=huge",
            "",
            broken(Kind.ABSURD, "/Systems", method="GET", detail="huge"),
        ),
        ("redirect=https://192.0.2.1/", "", broken(Kind.REDIRECT, detail="https://192.0.2.1/")),
        ("lie:PATCH*", "", broken(Kind.LIE, method="PATCH", times=None)),
    ],
)
def test_the_grammar(text: str, server: str, fault: faults.Fault) -> None:
    """KIND, then what it is for, how often, and what it needs."""
    assert parse(text) == (server, fault)


@pytest.mark.parametrize(
    "text",
    ["", "explode", "slow=soon", "absurd=odd", "huge=big", "busy*0", "drop:post", "slow=1e99"],
)
def test_what_the_grammar_refuses(text: str) -> None:
    """With a word on what is wrong."""
    with pytest.raises(ValueError, match=r"fault|wanted|fire"):
        parse(text)


async def test_a_fault_is_spent_where_it_is_meant(rack: Rack) -> None:
    """Neither another method nor another path uses it up."""
    server = rack.servers[0]
    server.faults.add(broken(Kind.TYPE, "Chassis", method="GET"))
    async with client(server) as bmc:
        assert (await raw(bmc, SYSTEM))[0].content_type == "application/json"
        assert (await raw(bmc, CHASSIS))[0].content_type == "text/html"
        assert (await raw(bmc, CHASSIS))[0].content_type == "application/json"
