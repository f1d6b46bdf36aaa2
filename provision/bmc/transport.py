"""Guarded HTTP to one BMC: bounded bytes and time, no cookies, no proxy unless
asked, four at once.

aiohttp itself repeats a GET or DELETE once when a *reused* connection drops under it. Reads may be
repeated; everything else goes over a connection of its own, where a drop is never the end of an
old connection but of this request. POST and PATCH are never repeated; PUT is not used.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import Any

import aiohttp
from multidict import CIMultiDict

from provision.bmc.errors import BadReply, IdentityChanged
from provision.bmc.proxy import Proxy
from provision.core.errors import OutcomeUnknown, ProvisionError, Timeout, Unreachable
from provision.core.text import clean

#: The largest answer we read; BIOS registries, the largest honest ones, have about one MiB.
LARGEST = 6 * 1024 * 1024
#: Requests in flight to one BMC; more makes them slower or lose sessions.
IN_FLIGHT = 4
_CONNECT = 10.0
#: Seconds an idle connection is kept for the next request: less than most BMCs keep it.
_IDLE = 4.0
#: Reused connections that have to break before a BMC gets a new one for each request.
_MOST_BROKEN = 2


class TooLarge(aiohttp.ClientPayloadError):
    """The answer is larger than ``LARGEST``, as sent or once unpacked."""


class CappedResponse(aiohttp.ClientResponse):
    """An answer whose body stops at ``LARGEST``, so that a gzip bomb cannot fill our memory."""

    async def read(self) -> bytes:
        """Return the body, or raise ``TooLarge``."""
        if self._body is None:
            received = bytearray()
            try:
                async for chunk in self.content.iter_any():
                    received += chunk
                    if len(received) > LARGEST:
                        raise TooLarge(f"more than {LARGEST} bytes")
            except BaseException:
                self.close()
                raise
            self._body = bytes(received)
        return await super().read()


def limits(timeout: float) -> aiohttp.ClientTimeout:
    """Return the limits of one request that may take ``timeout`` seconds in all.

    A limit for each read of the socket would say no more than the total, and costs two timers.
    """
    return aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, _CONNECT))


#: How aiohttp says that the other side closed, or reset, a connection.
_BROKE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class Connections:
    """The connections to one BMC, each of which must show ``proof``.

    Reads share connections, until the BMC turns out to break those it has answered on before.
    """

    def __init__(
        self,
        proof: ssl.SSLContext | aiohttp.Fingerprint,
        timeout: float,
        proxy: Proxy | None = None,
    ) -> None:
        self._proof = proof
        self._proxy = proxy
        self._timeout = timeout
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._broken = 0

    @property
    def keep(self) -> bool:
        """Whether connections may be used again."""
        return self._broken < _MOST_BROKEN

    def session(self, *, fresh: bool) -> aiohttp.ClientSession:
        """Return the HTTP session whose connections are kept, or are ``fresh`` for each request."""
        fresh = fresh or not self.keep
        if fresh not in self._sessions:
            self._sessions[fresh] = self._open(fresh=fresh)
        return self._sessions[fresh]

    async def close(self) -> None:
        """Close them all."""
        for session in self._sessions.values():
            await session.close()

    def _open(self, *, fresh: bool) -> aiohttp.ClientSession:
        keeping: dict[str, Any] = {"force_close": True} if fresh else {"keepalive_timeout": _IDLE}
        connector = aiohttp.TCPConnector(
            ssl=self._proof, limit=IN_FLIGHT, limit_per_host=IN_FLIGHT, **keeping
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            response_class=CappedResponse,
            timeout=limits(self._timeout),
            trust_env=False,
            proxy=self._proxy.url if self._proxy else None,
            middlewares=[
                *([self._introduced] if self._proxy else []),
                *([] if fresh else [self._watch]),
            ],
        )

    async def _introduced(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Say to the proxy who we are; aiohttp has this for single requests alone."""
        if self._proxy:
            request.proxy_headers = CIMultiDict(self._proxy.headers)
        return await handler(request)

    async def _watch(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Notice a kept connection that broke: aiohttp repeats a read on it, and says nothing."""
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise
        except _BROKE as error:
            self._broken += not isinstance(error, TimeoutError)
            raise


class Lost(OutcomeUnknown):
    """The connection broke under a request that may have been carried out."""


class Dropped(Unreachable):
    """The connection could not be made, or broke before the answer was whole."""


_SWAPPED = (aiohttp.ServerFingerprintMismatch, aiohttp.ClientConnectorCertificateError)
_NOT_HTTP = (aiohttp.ClientResponseError, aiohttp.InvalidURL, aiohttp.http.HttpProcessingError)


def no_answer(
    doing: object, method: str, cause: BaseException | None, *, timed_out: bool
) -> ProvisionError:
    """Return our error for a request that brought no usable answer."""
    if error := _never_sent(doing, cause):
        return error
    if method != "GET":
        broke = isinstance(cause, _BROKE) and not timed_out
        kind = Lost if broke else OutcomeUnknown
        return kind(f"{doing}: it was sent, and no answer came")
    if timed_out:
        return Timeout(f"{doing}: no answer in time")
    if isinstance(cause, TooLarge):
        return BadReply(f"{doing}: the answer is larger than {LARGEST >> 20} MiB")
    if isinstance(cause, _NOT_HTTP) or (cause and isinstance(cause.__cause__, _NOT_HTTP)):
        return BadReply(f"{doing}: the answer is no HTTP ({clean(cause, 120)})")
    return Dropped(f"{doing}: the connection broke ({clean(cause, 120)})")


def reason(error: OSError) -> str:
    """Return the system's own words for ``error``; asyncio's repeat the address instead."""
    if (
        error.errno is not None
        and error.errno in errno.errorcode
        and not isinstance(error, socket.gaierror)
    ):
        return os.strerror(error.errno)
    return clean(error.strerror or error)


def _never_sent(doing: object, cause: BaseException | None) -> ProvisionError | None:
    if isinstance(cause, _SWAPPED):
        return IdentityChanged(
            f"{doing}: another certificate than a moment ago",
            hint="Somebody may sit in between; do not go on before you know who.",
        )
    if isinstance(cause, aiohttp.ClientConnectorError):
        return Dropped(f"{doing}: cannot connect ({reason(cause)})")
    if isinstance(cause, aiohttp.ConnectionTimeoutError):
        return Timeout(f"{doing}: no connection in time")
    return None
