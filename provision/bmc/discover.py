"""Which of many addresses is a BMC: one look at the service root, which needs no login.

Each address gets one connection, to see whether anybody is there, and whoever is gets one ``GET
/redfish/v1/``. No password is sent, nothing is trusted or pinned: the certificate is looked at so
that a person can compare it. What answers may be anything, so bytes, time and depth are bounded,
and no answer ends the search.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp

from hwprofiles import platforms
from provision.bmc import replies
from provision.bmc.address import ROOT, Address
from provision.bmc.errors import BadReply
from provision.bmc.known import spelled
from provision.core.text import clean

#: The largest service root we read; the largest seen has 7 KiB.
LARGEST: Final = 64 * 1024
_CONNECT: Final = 3.0
#: Conversations at once: each has a quarter of a MiB of buffers for TLS alone.
_MOST_TALKING: Final = 64
_LONGEST_TEXT: Final = 80
#: Answers that say: a Redfish service is here, and does not show its root.
_GUARDED: Final = {401: "it shows its service root to users only", 403: "it shows nothing to us"}
_BUSY: Final = (429, 503)
_MESSAGE_ID: Final = re.compile(r"\w{1,40}\.\d+\.\d+\.")


class Verdict(StrEnum):
    """What is at an address."""

    BMC = "bmc"
    UNCLEAR = "unclear"  # somebody answers, and has not shown to be a BMC
    SILENT = "silent"


@dataclass(frozen=True, kw_only=True)
class Root:
    """What a service root tells; empty where it does not. All of it is the BMC's own word."""

    product: str = ""
    vendor: str = ""
    redfish_version: str = ""
    uuid: str = ""
    platform: str = platforms.STANDARD


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One address, looked at. ``why`` says what stood in the way of knowing more."""

    address: Address
    verdict: Verdict
    why: str = ""
    root: Root = Root()
    sha256: str = ""
    tls: str = ""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How gently: seconds for an answer, new addresses a second, and addresses at once."""

    timeout: float = 10.0
    rate: float = 200.0
    at_once: int = 256


async def sweep(addresses: Iterable[Address], pace: Pace, told: Callable[[Seen], None]) -> None:
    """Look at each address once; ``told`` hears of each as soon as it is known."""
    platforms.all_platforms()  # read before the first answer comes, not while others wait
    turns = asyncio.Semaphore(pace.at_once)
    talking = asyncio.Semaphore(min(pace.at_once, _MOST_TALKING))
    clock = asyncio.get_running_loop().time
    begins = clock()
    async with _session(pace) as session, asyncio.TaskGroup() as group:

        async def one(address: Address) -> None:
            try:
                if not await _is_there(address, pace):
                    told(Seen(address=address, verdict=Verdict.SILENT))
                    return
                async with talking:
                    told(await _look(session, address))
            finally:
                turns.release()

        for address in addresses:
            await turns.acquire()
            await asyncio.sleep(max(0.0, begins - clock()))
            begins = max(begins, clock()) + 1 / pace.rate
            group.create_task(one(address))


@asynccontextmanager
async def _session(pace: Pace) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=_anybody(), limit=pace.at_once, force_close=True)
    limits = aiohttp.ClientTimeout(total=pace.timeout)  # old BMCs need seconds for TLS alone
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        response_class=_Response,
        timeout=limits,
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield session


@functools.cache
def _anybody() -> ssl.SSLContext:
    """Return a context that connects to everybody, old firmware with weak keys as well.

    It carries no secret and proves nothing; connections that do are ``trust``'s.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


class _Response(aiohttp.ClientResponse):
    """An answer that keeps what its connection showed; a short one gives it back at once."""

    certificate: bytes = b""
    tls: str = ""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Note the certificate, then read the head of the answer."""
        wire = connection.transport.get_extra_info("ssl_object") if connection.transport else None
        if wire is not None:
            self.certificate = wire.getpeercert(binary_form=True) or b""
            self.tls = wire.version() or ""
        return await super().start(connection)


#: What aiohttp, TLS and a hostile answer raise between them.
_NO_ANSWER: Final = (aiohttp.ClientError, OSError, ValueError, EOFError)


async def _is_there(address: Address, pace: Pace) -> bool:
    """Tell whether anybody takes connections: most addresses of a range are empty."""
    try:
        async with asyncio.timeout(min(_CONNECT, pace.timeout)):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError, ValueError):
        return False
    writer.transport.abort()
    return True


async def _look(session: aiohttp.ClientSession, address: Address) -> Seen:
    try:
        async with session.get(f"{address.origin}{ROOT}/", allow_redirects=False) as response:
            raw = await _body(response)
            return _judged(address, response, raw)
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
        return _unclear(address, "no TLS there that we can speak")
    except BadReply as error:
        return _unclear(address, str(error))
    except TimeoutError:
        return _unclear(address, "it takes connections and does not answer in time")
    except _NO_ANSWER as error:
        return _unclear(address, f"no answer in HTTP ({type(error).__name__})")


async def _body(response: aiohttp.ClientResponse) -> bytes:
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > LARGEST:
            response.close()
            raise BadReply(f"its answer is larger than {LARGEST >> 10} KiB")
    if response.headers.get("Content-Encoding", "").lower() != "gzip":
        return bytes(received)
    try:
        unpacked = zlib.decompressobj(wbits=31).decompress(received, LARGEST + 1)
    except zlib.error as error:
        raise BadReply("its answer is no gzip, as it says it is") from error
    if len(unpacked) > LARGEST:
        raise BadReply(f"its answer is larger than {LARGEST >> 10} KiB unpacked")
    return unpacked


def _unclear(address: Address, why: str) -> Seen:
    return Seen(address=address, verdict=Verdict.UNCLEAR, why=clean(why, 160))


def _judged(address: Address, response: aiohttp.ClientResponse, raw: bytes) -> Seen:
    status = response.status
    if status == 200:
        body = replies.parse("looking at the service root", raw)
        if _is_root(body):
            return _bmc(address, response, root=_read(body))
        return _unclear(address, "its answer is JSON, and no Redfish service root")
    redfish = "OData-Version" in response.headers or _is_error(raw)
    if status in _GUARDED and redfish:
        return _bmc(address, response, why=_GUARDED[status])
    if status in _BUSY and redfish:
        return _unclear(address, f"it is busy (HTTP {status}); look again later")
    if 300 <= status < 400:
        return _unclear(address, "it sends us elsewhere, where we do not go")
    return _unclear(address, f"no Redfish there (HTTP {status})")


def _bmc(
    address: Address, response: aiohttp.ClientResponse, *, root: Root = Root(), why: str = ""
) -> Seen:
    shown = response if isinstance(response, _Response) else _Response
    return Seen(
        address=address,
        verdict=Verdict.BMC,
        why=why,
        root=root,
        sha256=spelled(shown.certificate) if shown.certificate else "",
        tls=shown.tls,
    )


def _is_error(raw: bytes) -> bool:
    """Tell whether an answer holds a message of a Redfish registry: ``Base.1.8.NoPrivilege``."""
    try:
        found = replies.messages(replies.parse("looking at an error", raw))
    except BadReply:
        return False
    return any(_MESSAGE_ID.match(str(message.get("MessageId"))) for message in found)


def _is_root(body: Mapping[str, Any]) -> bool:
    kind = body.get("@odata.type")
    return isinstance(body.get("RedfishVersion"), str) or (
        isinstance(kind, str) and kind.startswith("#ServiceRoot.")
    )


def _read(body: Mapping[str, Any]) -> Root:
    return Root(
        product=_text(body, "Product"),
        vendor=_text(body, "Vendor") or _only_key(body.get("Oem")),
        redfish_version=_text(body, "RedfishVersion"),
        uuid=_text(body, "UUID").lower(),
        platform=platforms.match(body, {}).id,
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return clean(value, _LONGEST_TEXT) if isinstance(value, str) else ""


def _only_key(oem: Any) -> str:
    """Return the vendor who has something of his own in the root, where it is but one."""
    keys = list(oem) if isinstance(oem, dict) else []
    return clean(keys[0], _LONGEST_TEXT) if len(keys) == 1 else ""
