"""What the faults that spoil an answer do to it: to its JSON, and to its bytes."""

from __future__ import annotations

import ssl
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final

from aiohttp import web

from provision.sim.certificates import Authority
from provision.sim.faults import FaultPlan, Kind
from provision.sim.messages import Json, Reply

MIB: Final = 1024 * 1024
#: MiB of a huge body, and of a bomb once decompressed, unless the fault says another number.
HUGE_MIB: Final = 256
_FLOOD: Final = 1_000_000
_PAGE: Final = 100
_DEPTH: Final = 100_000
_CONTROL: Final = "\x1b[2J\x1b]0;owned\x07\u202e\x00=cmd|'/c calc'!A1\r\nX-Injected: 1"
#: What names a resource stays as it is: only then is the rest of it ever read.
_KEPT: Final = ("@odata.id", "@odata.type", "Members", "target")


def spoiled(reply: Reply, faults: FaultPlan, method: str, path: str) -> Reply:
    """Return the answer with the planned absurdities in its JSON."""
    body = reply.body
    if method != "GET" or not body or reply.status != 200 or "" in body:
        return reply
    if "Members" in body:
        if faults.take(Kind.LOOP, method, path):
            body = body | {"Members@odata.nextLink": path}
        if faults.take(Kind.PAGES, method, path):
            body = (
                body
                | _flood(body, _PAGE)
                | {"Members@odata.nextLink": f"{path}?page={token_hex(4)}"}
            )
        if faults.take(Kind.FLOOD, method, path):
            body = body | _flood(body, _FLOOD)
    if fault := faults.take(Kind.ABSURD, method, path):
        body = {key: _absurd(key, value, fault.detail or "null") for key, value in body.items()}
    return replace(reply, body=body)


def _flood(body: Json, count: int) -> Json:
    uri = body.get("@odata.id")
    members = [{"@odata.id": f"{uri}/{number}"} for number in range(count)]
    return {"Members": members, "Members@odata.count": count}


def _absurd(key: str, value: object, how: str) -> object:
    if key in _KEPT:
        return value
    if isinstance(value, dict) and value:
        return {name: _absurd(name, inner, how) for name, inner in value.items()}
    if how == "control":
        return _CONTROL if isinstance(value, str) else value
    absurdities: Mapping[str, object] = {
        "null": None,
        "huge": 10**400 if isinstance(value, int | float) else "A" * MIB,
        "types": {"of": "another type"} if isinstance(value, list) else [value],
    }
    return absurdities[how]


Rewire = Callable[[web.Response, str], web.Response]


def wire(faults: FaultPlan, method: str, path: str) -> Callable[[web.Response], web.Response]:
    """Return what the planned faults do to the bytes of the answer: mostly nothing."""
    for kind, rewire in _WIRE.items():
        if fault := faults.take(kind, method, path):
            return partial(_rewired, rewire, fault.detail)
    return _untouched


def _rewired(rewire: Rewire, detail: str, response: web.Response) -> web.Response:
    return rewire(response, detail)


def _untouched(response: web.Response) -> web.Response:
    return response


def _redirected(_: web.Response, detail: str) -> web.Response:
    return web.Response(status=307, headers={"Location": detail or "http://192.0.2.1/redfish/v1/"})


def _huge(response: web.Response, detail: str) -> web.Response:
    size = int(detail or HUGE_MIB) * MIB
    return _with(response, b'{"@odata.id": "' + b"A" * size + b'"}')


def _bombed(response: web.Response, _: str) -> web.Response:
    return _with(response, _bomb(), encoding="gzip")


def _garbled(response: web.Response, _: str) -> web.Response:
    return _with(response, b'{"@odata.id": "/redfish/v1", "Name": \xff\xfe')


def _deep(response: web.Response, _: str) -> web.Response:
    return _with(response, b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH)


def _as_page(response: web.Response, _: str) -> web.Response:
    return _with(response, response.body, kind="text/html")


def _with(
    response: web.Response, data: object, *, kind: str = "application/json", encoding: str = ""
) -> web.Response:
    coding = {"Content-Encoding": encoding} if encoding else {}
    body = data if isinstance(data, bytes) else b""
    return web.Response(status=response.status, body=body, headers={"Content-Type": kind, **coding})


def _truncated(response: web.Response, _: str) -> web.Response:
    """Return an answer that says it is longer than it is; the connection ends with it."""
    data = response.body if isinstance(response.body, bytes) else b""
    short = _Short(status=response.status, body=data[: len(data) // 2])
    short.headers["Content-Type"] = "application/json"
    short.headers["Content-Length"] = str(len(data))
    short.force_close()
    return short


_WIRE: Final[Mapping[Kind, Rewire]] = {
    Kind.REDIRECT: _redirected,
    Kind.HUGE: _huge,
    Kind.BOMB: _bombed,
    Kind.GARBAGE: _garbled,
    Kind.DEEP: _deep,
    Kind.TRUNCATE: _truncated,
    Kind.TYPE: _as_page,
}


class _Short(web.Response):
    """A response whose Content-Length is not that of its body."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send what there is, and hang up."""
        await super().write_eof(data)
        if self._req is not None and self._req.transport:
            self._req.transport.close()


def _bomb() -> bytes:
    """Return gzip of a JSON string of ``HUGE_MIB`` MiB, made without ever holding it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = b"A" * MIB
    parts = [packer.compress(b'{"@odata.id": "')]
    parts += [packer.compress(chunk) for _ in range(HUGE_MIB)]
    return b"".join([*parts, packer.compress(b'"}'), packer.flush()])


def swap_certificate(context: ssl.SSLContext) -> None:
    """Make the listener show a certificate of an authority that nobody trusts, from now on."""
    with tempfile.TemporaryDirectory(prefix="provision-") as folder:
        file = Path(folder) / "other.pem"
        Authority().serve("somebody-else", "127.0.0.1", file)
        context.load_cert_chain(file)
