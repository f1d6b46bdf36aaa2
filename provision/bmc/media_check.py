"""Whether a web server serves an image as BMCs need it: asked from here, before a BMC is sent.

What is found is a warning and no verdict: a BMC looks from another place in the network, and knows
other certificate authorities. BMCs want the length of an image and parts of it (Range), fetch
addresses with ``?`` or ``&`` badly, and follow no redirects.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from provision.core.text import clean

#: Seconds for both requests together.
_TIMEOUT: Final = 10.0
_HEADERS: Final = {"Accept-Encoding": "identity"}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What the server answered; ``warnings`` are what a BMC may stumble over."""

    url: str
    reached: bool
    size: int | None
    ranges: bool | None
    warnings: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the findings as ``--output json`` prints them."""
        return {
            "url": clean(self.url, 400),
            "reached": self.reached,
            "size": self.size,
            "ranges": self.ranges,
            "warnings": list(self.warnings),
        }


async def check(url: str, *, timeout: float = _TIMEOUT) -> Checked:
    """Ask for the image's head and its first byte; never raises, as nothing here is a verdict.

    Addresses of other kinds (NFS, CIFS) are not asked.
    """
    warnings = _of_address(url)
    if urlsplit(url).scheme.lower() not in ("http", "https"):
        return Checked(url=url, reached=False, size=None, ranges=None, warnings=tuple(warnings))
    try:
        found = await _ask(url, timeout, verify=True)
    except aiohttp.ClientConnectorCertificateError:
        warnings.append("its certificate is from no authority known here; a BMC may refuse it, too")
        found = await _ask_safely(url, timeout, verify=False)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, ssl.SSLError) as error:
        found = _unreached(error)
    return Checked(
        url=url,
        reached=found.reached,
        size=found.size,
        ranges=found.ranges,
        warnings=(*warnings, *found.warnings),
    )


def _of_address(url: str) -> list[str]:
    parts = urlsplit(url)
    found = []
    if any(sign in url for sign in "?&"):
        found.append("the address holds ? or &, which some BMCs cannot fetch")
    if not parts.path.rpartition("/")[2]:
        found.append("the address names no file; some BMCs tell images by their suffix")
    elif parts.path.count("/") < 2:
        found.append("the image lies in no folder; some BMCs want one")
    try:
        loopback = ip_address(parts.hostname or "").is_loopback
    except ValueError:
        loopback = parts.hostname == "localhost"
    if loopback:
        found.append("the address is that of whoever asks: a BMC would look at itself")
    return found


@dataclass(frozen=True, kw_only=True)
class _Found:
    reached: bool
    size: int | None = None
    ranges: bool | None = None
    warnings: tuple[str, ...] = ()


def _unreached(error: BaseException) -> _Found:
    why = clean(error, 160) or type(error).__name__
    return _Found(reached=False, warnings=(f"from here it cannot be reached: {why}",))


async def _ask_safely(url: str, timeout: float, *, verify: bool) -> _Found:
    try:
        return await _ask(url, timeout, verify=verify)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError, ssl.SSLError) as error:
        return _unreached(error)


async def _ask(url: str, timeout: float, *, verify: bool) -> _Found:
    limits = aiohttp.ClientTimeout(total=timeout)
    # A connection for each: what a server sends behind one answer is not taken for the next.
    once = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        timeout=limits, trust_env=False, headers=_HEADERS, connector=once
    ) as http:
        size = await _length(http, url, verify=verify)
        asked = {"Range": "bytes=0-0"}
        async with http.get(url, headers=asked, ssl=verify, allow_redirects=False) as part:
            refused = _refused(part)
            await part.content.read(1)  # the rest, which may be the whole image, is left unread
            size = _whole(part) or size
            ranges = part.status == 206
            chunked = "chunked" in part.headers.get("Transfer-Encoding", "").lower()
    return _Found(
        reached=not refused,
        size=size,
        ranges=ranges,
        warnings=tuple(refused or _of_answer(size=size, ranges=ranges, chunked=chunked)),
    )


async def _length(http: aiohttp.ClientSession, url: str, *, verify: bool) -> int | None:
    """Return what HEAD says; nothing where a server answers it badly, as BMCs ask for more."""
    try:
        async with http.head(url, ssl=verify, allow_redirects=False) as head:
            return head.content_length if head.status == 200 else None
    except aiohttp.ClientResponseError:
        return None


def _refused(answer: aiohttp.ClientResponse) -> list[str]:
    if 300 <= answer.status < 400:
        where = clean(answer.headers.get("Location", "somewhere else"), 120)
        return [f"it redirects to {where}, and BMCs follow no redirects"]
    return [] if answer.status in (200, 206) else [f"its server answers {answer.status}"]


def _of_answer(*, size: int | None, ranges: bool, chunked: bool) -> list[str]:
    found = []
    if not ranges:
        found.append("its server ignores Range, which most BMCs need to read an image")
    if chunked:
        found.append("its server sends it in chunks, which some BMCs cannot read")
    if size is None:
        found.append("its server does not tell its length, which BMCs need")
    elif size == 0:
        found.append("it is empty")
    return found


def _whole(part: aiohttp.ClientResponse) -> int | None:
    """Return the size of the whole image, as an answer to a request for a part tells it."""
    total = part.headers.get("Content-Range", "").rpartition("/")[2]
    if total.isdecimal() and len(total) < 20:
        return int(total)
    return part.content_length if part.status == 200 else None
