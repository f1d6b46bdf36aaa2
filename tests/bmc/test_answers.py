"""Answers that break the rules: bounded, refused, and named for what they are."""

from __future__ import annotations

import gzip
import resource
import zlib
from collections.abc import Callable

import pytest

from provision.bmc.client import Access, connect
from provision.bmc.errors import (
    BadReply,
    BmcError,
    Busy,
    LicenceNeeded,
    NotSupported,
    SeveralSystems,
)
from provision.core.errors import Conflict, CredentialsError, ProvisionError
from tests.bmc.hostile import (
    RESET,
    SESSION,
    SYSTEM,
    THING,
    HostileBmc,
    Request,
    answer,
    get,
    reply,
)

Reach = Callable[..., Access]


async def test_a_gzip_bomb_stops_at_the_cap(bmc: HostileBmc, access: Reach) -> None:
    """A small body that unpacks to 100 MiB is refused; our memory does not follow it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()
    get(bmc, answer(bomb, Content_Encoding="gzip"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with connect(access(timeout=20)) as client:
        with pytest.raises(BadReply, match="larger than 6 MiB"):
            await client.get(THING)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


async def test_a_huge_body_is_refused(bmc: HostileBmc, access: Reach) -> None:
    """Plain bytes have the same cap."""
    get(bmc, answer(b" " * (17 << 20)))
    async with connect(access(timeout=20)) as client:
        with pytest.raises(BadReply, match="larger than 6 MiB"):
            await client.get(THING)


async def test_redirects_are_not_followed(bmc: HostileBmc, access: Reach) -> None:
    """The token goes nowhere else, and the message names where it was meant to go."""
    get(bmc, answer({}, 302, Location="http://203.0.113.9/steal"))
    async with connect(access()) as client:
        with pytest.raises(BadReply, match=r"redirects to http://203\.0\.113\.9/steal"):
            await client.get(THING)


@pytest.mark.parametrize(
    "target",
    [
        "https://203.0.113.9/redfish/v1/Systems",
        "//203.0.113.9/x",
        "http://127.0.0.1/redfish/v1",
        "/redfish/v1/../../etc",
        "/redfish/%2e%2e/x",
        "/redfish/v1/a b",
        "relative",
        "",
        "/" + "x" * 5000,
        7,
        None,
    ],
)
async def test_links_that_lead_elsewhere_are_refused(
    bmc: HostileBmc, access: Reach, target: object
) -> None:
    """A collection cannot send us, with our session, to another host or out of its tree."""
    bmc.tree["/redfish/v1/Things"] = {"Members": [{"@odata.id": target}]}
    async with connect(access()) as client:
        before = len(bmc.requests)
        if isinstance(target, str):
            with pytest.raises(BadReply):
                await client.members("/redfish/v1/Things")
        else:
            assert await client.members("/redfish/v1/Things") == []
        assert len(bmc.requests) == before + 1


async def test_fragments_are_cut_off(bmc: HostileBmc, access: Reach) -> None:
    """A link into a resource is a link to the resource."""
    async with connect(access()) as client:
        assert (await client.get(f"{SYSTEM}#/Boot"))["PowerState"] == "Off"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"[" * 200_000, "too deep"),
        (b'{"a":' * 100_000, "too deep"),
        (b"<html><body>It works!</body></html>", "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": Infinity}', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"a": [' + b"0," * 600_000 + b"0]}", "more values"),
    ],
)
async def test_answers_that_break_the_rules(
    bmc: HostileBmc, access: Reach, raw: bytes, why: str
) -> None:
    """Depth, NaN, lists, pages and floods become one clear error that does not quote them all."""
    get(bmc, answer(raw))
    async with connect(access(timeout=10)) as client:
        with pytest.raises(BadReply, match=why) as caught:
            await client.get(THING)
    assert len(str(caught.value)) < 400


async def test_something_that_is_no_http(bmc: HostileBmc, access: Reach) -> None:
    """An answer from another protocol is named as such."""
    get(bmc, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    async with connect(access()) as client:
        with pytest.raises(BadReply, match="no HTTP"):
            await client.get(THING)


@pytest.mark.parametrize(
    ("status", "error", "exit_status"),
    [
        (400, BmcError, 5),
        (401, CredentialsError, 7),
        (403, CredentialsError, 7),
        (404, NotSupported, 5),
        (405, NotSupported, 5),
        (409, Conflict, 11),
        (423, Conflict, 11),
        (500, BmcError, 5),
        (501, NotSupported, 5),
        (503, Busy, 10),
    ],
)
async def test_every_refusal_has_its_error(
    bmc: HostileBmc, access: Reach, status: int, error: type[Exception], exit_status: int
) -> None:
    """Statuses become our errors, with the BMC's words made safe to print."""
    message = "No \x1b[31mpower\u202e supply\r\nleft"
    body = {"error": {"@Message.ExtendedInfo": {"Message": message}}}
    bmc.on["POST", RESET] = reply(answer(body, status))
    bmc.tree[f"{SESSION}/7"] = {"Id": "7"}
    async with connect(access()) as client:
        with pytest.raises(error, match=r"No \[31mpower supply left") as caught:
            await client.post(RESET, {})
    assert getattr(caught.value, "status", None) == exit_status
    assert bmc.count("POST", RESET) == 1


@pytest.mark.parametrize("status", [400, 403, 501])
@pytest.mark.parametrize(
    "told",
    [
        {"MessageId": "SMC.1.0.OemLicenseNotPassed", "Message": "Not licensed to perform this."},
        {"MessageId": "iLO.2.14.LicenseKeyRequired"},
        {"Message": "An Enterprise licence is required."},
    ],
)
async def test_a_licence_that_is_missing(
    bmc: HostileBmc, access: Reach, status: int, told: dict[str, str]
) -> None:
    """It is neither a missing function nor a missing right, and the remedy says what to buy."""
    body = {"error": {"@Message.ExtendedInfo": [told]}}
    bmc.on["POST", RESET] = reply(answer(body, status))
    async with connect(access()) as client:
        with pytest.raises(LicenceNeeded) as caught:
            await client.post(RESET, {})
    assert (caught.value.code, caught.value.status) == ("licence-needed", 5)
    assert "licence" in caught.value.hint


async def test_collections_that_do_not_end(bmc: HostileBmc, access: Reach) -> None:
    """Pages that loop end; pages without end, and members without number, are refused."""
    loop = {"Members": [{"@odata.id": SYSTEM}], "Members@odata.nextLink": "/redfish/v1/Loop"}
    bmc.tree["/redfish/v1/Loop"] = loop
    crowd = [{"@odata.id": f"/redfish/v1/Systems/{n}"} for n in range(3000)]
    bmc.tree["/redfish/v1/Crowd"] = {"Members": crowd}

    async def more(request: Request) -> bytes:
        number = int(request.path.rpartition("/")[2])
        return answer({"Members": [], "Members@odata.nextLink": f"/redfish/v1/More/{number + 1}"})

    for number in range(200):
        bmc.on["GET", f"/redfish/v1/More/{number}"] = more
    async with connect(access()) as client:
        assert await client.links("/redfish/v1/Loop") == [SYSTEM]
        with pytest.raises(BadReply, match="does not end"):
            await client.links("/redfish/v1/Crowd")
        with pytest.raises(BadReply, match="does not end"):
            await client.links("/redfish/v1/More/0")


async def test_several_systems_want_a_choice(bmc: HostileBmc, access: Reach) -> None:
    """Ambiguity refuses; the address chooses; what cannot be started is no server."""
    node = "/redfish/v1/Systems/2"
    bmc.tree["/redfish/v1/Systems"]["Members"].append({"@odata.id": node})
    bmc.tree[node] = {"PowerState": "On"}
    async with connect(access()) as client:
        assert (await client.system())["@odata.id"] == SYSTEM
    bmc.tree[node] = bmc.tree[SYSTEM] | {"PowerState": "On"}
    async with connect(access()) as client:
        with pytest.raises(SeveralSystems) as caught:
            await client.system()
    assert caught.value.status == 6
    async with connect(access(url=f"https://127.0.0.1:{bmc.port}{node}")) as client:
        assert (await client.system())["PowerState"] == "On"


async def test_what_is_served_only_compressed(bmc: HostileBmc, access: Reach) -> None:
    """406 to a plain request: asked again with compression, and unpacked."""

    async def packed(request: Request) -> bytes:
        if "gzip" not in request.headers["accept-encoding"]:
            return answer({}, 406)
        return answer(gzip.compress(b'{"Id": "x"}'), Content_Encoding="gzip")

    bmc.on["GET", THING] = packed
    async with connect(access()) as client:
        assert (await client.get(THING))["Id"] == "x"


async def test_the_words_of_a_refusal(bmc: HostileBmc, access: Reach) -> None:
    """The BMC's sentence is passed on; the names of messages only where there is none."""
    info = "@Message.ExtendedInfo"
    for error, told in (
        ({"message": "Whole.", info: [{"MessageId": "B.1.No"}]}, "HTTP 400, Whole."),
        ({info: [{"MessageId": "B.1.No"}]}, "HTTP 400, B.1.No"),
        ({"message": "Whole.", info: [{"Message": "One."}, 3, {"Message": "Two."}]}, "One. / Two."),
        ({}, "HTTP 400"),
        ([], "HTTP 400"),
        ("text", "HTTP 400"),
    ):
        get(bmc, answer({"error": error}, 400))
        async with connect(access()) as client:
            with pytest.raises(BmcError) as caught:
                await client.get(THING)
        assert str(caught.value).endswith(told)


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n",
        OK + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n{}",
        OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n{}     ",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        OK + b"Content-Encoding: zstd\r\nContent-Length: 4\r\n\r\nabcd",
        OK + b"Content-Type: application/json; charset=nonsense\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 999 \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
        b"\x00" * 5000,
    ],
)
async def test_bytes_that_are_hardly_http(bmc: HostileBmc, access: Reach, raw: bytes) -> None:
    """Whatever comes in: one of our errors, in time."""
    get(bmc, raw)
    async with connect(access(timeout=1)) as client:
        with pytest.raises(ProvisionError):
            await client.get(THING)


async def test_a_body_that_does_not_unpack(bmc: HostileBmc, access: Reach) -> None:
    """It is a broken answer, not a broken connection: not asked for again."""
    get(bmc, answer(b"abcd", Content_Encoding="gzip"))
    async with connect(access()) as client:
        with pytest.raises(BadReply):
            await client.get(THING)
    assert bmc.count("GET", THING) == 1


async def test_nonsense_confirms_as_well_as_sense(bmc: HostileBmc, access: Reach) -> None:
    """A page in place of JSON does not undo what its status says was done."""
    bmc.on["POST", RESET] = reply(answer(b"<html>OK</html>"))
    async with connect(access()) as client:
        assert (await client.post(RESET, {})).status == 200
