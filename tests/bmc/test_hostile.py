"""A BMC that breaks every rule of HTTP and JSON: what it costs us, and what we say of it."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from provision.bmc.client import Access
from tests.bmc.hostile import RESET, SESSION, THING, HostileBmc, answer, never
from tests.bmc.suffering import (
    THIEF,
    Case,
    bounded,
    chunked,
    handler,
    judge,
    part,
    redirect,
    stream,
    suffer,
)

pytestmark = pytest.mark.campaign

Reach = Callable[..., Access]
OK = b"HTTP/1.1 200 OK\r\n"
BAD: dict[str, Any] = {"code": "bad-reply", "status": 5}
GONE: dict[str, Any] = {"code": "unreachable", "status": 10}
LATE: dict[str, Any] = {"code": "timeout", "status": 10}
FINE: dict[str, Any] = {}
PACKED = gzip.compress(b'{"a": 1}')


def deep(count: int) -> bytes:
    """Return lists in one another, in an object."""
    return b'{"a": ' + b"[" * count + b"]" * count + b"}"


def body(name: str, raw: bytes, expected: dict[str, Any]) -> Case:
    """A body that is JSON, or is not."""
    return Case(name=name, raw=answer(raw), **expected)


BODIES = [
    body("nothing", b"", FINE),
    body("blanks", b" \r\n\t ", FINE),
    body("null", b"null", BAD),
    body("true", b"true", BAD),
    body("number", b"7", BAD),
    body("text", b'"text"', BAD),
    body("list", b"[{}]", BAD),
    body("page", b"<html><body>It works!</body></html>", BAD),
    body("xml", b"<?xml version='1.0'?><a/>", BAD),
    body("cut short", b'{"Id": "x", "Name": "y', BAD),
    body("two values", b"{}{}", BAD),
    body("comment", b"/* hello */ {}", BAD),
    body("single quotes", b"{'Id': 'x'}", BAD),
    body("NaN", b'{"a": NaN}', BAD),
    body("infinity", b'{"a": -Infinity}', BAD),
    body("a number without end", b'{"a": ' + b"9" * 100_000 + b"}", BAD),
    body("1e999", b'{"a": 1e999}', FINE),
    body("names twice", b'{"Id": "x", "Id": "y"}', FINE),
    body("no UTF-8", b'{"Id": "\xff\xfe"}', FINE),
    body("UTF-16", json.dumps({"Id": "x"}).encode("utf-16"), BAD),
    body("lone surrogates", b'{"Id": "\\ud800\\udfff"}', FINE),
    body("zeros", b"\0" * 5000, BAD),
    body("escapes", b"\x1b[2J\x1b]0;owned\x07", BAD),
    body("64 deep", deep(63), FINE),
    body("65 deep", deep(64), BAD),
    body("900 deep", deep(900), BAD),
    body("200 000 deep", b"[" * 200_000, BAD),
    body("100 000 objects deep", b'{"a":' * 100_000, BAD),
    body("300 000 values", b'{"a": [' + b"0," * 300_000 + b"0]}", BAD),
    body("300 000 names", json.dumps(dict.fromkeys(map(str, range(300_000)))).encode(), BAD),
    body("one name of 2 MiB", json.dumps({"x" * (2 << 20): 1}).encode(), FINE),
]

HTTP = [
    Case(name="drops at once", raw=None, **GONE),
    Case(name="SSH", raw=b"SSH-2.0-OpenSSH_9.2\r\n\r\n", **BAD),
    Case(name="SMTP", raw=b"220 bmc ESMTP\r\n", **BAD),
    Case(name="HTTP/2", raw=b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80", **BAD),
    Case(name="HTTP/0.9", raw=b"<html>hello</html>\r\n\r\n", **BAD),
    Case(name="HTTP/9.9", raw=b"HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\n{}", **BAD),
    Case(name="zeros for a head", raw=b"\0" * 5000, **BAD),
    Case(name="no status", raw=b"HTTP/1.1 \r\n\r\n", **BAD),
    Case(name="status abc", raw=b"HTTP/1.1 abc\r\n\r\n", **BAD),
    Case(name="status 99999", raw=b"HTTP/1.1 99999 X\r\n\r\n", **BAD),
    Case(name="status -1", raw=b"HTTP/1.1 -1 X\r\n\r\n", **BAD),
    Case(name="5000 headers", raw=OK + b"".join(b"X-%d: y\r\n" % n for n in range(5000)), **BAD),
    Case(
        name="5000 headers and an end",
        raw=OK + b"".join(b"X-%d: y\r\n" % n for n in range(5000)) + b"\r\n",
        **BAD,
    ),
    Case(name="a header of 1 MiB", raw=OK + b"X: " + b"y" * (1 << 20) + b"\r\n\r\n", **BAD),
    Case(name="a reason of 1 MiB", raw=b"HTTP/1.1 200 " + b"y" * (1 << 20) + b"\r\n\r\n", **BAD),
    Case(name="a header without a name", raw=OK + b": x\r\n\r\n", **BAD),
    Case(name="a header with a zero", raw=OK + b"X: a\0b\r\n\r\n", **BAD),
    Case(name="length -1", raw=OK + b"Content-Length: -1\r\n\r\n{}", **BAD),
    Case(name="length 1e9", raw=OK + b"Content-Length: 1e9\r\n\r\n{}", **BAD),
    Case(
        name="two lengths",
        raw=OK + b"Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}     ",
        **BAD,
    ),
    Case(name="length of 2^70", raw=part(OK + b"Content-Length: %d\r\n\r\n{}" % 2**70), **BAD),
    Case(name="chunk zz", raw=OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", **BAD),
    Case(name="chunk -1", raw=OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n", **BAD),
    Case(
        name="a chunk's size of 1 MiB",
        raw=OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * (1 << 20),
        timeout=0.3,
        **LATE,
    ),
    Case(name="chunks that do not end", raw=part(chunked(b"{}")), timeout=0.3, **LATE),
    Case(
        name="status 101",
        raw=b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        code="bmc-error",
        status=5,
    ),
    Case(name="100 for ever", raw=stream(b"", b"HTTP/1.1 100 C\r\n\r\n" * 9), timeout=0.3, **LATE),
    Case(name="status 304", raw=answer({}, 304), **BAD),
    Case(name="unpacks to nothing", raw=answer(b"abcd", Content_Encoding="gzip"), **BAD),
    Case(name="deflate of nothing", raw=answer(b"abcd", Content_Encoding="deflate"), **BAD),
    Case(name="zstd of nothing", raw=answer(b"abcd", Content_Encoding="zstd"), **BAD),
    Case(name="br of nothing", raw=answer(b"abcd", Content_Encoding="br"), **BAD),
    Case(name="gzip cut short", raw=answer(PACKED[:15], Content_Encoding="gzip"), **BAD),
    Case(name="an encoding nobody knows", raw=answer(b"{}", Content_Encoding="rot13"), **FINE),
    Case(
        name="a charset nobody knows",
        raw=OK + b"Content-Type: x/y; charset=nonsense\r\nContent-Length: 2\r\n\r\n{}",
        **FINE,
    ),
]

TIME = [
    Case(name="never answers", raw=never, timeout=0.3, **LATE),
    Case(name="half a head", raw=part(OK + b"Content-Le"), timeout=0.3, **LATE),
    Case(name="half a body", raw=part(OK + b"Content-Length: 20\r\n\r\n{"), timeout=0.3, **LATE),
    Case(name="drips a head", raw=stream(OK, b"X: y\r\n", 0.02), timeout=0.4, **LATE),
    Case(
        name="drips a body",
        raw=stream(OK + b"Content-Length: 100000\r\n\r\n", b" ", 0.02),
        timeout=0.4,
        **LATE,
    ),
    Case(name="drips chunks", raw=stream(chunked(), b"1\r\n \r\n", 0.02), timeout=0.4, **LATE),
    Case(name="503 for ever", raw=answer({}, 503, Retry_After="0"), code="bmc-busy", status=10),
    Case(name="429 for ever", raw=answer({}, 429, Retry_After="-5"), code="bmc-busy", status=10),
    Case(name="an answer nobody asked for", raw=answer({}) + answer({"evil": 1}), **FINE),
]


@pytest.mark.parametrize("case", [*BODIES, *HTTP, *TIME], ids=lambda case: case.name)
async def test_reads(bmc: HostileBmc, access: Reach, thief: HostileBmc, case: Case) -> None:
    """One answer that breaks the rules: the error, its exit status, and our session closed."""
    bmc.on[case.where] = handler(case, thief)
    judge(case, await suffer(access(timeout=case.timeout), case.use), bmc, thief)
    assert bmc.count("DELETE", SESSION) == 1


TARGETS = [
    f"https://{THIEF}/redfish/v1/Thing",
    f"http://{THIEF}/redfish/v1/Thing",
    f"//{THIEF}/redfish/v1/Thing",
    f"https://admin:x@{THIEF}/",
    f"/\\{THIEF}/",
    "https://127.0.0.1/",
    THING,
    "file:///etc/passwd",
    "javascript:alert(1)",
    "/redfish/v1/\x1b[2J",
    "",
]


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
async def test_redirects(bmc: HostileBmc, access: Reach, thief: HostileBmc, status: int) -> None:
    """Followed nowhere, to no other host, and not in circles."""
    case = Case(name="", raw=redirect(status, f"https://{THIEF}{THING}"), **BAD)
    bmc.on[case.where] = handler(case, thief)
    judge(case, await suffer(access(), case.use), bmc, thief)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "where",
    [
        "login",
        "action",
        pytest.param("root", marks=pytest.mark.campaign),
        pytest.param("read", marks=pytest.mark.campaign),
    ],
)
async def test_redirects_of_everything(
    bmc: HostileBmc, access: Reach, thief: HostileBmc, where: str, target: str
) -> None:
    """Neither our password nor our session goes where a redirect points, from no request at all."""
    places = {
        "root": ("GET", "/redfish/v1/"),
        "login": ("POST", SESSION),
        "read": ("GET", THING),
        "action": ("POST", RESET),
    }

    async def use(client: Any) -> None:
        await (client.post(RESET, {}) if where == "action" else client.get(THING))

    case = Case(name="", raw=redirect(302, target), where=places[where], use=use, **BAD)
    bmc.on[case.where] = handler(case, thief)
    judge(case, await suffer(access(), use), bmc, thief)
    assert bmc.count(*places[where]) == 1


def packed(wbits: int, mebibytes: int, fill: bytes = b" ") -> bytes:
    """Return blanks without end, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    piece = fill * (1 << 20)
    return b"".join(packer.compress(piece) for _ in range(mebibytes)) + packer.flush()


def zstd(mebibytes: int) -> bytes:
    """Return the same, packed by another method."""
    zstandard = pytest.importorskip("zstandard")
    packed_: bytes = zstandard.ZstdCompressor().compress(b" " * (mebibytes << 20))
    return packed_


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: answer(packed(31, 100), Content_Encoding="gzip"),
    "gzip in gzip": lambda: answer(gzip.compress(packed(31, 100)), Content_Encoding="gzip, gzip"),
    "deflate": lambda: answer(packed(15, 100), Content_Encoding="deflate"),
    "raw deflate": lambda: answer(packed(-15, 100), Content_Encoding="deflate"),
    "zstd": lambda: answer(zstd(64), Content_Encoding="zstd"),
    "plain": lambda: answer(b" " * (12 << 20)),
    "one long text": lambda: answer({"a": "x" * (5 << 20)}),
    "one long text with a smile": lambda: answer(
        json.dumps({"a": "x" * (5 << 20) + "\U0001f600"}, ensure_ascii=False).encode()
    ),
    "objects": lambda: answer(b'{"a": [' + b'{"a":0},' * 120_000 + b"0]}"),
    "names": lambda: answer(dict.fromkeys(map(str, range(240_000)))),
}


#: Making one takes longer than refusing it: those whose likes are there run with the campaigns.
SLOW = {"gzip in gzip", "deflate", "raw deflate", "one long text", "names"}


@pytest.mark.parametrize(
    "bomb",
    [pytest.param(name, marks=[pytest.mark.campaign] if name in SLOW else []) for name in BOMBS],
)
async def test_bombs(bmc: HostileBmc, access: Reach, bomb: str) -> None:
    """However small it is on the wire, or large: our memory does not follow it."""
    raw = BOMBS[bomb]()
    bmc.on["GET", THING] = handler(Case(name=bomb, raw=raw), bmc)
    del raw

    async def read(client: Any) -> None:
        await client.get(THING)

    with bounded():
        error = await suffer(access(timeout=10), read)
    if bomb in ("objects", "names", "one long text", "one long text with a smile"):
        assert error is None or error.code == "bad-reply"
    else:
        assert error is not None
        assert (error.code, int(error.status)) == ("bad-reply", 5)


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 412, 423, 428, 429, 500, 501, 503]
)
async def test_bombs_in_refusals(bmc: HostileBmc, access: Reach, status: int) -> None:
    """What comes with a refusal is as bounded as what comes with an answer."""
    words = "\x1b[2J\u202e" + "no " * 100_000
    told = {"error": {"@Message.ExtendedInfo": [{"Message": words, "MessageId": words}] * 20}}
    bmc.on["GET", THING] = handler(Case(name="", raw=answer(told, status)), bmc)

    async def read(client: Any) -> None:
        await client.get(THING)

    with bounded():
        error = await suffer(access(timeout=5), read)
    assert error is not None
    assert str(error).isprintable()
    assert len(str(error)) < 1000
