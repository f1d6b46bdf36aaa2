"""Looking for BMCs: what is told of them, and that nothing at an address ends the search."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from provision.bmc import ssdp
from provision.bmc.address import Address
from provision.bmc.discover import LARGEST, Pace, Seen, Verdict, sweep
from provision.core.errors import ConfigError
from provision.sim.rack import SimServer
from tests.bmc.hostile import HostileBmc, Request, answer, never, reply

ROOT = "/redfish/v1/"
QUICK = Pace(timeout=1.0, rate=1000.0)
HONEST = {
    "@odata.type": "#ServiceRoot.v1_11_0.ServiceRoot",
    "RedfishVersion": "1.13.0",
    "Product": "Integrated Dell Remote Access Controller",
    "Vendor": "Dell",
    "UUID": "3132334F-C0B7-3480-3510-00364C4C4544",
    "Oem": {"Dell": {"ServiceTag": "1234567"}},
}


async def look(*addresses: Address, pace: Pace = QUICK) -> list[Seen]:
    """What a sweep over the addresses tells, in the order of the addresses."""
    seen: list[Seen] = []
    await sweep(addresses, pace, seen.append)
    return sorted(seen, key=lambda one: addresses.index(one.address))


async def look_at(bmc: HostileBmc) -> Seen:
    """What a sweep over that one address tells."""
    (seen,) = await look(Address(host="127.0.0.1", port=bmc.port))
    return seen


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def test_a_bmc_is_told_with_its_certificate(
    bmc: HostileBmc, leaf: trustme.LeafCert, state: Path
) -> None:
    """One GET of the root, no login, nothing pinned; the fingerprint is the one it shows."""
    bmc.on["GET", ROOT] = reply(answer(HONEST))
    seen = await look_at(bmc)
    assert seen.verdict is Verdict.BMC
    assert seen.root.product == "Integrated Dell Remote Access Controller"
    assert (seen.root.vendor, seen.root.redfish_version) == ("Dell", "1.13.0")
    assert seen.root.uuid == "3132334f-c0b7-3480-3510-00364c4c4544"
    assert seen.root.platform == "dell-idrac"
    shown = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    assert seen.sha256 == hashlib.sha256(shown).digest().hex(":").upper()
    (request,) = bmc.requests
    assert (request.method, request.path) == ("GET", ROOT)
    assert {"authorization", "x-auth-token", "cookie"}.isdisjoint(request.headers)
    assert not state.exists()


async def test_the_simulators_bmc_is_found(server: SimServer) -> None:
    """The root of a whole service, found by its own product name."""
    port = int(server.url.rpartition(":")[2])
    (seen,) = await look(Address(host="127.0.0.1", port=port))
    assert seen.verdict is Verdict.BMC
    assert seen.root.platform == "bareiron-sim"
    assert [request.method for request in server.requests] == ["GET"]


def text(raw: bytes) -> Callable[[Request], Awaitable[bytes | None]]:
    """Answer with a body of no JSON."""
    return reply(answer(raw))


async def slow_head(request: Request) -> bytes | None:
    """One byte of a head now and then, without end."""
    for _ in range(600):
        request.writer.write(b"X")
        await asyncio.sleep(0.1)
    return None


async def slow_body(request: Request) -> bytes | None:
    """A head at once, then one byte now and then."""
    request.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    return await slow_head(request)


async def flood(request: Request) -> bytes | None:
    """A body of more than anybody wants."""
    request.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not request.writer.transport.is_closing():
        await asyncio.sleep(0)
        request.writer.write(b"[" * 65536)
        await request.writer.drain()
    return None


async def headers(request: Request) -> bytes | None:
    """Headers of more than anybody wants."""
    request.writer.write(b"HTTP/1.1 200 OK\r\n")
    while not request.writer.transport.is_closing():
        await asyncio.sleep(0)
        request.writer.write(b"X-More: " + b"a" * 4000 + b"\r\n")
        await request.writer.drain()
    return None


async def bomb(_request: Request) -> bytes | None:
    """A body that grows a thousand times when unpacked."""
    return answer(gzip.compress(b" " * (32 << 20)), 200, Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (never, "does not answer in time"),
        (slow_head, "in time|HTTP"),
        (slow_body, "in time"),
        (flood, "larger than 64 KiB"),
        (headers, "HTTP"),
        (bomb, "larger than 64 KiB unpacked"),
        (reply(answer(b"no gzip", 200, Content_Encoding="gzip")), "no gzip"),
        (reply(answer(b"{}", 200, Content_Encoding="br")), "no Redfish service root"),
        (reply(b"SSH-2.0-OpenSSH_9.2\r\n"), "HTTP"),
        (reply(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "HTTP"),
        (reply(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}"), "in time"),
        (reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "HTTP"),
        (reply(None), "HTTP"),
        (text(b"<html>router</html>"), "not JSON"),
        (text(b"["), "not JSON"),
        (text(b"[" * 60_000), "nested too deep"),
        (text(b"[]"), "not a JSON object"),
        (text(b'{"a": NaN}'), "not JSON"),
        (text(b'{"a":' + b"1" * 5000 + b"}"), "not JSON"),
        (text(b""), "no Redfish service root"),
        (text(b"\xff\xfe\x00"), "not JSON"),
        (reply(answer({"RedfishVersion": 1})), "no Redfish service root"),
        (reply(answer({"name": "printer"})), "no Redfish service root"),
        (reply(answer(None, 302, Location="http://127.0.0.1:1/")), "elsewhere"),
        (reply(answer(None, 301, Location="/redfish/v1/")), "elsewhere"),
        (reply(answer(b"login", 401)), "no Redfish there .HTTP 401"),
        (reply(answer({"error": {"message": "who?"}}, 401)), "no Redfish there"),
        (reply(answer({}, 404)), "no Redfish there .HTTP 404"),
        (reply(answer({}, 503, OData_Version="4.0")), "busy .HTTP 503"),
    ],
)
async def test_what_is_no_bmc_is_told_and_ends_nothing(
    bmc: HostileBmc,
    leaf: trustme.LeafCert,
    handler: Callable[[Request], Awaitable[bytes | None]],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each in its time and memory; the BMC looked at beside it is found."""
    bmc.on["GET", ROOT] = handler
    async with HostileBmc(leaf).listening() as honest:
        honest.on["GET", ROOT] = reply(answer(HONEST))
        places = [Address(host="127.0.0.1", port=each.port) for each in (bmc, honest)]
        seen, beside = await look(*places)
    assert seen.verdict is Verdict.UNCLEAR
    assert re.search(words, seen.why), seen.why
    assert seen.why.isprintable()
    assert len(bmc.requests) <= 2  # aiohttp asks once more where a connection breaks
    assert beside.verdict is Verdict.BMC
    assert not caplog.records


@pytest.mark.parametrize("status", [401, 403])
async def test_a_guarded_root_is_a_bmc_all_the_same(bmc: HostileBmc, status: int) -> None:
    """Some firmware shows its root to users only; the registry's message gives it away."""
    message = {"MessageId": "Base.1.8.NoValidSession", "Message": "log in"}
    bmc.on["GET", ROOT] = reply(answer({"error": {"@Message.ExtendedInfo": [message]}}, status))
    seen = await look_at(bmc)
    assert seen.verdict is Verdict.BMC
    assert seen.why
    assert seen.sha256


@pytest.mark.parametrize("value", [None, 7, True, [], {}, [{}], "", "\x1b[2Jx\u202e", "A" * 9000])
async def test_every_field_may_be_anything(bmc: HostileBmc, value: object) -> None:
    """Unknown is empty; what is shown is one short printable line."""
    odd = dict.fromkeys(("Product", "Vendor", "UUID", "Oem", "Systems", "Links"), value)
    bmc.on["GET", ROOT] = reply(answer({"RedfishVersion": "1.0.0"} | odd))
    root = (await look_at(bmc)).root
    for shown in (root.product, root.vendor, root.uuid):
        assert shown.isprintable()
        assert len(shown) <= 80


@asynccontextmanager
async def bare(handler: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[int]:
    """A listener without TLS; yields its port."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(writer)
        finally:
            writer.transport.abort()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def _silent(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3)


async def _garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(256)) * 64)
    await asyncio.sleep(3)


async def _half_a_hello(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x03\x40\x00\x02")
    await asyncio.sleep(3)


async def _gone(_writer: asyncio.StreamWriter) -> None:
    return


@pytest.mark.parametrize("handler", [_silent, _garbage, _half_a_hello, _gone])
async def test_what_speaks_no_tls_is_unclear(
    handler: Callable[[asyncio.StreamWriter], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    """Something is there; nothing is said of what it is, and nothing on the screen."""
    async with bare(handler) as port:
        (seen,) = await look(Address(host="127.0.0.1", port=port), pace=Pace(timeout=0.5))
    assert seen.verdict is Verdict.UNCLEAR
    assert seen.why
    assert not caplog.records


async def test_an_empty_address_is_silent() -> None:
    """Nobody there, no such host: counted and no more."""
    empty = Address(host="127.0.0.1", port=free_port())
    lost = Address(host="no-such-host.invalid")
    assert [one.verdict for one in await look(empty, lost)] == [Verdict.SILENT] * 2


async def test_no_more_are_open_at_once_than_asked(leaf: trustme.LeafCert) -> None:
    """A slow rack is not asked all at once."""
    open_now = most = 0

    async def counted(_request: Request) -> bytes | None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.05)
        open_now -= 1
        return answer(HONEST)

    async with AsyncExitStack() as stack:
        places = []
        for _ in range(8):
            bmc = await stack.enter_async_context(HostileBmc(leaf).listening())
            bmc.on["GET", ROOT] = counted
            places.append(Address(host="127.0.0.1", port=bmc.port))
        seen = await look(*places, pace=Pace(timeout=5.0, rate=1000.0, at_once=3))
    assert [one.verdict for one in seen] == [Verdict.BMC] * 8
    assert most == 3


ANSWER = (
    "HTTP/1.1 200 OK\r\nCACHE-CONTROL:max-age=1800\r\nST:urn:dmtf-org:service:redfish-rest:1\r\n"
    "USN:uuid:92384634-2938-2342-8820-489239905423::urn:dmtf-org:service:redfish-rest:1\r\n"
    "AL:https://10.0.0.9:8443/redfish/v1/\r\nEXT:\r\n\r\n"
)


class Responder(asyncio.DatagramProtocol):
    """Answers each search with all it was given."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.asked: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the way back."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer."""
        self.asked.append(data)
        for each in self.answers:
            self.transport.sendto(each, addr)  # type: ignore[attr-defined]


async def test_a_search_finds_who_answers_and_survives_the_rest() -> None:
    """The sender's own address counts, not the one it names; bad answers end nothing."""
    bad = [
        b"",
        b"\xff" * 2000,
        b"HTTP/1.1 200 OK\r\n\r\n",
        ANSWER.replace("redfish-rest", "other").encode()[:60],
        ANSWER.replace("200 OK", "404 Not Found").encode(),
        ANSWER.replace("urn:dmtf-org", "urn:schemas-upnp-org").encode(),
    ]
    responder = Responder([*bad, ANSWER.encode(), ANSWER.encode()])
    before = socket.getdefaulttimeout()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: responder, local_addr=("127.0.0.1", 0)
    )
    try:
        to = transport.get_extra_info("sockname")
        found = await ssdp.search(seconds=0.2, to=to)
    finally:
        transport.close()
    (one,) = found
    assert one.address == Address(host="127.0.0.1", port=8443)
    assert one.uuid == "92384634-2938-2342-8820-489239905423"
    assert b"ST: urn:dmtf-org:service:redfish-rest:1\r\n" in responder.asked[0]
    assert socket.getdefaulttimeout() == before


async def test_an_unknown_interface_is_told() -> None:
    """With those there are."""
    with pytest.raises(ConfigError, match="nowhere0") as caught:
        await ssdp.search(seconds=0.1, interface="nowhere0")
    assert "lo" in caught.value.hint


async def test_a_search_on_a_named_interface_goes_out(caplog: pytest.LogCaptureFixture) -> None:
    """Without root; on the loopback nobody answers, but for a test of another worker."""
    try:
        found = await ssdp.search(seconds=0.1, interface="lo")
        assert all(each.address.host.startswith("127.") for each in found)
    except ConfigError as error:
        assert "unreachable" in str(error)  # noqa: PT017 - a machine without multicast routes
    assert not caplog.records


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda tail: (ANSWER + tail).encode()))
def test_any_datagram_is_an_answer_or_none(data: bytes) -> None:
    """Never a traceback; and only the sender is believed."""
    found = ssdp.read(data, "192.0.2.7")
    assert found is None or (found.address.host == "192.0.2.7" and 0 < found.address.port < 65536)


def test_the_cap_leaves_room_for_honest_roots() -> None:
    """The largest root on record has 4 KiB, indented 7."""
    assert LARGEST > 7 * 1024 * 8
