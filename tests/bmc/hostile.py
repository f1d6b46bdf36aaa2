"""A BMC of our own that misbehaves as told, on raw sockets over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

SESSION = "/redfish/v1/SessionService/Sessions"
SYSTEM = "/redfish/v1/Systems/1"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"
THING = "/redfish/v1/Thing"
TOKEN = "token-0123456789"

TREE: dict[str, Any] = {
    "/redfish/v1": {
        "RedfishVersion": "1.6.0",
        "Systems": {"@odata.id": "/redfish/v1/Systems"},
        "Links": {"Sessions": {"@odata.id": SESSION}},
    },
    "/redfish/v1/Systems": {"Members": [{"@odata.id": SYSTEM}]},
    SYSTEM: {
        "PowerState": "Off",
        "Actions": {"#ComputerSystem.Reset": {"target": RESET}},
    },
}


@dataclass(kw_only=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter = field(repr=False)
    #: How many requests were answered on this connection before.
    served: int = 0


Handler = Callable[[Request], Awaitable[bytes | None]]


def answer(body: object = None, status: int = 200, **headers: str) -> bytes:
    """Return a whole HTTP answer."""
    raw = (
        body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
    )
    lines = [f"HTTP/1.1 {status} Because", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(raw)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def reply(raw: bytes | None) -> Handler:
    """Return a handler that always sends ``raw`` (None: drops the connection)."""

    async def handler(_request: Request) -> bytes | None:
        return raw

    return handler


async def never(_request: Request) -> bytes | None:
    """Do not answer."""
    await asyncio.sleep(60)
    return None


def get(bmc: HostileBmc, raw: bytes | None) -> None:
    """Let the BMC answer ``raw`` to reads of ``THING``."""
    bmc.on["GET", THING] = reply(raw)


class HostileBmc:
    """Answers honestly from ``TREE`` and by session, except where ``on`` has another idea."""

    def __init__(self, certificate: trustme.LeafCert) -> None:
        self.tree: dict[str, Any] = json.loads(json.dumps(TREE))
        self.on: dict[tuple[str, str], Handler] = {}
        self.requests: list[Request] = []
        self.token = TOKEN
        #: Which requests get their connection cut unread, and how many did.
        self.refuse: Callable[[Request], bool] = lambda _request: False
        self.refused = 0
        self.port = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self._context)
        self._tasks: set[asyncio.Task[None]] = set()

    def count(self, method: str, path: str = "") -> int:
        """Return how many requests of ``method`` reached ``path``."""
        return sum(each.method == method and path in each.path for each in self.requests)

    def show(self, certificate: trustme.LeafCert) -> None:
        """Show another certificate from now on."""
        certificate.configure_cert(self._context)

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[HostileBmc]:
        """Listen on a loopback port until the block ends."""
        listener = await asyncio.start_server(
            self._serve, "127.0.0.1", port, ssl=self._context, ssl_shutdown_timeout=0.1
        )
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await listener.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            served = 0
            while request := await _read(reader, writer):
                request.served, served = served, served + 1
                if self.refuse(request):
                    self.refused += 1
                    break
                self.requests.append(request)
                handler = self.on.get((request.method, request.path), self._honest)
                reply = await handler(request)
                if reply is None:
                    break
                writer.write(reply)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _honest(self, request: Request) -> bytes:
        path = request.path.rstrip("/")
        if request.method == "POST" and path == SESSION:
            return answer({}, 201, X_Auth_Token=self.token, Location=f"{SESSION}/7")
        if path != "/redfish/v1" and request.headers.get("x-auth-token") != self.token:
            return answer({"error": {"message": "who are you?"}}, 401)
        if request.method == "GET" and path in self.tree:
            return answer(self.tree[path])
        return answer({}, 404) if request.method == "GET" else answer(None, 204)


async def _read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method=method, path=path, headers=headers, body=body, writer=writer)


@dataclass(kw_only=True)
class Certificates:
    """A CA and certificates of it, for tests."""

    ca: trustme.CA = field(default_factory=trustme.CA)

    def leaf(self, *names: str) -> trustme.LeafCert:
        """Return a certificate for ``names`` (default: the loopback address)."""
        return self.ca.issue_cert(*(names or ("127.0.0.1",)))

    def ca_file(self, directory: Path) -> Path:
        """Write the CA's certificate and return where it lies."""
        path = directory / "ca.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return path
