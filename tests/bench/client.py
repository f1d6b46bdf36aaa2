"""A BMC for benches: it answers honestly, late, and with little work of its own."""

from __future__ import annotations

import asyncio
import json
import ssl

import trustme

SESSION = b"/redfish/v1/SessionService/Sessions"
#: Seconds before each answer.
DELAY = 0.1


class CrawledBmc:
    """A service root, sessions, and ``things`` resources of about 2 KiB."""

    def __init__(self, certificate: trustme.LeafCert, things: int) -> None:
        self._context = _context(certificate)
        root = {
            "@odata.id": "/redfish/v1/",
            "Id": "Root",
            "Name": "Root",
            "RedfishVersion": "1.6.0",
            "Product": "bareiron simulator",
            "Systems": {"@odata.id": "/redfish/v1/Systems"},
            "SessionService": {"@odata.id": "/redfish/v1/SessionService"},
            "Links": {"Sessions": {"@odata.id": SESSION.decode()}},
        }
        thing = {"@odata.type": "#Thing.v1_0_0.Thing", "Name": "Thing"} | {
            f"Property{n}": {"Reading": n, "Status": {"State": "Enabled", "Health": "OK"}}
            for n in range(24)
        }
        service = {"Id": "S", "Name": "S", "Sessions": {"@odata.id": SESSION.decode()}}
        self._bodies = {
            b"/redfish/v1": json.dumps(root).encode(),
            b"/redfish/v1/SessionService": json.dumps(service | {"ServiceEnabled": True}).encode(),
            SESSION: json.dumps({"Name": "S", "Members": []}).encode(),
        }
        for number in range(things):
            path = f"/redfish/v1/Things/{number}"
            body = {"@odata.id": path, "Id": str(number)} | thing
            self._bodies[path.encode()] = json.dumps(body).encode()

    async def start(self) -> int:
        """Listen for ever; return the port."""
        server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._context, backlog=64
        )
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, path, _ = head.split(b" ", 2)
                if (at := head.lower().find(b"content-length:")) >= 0:
                    await reader.readexactly(int(head[at + 15 :].split(b"\r", 1)[0]))
                await asyncio.sleep(DELAY)
                writer.write(self._answer(method, path.rstrip(b"/")))
                if b"connection: close" in head.lower():
                    await writer.drain()
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, method: bytes, path: bytes) -> bytes:
        if method == b"POST":
            return _reply(
                201, b"{}", b"X-Auth-Token: t0123456789\r\nLocation: " + SESSION + b"/7\r\n"
            )
        if method == b"DELETE":
            return _reply(204, b"")
        body = self._bodies.get(path)
        return _reply(404, b"{}") if body is None else _reply(200, body)


def _reply(status: int, body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s" % (
        status,
        len(body),
        headers,
        body,
    )


_contexts: dict[int, ssl.SSLContext] = {}


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return one context for all: a thousand of them would be most of the memory."""
    if id(certificate) not in _contexts:
        context = _contexts[id(certificate)] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
    return _contexts[id(certificate)]
