"""Where BMCs are looked for, and how what is found compares to what is expected."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from provision.bmc import ssdp
from provision.bmc.address import Address
from provision.bmc.discover import Pace
from provision.bmc.known import KnownBmcs
from provision.core.errors import ConfigError, CredentialsError, Unreachable
from provision.core.secrets import Secret
from provision.core.servers import read_listed
from provision.flow import discovery_files, discovery_leases, discovery_netbox
from provision.flow.discovery import Request, discover
from provision.flow.discovery_found import Discovery, State
from provision.flow.discovery_netbox import NetBox
from provision.flow.discovery_sources import MOST, TooMany, in_ranges
from provision.sim import Rack, running
from provision.sim.spec import ServerSpec

PACE = Pace(timeout=5.0, rate=1000.0)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of this test's own."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))


@asynccontextmanager
async def bmcs(tmp_path: Path, *hosts: str) -> AsyncIterator[int]:
    """Simulated BMCs at loopback addresses, all on one port, which is yielded."""
    async with AsyncExitStack() as stack:
        port = 0
        for host in hosts:
            spec = ServerSpec(name=f"at-{host}", serial=f"SN{host}")
            place = running([spec], host=host, port=port, directory=tmp_path / host)
            rack: Rack = await stack.enter_async_context(place)
            port = int(rack.servers[0].url.rpartition(":")[2])
        yield port


def told(found: Discovery) -> dict[str, str]:
    """What was found by host, and its state."""
    return {one.seen.address.host: str(one.state or "") for one in found.found}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.0/30", ["10.0.0.1:443", "10.0.0.2:443"]),
        ("10.0.0.2/30", ["10.0.0.1:443", "10.0.0.2:443"]),
        ("10.0.0.0/31", ["10.0.0.0:443", "10.0.0.1:443"]),
        ("10.0.0.7/32:8443", ["10.0.0.7:8443"]),
        ("10.0.0.9-10", ["10.0.0.9:443", "10.0.0.10:443"]),
        ("10.0.0.255-10.0.1.0", ["10.0.0.255:443", "10.0.1.0:443"]),
        ("10.0.0.7", ["10.0.0.7:443"]),
        ("10.0.0.7:8443", ["10.0.0.7:8443"]),
        ("https://10.0.0.7", ["10.0.0.7:443"]),
        ("bmc.example", ["bmc.example:443"]),
        ("fd00::/127", ["[fd00::]:443", "[fd00::1]:443"]),
        ("fd00::7", ["[fd00::7]:443"]),
        ("[fd00::7]:8443", ["[fd00::7]:8443"]),
    ],
)
def test_ranges_as_people_write_them(text: str, wanted: list[str]) -> None:
    """Network and broadcast addresses are nobody's; a port of its own wins."""
    found = in_ranges([text], [], large=False)
    assert [one.address.authority for one in found] == wanted


def test_ports_are_for_ranges_that_name_none() -> None:
    """Each address at each port."""
    found = in_ranges(["10.0.0.1-2", "h:1"], [7, 8], large=False)
    assert [one.address.authority for one in found] == [
        "10.0.0.1:7",
        "10.0.0.1:8",
        "10.0.0.2:7",
        "10.0.0.2:8",
        "h:1",
    ]


@pytest.mark.parametrize(
    "texts", [["10.0.0.0/15"], ["10.0.0.0/16", "10.1.0.0/29"], ["fd00::/64"], ["0.0.0.0/0"]]
)
def test_nobody_sweeps_half_the_net_by_accident(texts: list[str]) -> None:
    """Refused before anything is asked, with what to do."""
    with pytest.raises(TooMany) as caught:
        in_ranges(texts, [], large=False)
    assert caught.value.hint


def test_who_means_it_says_so() -> None:
    """--large has its limit as well; an IPv6 prefix never ends."""
    assert len(in_ranges(["10.0.0.0/15"], [], large=True)) == 2 * MOST - 2
    for text in ("10.0.0.0/8", "fd00::/64"):
        with pytest.raises(TooMany):
            in_ranges([text], [], large=True)


@given(st.text(alphabet="0123456789./-:[]abf@ \x1b", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_range_or_told(text: str) -> None:
    """Never a traceback, and every address that comes out can be connected to."""
    try:
        found = in_ranges([text], [], large=False)
    except (ConfigError, TooMany) as error:
        hint, found = error.hint, []
        assert hint
    assert all(one.address.host and 0 <= one.address.port < 65536 for one in found)


DNSMASQ = """\
duid 00:01:00:01:2a:bb:cc:dd:aa:bb:cc:dd:ee:ff
1764030000 aa:bb:cc:dd:ee:01 10.0.0.1 idrac-8XJ0201 01:aa:bb:cc:dd:ee:01
0 06-aa:bb:cc:dd:ee:02 10.0.0.2 * *
1764030000 aa:bb:cc:dd:ee:03 10.0.0.1 newer *
1764030000 123456 fd00::7 six 00:01:00:01
half a li
"""
ISC = """\
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;
lease 10.0.0.1 {
  starts 2 2026/11/24 10:00:00;
  ends 2 2026/11/24 22:00:00;
  binding state active;
  next binding state free;
  hardware ethernet aa:bb:cc:dd:ee:09;
  uid "\\001}\\273";
  client-hostname "old";
}
lease 10.0.0.2 { binding state abandoned; hardware ethernet aa:bb:cc:dd:ee:02; }
lease 10.0.0.1 {
  binding state active;
  hardware ethernet AA:BB:CC:DD:EE:01;
  client-hostname "il\x1bo}";
}
lease 10.0.0.4 {
  binding state free;
}
lease 10.0.0.3 { hardware ethernet aa:bb:cc:dd:ee:03; }
lease 10.0.0.9 {
"""
KEA = """\
address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.0.0.1,aa:bb:cc:dd:ee:09,,3600,1764030000,1,0,0,old.example.,0,,0
10.0.0.1,aa:bb:cc:dd:ee:01,,3600,1764030000,1,0,0,a&#x2cb.,2,{ "x": 1 },0
10.0.0.2,aa:bb:cc:dd:ee:02,,3600,1764030000,1,0,0,,1,,0
10.0.0.3,,,3600,1764030000,1,0,0,"odd,0,,0
10.0.0.4,aa:bb:cc:dd:ee:04,,3600,1764030000,1,0,0,given back,3,,0
"""


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (DNSMASQ, [("10.0.0.2", "02", ""), ("10.0.0.1", "03", "newer"), ("fd00::7", "", "six")]),
        (ISC, [("10.0.0.1", "01", "ilo}"), ("10.0.0.3", "03", "")]),
        (KEA, [("10.0.0.1", "01", "a,b"), ("10.0.0.3", "", '"odd')]),
        ("", []),
        ("# nothing yet\n", []),
        (KEA.partition("\n")[0], []),
    ],
)
def test_leases_are_known_by_content(
    tmp_path: Path, content: str, wanted: list[tuple[str, str, str]]
) -> None:
    """The last word on an address counts; what was given back or declined does not."""
    path = tmp_path / "leases"
    path.write_text(content)
    found = [(one.address, one.mac[-2:], one.name) for one in discovery_leases.read(path)]
    assert found == wanted


@pytest.mark.parametrize("content", [b"hello\n", b"\x7fELF\x00\x01", b"a,b\n1,2\n"])
def test_what_is_no_lease_file_is_told(tmp_path: Path, content: bytes) -> None:
    """With the places where one usually lies."""
    path = tmp_path / "leases"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="not a lease file") as caught:
        discovery_leases.read(path)
    assert "/var/lib" in caught.value.hint
    assert str(caught.value).isprintable()


@given(st.sampled_from([DNSMASQ, ISC, KEA]), st.binary(max_size=40), st.integers(0, 600))
def test_a_damaged_lease_file_is_read_as_far_as_it_goes(
    tmp_path_factory: pytest.TempPathFactory, content: str, damage: bytes, at: int
) -> None:
    """Whatever stands in it: addresses and clean names, or our error."""
    path = tmp_path_factory.getbasetemp() / "damaged"
    raw = content.encode()
    path.write_bytes(raw[:at] + damage + raw[at + len(damage) :])
    try:
        found = discovery_leases.read(path)
    except ConfigError:
        found = []
    assert all(one.name.isprintable() and one.address for one in found)


async def test_a_rack_is_found_compared_and_saved(tmp_path: Path) -> None:
    """New, known, missing, moved and not looked at; the saved file names the new ones alone."""
    leases = tmp_path / "leases"
    leases.write_text("1 aa:bb:cc:dd:ee:04 127.0.0.4 ilo-4 *\n1 aa:bb:cc:dd:ee:99 127.0.0.9 x *\n")
    async with bmcs(tmp_path, "127.0.0.2", "127.0.0.3", "127.0.0.4") as port:
        expected = tmp_path / "expected.csv"
        expected.write_text(
            "name,bmc,mac\n"
            f"known,127.0.0.2:{port},\n"
            f"missing,127.0.0.5:{port},\n"
            f"moved,127.0.0.6:{port},aa-bb-cc-dd-ee-04\n"
            "elsewhere,192.0.2.1,\n"
        )
        asked = Request(
            ranges=("127.0.0.0/29",),
            ports=(port,),
            leases=(leases,),
            servers=expected,
            pace=PACE,
        )
        found = await discover(asked)
    assert told(found) == {"127.0.0.2": "known", "127.0.0.3": "new", "127.0.0.4": "moved"}
    assert [(one.name, one.state) for one in found.absent] == [
        ("missing", State.MISSING),
        ("elsewhere", State.NOT_LOOKED_AT),
    ]
    assert found.found[2].server == "moved"
    assert "expected at 127.0.0.6" in found.found[2].remarks[0]
    assert found.differs
    assert (found.looked_at, found.silent, found.unclear) == (7, 4, [])
    saved = tmp_path / "new.yaml"
    assert discovery_files.save(saved, found) == 1
    (server,) = read_listed(saved)
    assert server.bmc == f"127.0.0.3:{port}"
    assert "SHA-256" in saved.read_text()


async def test_what_is_saved_can_be_read_and_compared(tmp_path: Path) -> None:
    """YAML and CSV alike; then nothing differs. A file that is there stays as it is."""
    leases = tmp_path / "leases"
    leases.write_text(
        "1 aa:bb:cc:dd:ee:02 127.0.0.2 same *\n1 aa:bb:cc:dd:ee:02 127.0.0.3 same *\n"
    )
    async with bmcs(tmp_path, "127.0.0.2", "127.0.0.3") as port:
        found = await discover(Request(leases=(leases,), ports=(port,), pace=PACE))
        for name in ("a.yaml", "b.csv"):
            path = tmp_path / name
            discovery_files.save(path, found)
            servers = read_listed(path)
            assert [one.name for one in servers] == ["same", "same-2"]
            assert [one.mac for one in servers] == ["aa:bb:cc:dd:ee:02", None]
            again = await discover(Request(servers=path, pace=PACE))
            assert told(again) == {"127.0.0.2": "known", "127.0.0.3": "known"}
            assert not again.differs
            with pytest.raises(discovery_files.Exists):
                discovery_files.save(path, found)


async def test_a_changed_certificate_is_told_and_not_pinned(tmp_path: Path) -> None:
    """Looking changes no pin."""
    async with bmcs(tmp_path, "127.0.0.2") as port:
        asked = Request(ranges=(f"127.0.0.2:{port}",), pace=PACE)
        (one,) = (await discover(asked)).found
        assert KnownBmcs().find(one.seen.address.authority) is None
        KnownBmcs().pin(one.seen.address.authority, "00:11")
        (one,) = (await discover(asked)).found
    assert one.changed
    assert "another certificate than on" in one.remarks[0]


async def test_hostile_names_are_safe_in_every_file(tmp_path: Path) -> None:
    """Names of leases and words of BMCs become no YAML, no formula and no escape."""
    leases = tmp_path / "leases"
    leases.write_text("1 aa:bb:cc:dd:ee:02 127.0.0.2 =cmd|'/c'!A1\x1b[2J:{} *\n")
    async with bmcs(tmp_path, "127.0.0.2") as port:
        found = await discover(Request(leases=(leases,), ports=(port,), pace=PACE))
    (one,) = found.found
    evil = '=1+1", \n- {name: evil} #\x1b[2J'
    root = replace(one.seen.root, product=evil, vendor="@SUM(A1)", uuid="-1")
    candidate = replace(one.candidate, name=evil, rack=evil, serial=evil, u=3)
    found = replace(
        found, found=[replace(one, seen=replace(one.seen, root=root), candidate=candidate)]
    )
    path = tmp_path / "saved.yaml"
    discovery_files.save(path, found)
    assert "\x1b" not in path.read_text()
    rows = discovery_files.table(found).splitlines()
    assert not any(cell.startswith(("=", "@", "-")) for cell in rows[1].split(","))


DEVICE: dict[str, Any] = {
    "name": "r12-u07",
    "serial": "8XJ0201",
    "status": {"value": "active"},
    "rack": {"id": 3, "name": "r12"},
    "position": 7.0,
    "oob_ip": {"address": "10.0.0.7/24", "family": {"value": 4}},
}


@asynccontextmanager
async def netbox(handler: Any) -> AsyncIterator[str]:
    """A web server on the loopback that answers as NetBox would; yields its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_netbox_is_read_page_by_page() -> None:
    """The token goes along, the filter too; a link to another host is followed on this one."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        if request.query["offset"] == "0":
            link = "https://evil.example/api/dcim/devices/?limit=200&offset=200&site=ber1"
            return web.json_response({"next": link, "results": [DEVICE, {"name": "no address"}]})
        odd = [DEVICE | {"name": None, "position": 1e300, "status": {"value": "failed"}}, 7, None]
        return web.json_response({"next": None, "results": odd})

    async with netbox(answer) as url:
        where = NetBox(url=f"{url}/netbox", token=Secret("t0ken-canary"), query=(("site", "ber1"),))
        devices = await discovery_netbox.read(where)
    first, second = devices.candidates
    assert devices.without_address == 3
    assert (first.address, first.name) == (Address(host="10.0.0.7"), "r12-u07")
    assert (first.serial, first.rack, first.u, first.expected) == ("8XJ0201", "r12", 7, True)
    assert (second.name, second.u, second.expected) == ("", None, False)
    assert [request.headers["Authorization"] for request in asked] == ["Token t0ken-canary"] * 2
    assert [request.path for request in asked] == ["/netbox/api/dcim/devices/"] * 2
    assert {request.query["site"] for request in asked} == {"ber1"}


@pytest.mark.parametrize(
    ("body", "status", "error", "words"),
    [
        ("{}", 403, CredentialsError, "token"),
        ("{}", 500, ConfigError, "HTTP 500"),
        ("", 302, ConfigError, "HTTP 302"),
        ("<html>", 200, ConfigError, "not JSON"),
        ("{}", 200, ConfigError, "no list of devices"),
        ('{"results": {}}', 200, ConfigError, "no list of devices"),
        ("[" * 100_000, 200, ConfigError, "nested"),
    ],
)
async def test_what_is_no_netbox_is_told(
    body: str, status: int, error: type[Exception], words: str
) -> None:
    """A redirect is not followed: the token would go along."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=body, status=status, headers={"Location": "/elsewhere"})

    async with netbox(answer) as url:
        with pytest.raises(error, match=words) as caught:
            await discovery_netbox.read(NetBox(url=url, token=Secret("t0ken-canary")))
    assert "t0ken" not in str(caught.value)


async def test_pages_that_never_end_end() -> None:
    """A page that names itself as the next is the last."""
    count = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.json_response({"next": str(request.url), "results": [DEVICE]})

    async with netbox(answer) as url:
        devices = await discovery_netbox.read(NetBox(url=url, token=Secret("t0ken-canary")))
    assert (count, len(devices.candidates)) == (1, 1)


@pytest.mark.parametrize(
    "url", ["http://netbox.example", "ftp://x", "https://u:p@x", "https://x/?q", "https://", "x"]
)
async def test_a_token_is_not_sent_in_clear(url: str) -> None:
    """Before any connection is made; and the address is not repeated with what may be secret."""
    with pytest.raises(ConfigError) as caught:
        await discovery_netbox.read(NetBox(url=url, token=Secret("t0ken-canary")))
    assert caught.value.hint
    assert "u:p" not in str(caught.value)


async def test_a_netbox_that_is_not_there_is_told() -> None:
    """As a BMC that is not."""
    where = NetBox(url="http://127.0.0.1:9", token=Secret("t0ken-canary"))
    with pytest.raises(Unreachable):
        await discovery_netbox.read(where)


async def test_devices_of_a_list_that_do_not_answer_are_missing(tmp_path: Path) -> None:
    """And are saved with what the list says of them."""

    async def answer(_request: web.Request) -> web.Response:
        device = DEVICE | {"oob_ip": {"address": "127.0.0.99/8"}}
        return web.json_response({"next": None, "results": [device, {"oob_ip": None}]})

    async with netbox(answer) as url:
        where = NetBox(url=url, token=Secret("t0ken-canary"), port=9)
        found = await discover(Request(netbox=where, pace=PACE))
    assert found.notes == ("NetBox lists 1 devices without an OOB IP",)
    assert found.differs
    path = tmp_path / "saved.yaml"
    assert discovery_files.save(path, found) == 1
    (server,) = read_listed(path)
    assert (server.name, server.serial, server.rack, server.u) == ("r12-u07", "8XJ0201", "r12", 7)
    assert "did not answer" in path.read_text()
    assert json.loads(json.dumps(found.as_dict()))["absent"][0]["state"] == "missing"


async def test_a_bmc_that_answers_by_multicast_is_looked_at(tmp_path: Path) -> None:
    """Over the loopback's own multicast: asked at the port it names, at its own address."""
    answer = (
        "HTTP/1.1 200 OK\r\nST: urn:dmtf-org:service:redfish-rest:1\r\n"
        "USN: uuid:92384634-2938-2342-8820-489239905423::urn:dmtf-org:service:redfish-rest:1\r\n"
        "AL: https://192.0.2.1:{port}/redfish/v1/\r\n\r\n"
    )
    group = socket.inet_aton(ssdp.GROUP[0]) + socket.inet_aton("127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            channel.bind(ssdp.GROUP)
            channel.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        except OSError as error:
            pytest.skip(f"no multicast on the loopback here: {error.strerror}")
        channel.setblocking(False)
        loop = asyncio.get_running_loop()
        async with bmcs(tmp_path, "127.0.0.1") as port:

            async def respond() -> None:
                while True:
                    _, asker = await loop.sock_recvfrom(channel, 4096)
                    await loop.sock_sendto(channel, answer.format(port=port).encode(), asker)

            responder = asyncio.create_task(respond())
            found = await discover(Request(ssdp=True, interface="lo", pace=PACE))
            responder.cancel()
    assert told(found) == {"127.0.0.1": ""}
    assert found.found[0].candidate.source == "ssdp"
    assert found.notes == ("1 services answered by SSDP",)
