"""Evidence that the hypervisor is up: what its console says, or that it answers on the network.

A step that found a server started has proved nothing; a record says PASS only with one of these.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from provision.core.errors import ConfigError, EvidenceMissing
from provision.core.servers import Evidence, HttpAnswer, SerialText, TcpAnswer
from provision.core.text import clean

_POLL = 0.25  # seconds between two looks
_READ_LIMIT = 16 << 20  # bytes of console text looked at; a boot writes some hundred kilobytes
_LINE_LIMIT = 2000  # characters of a line looked at
_ANSWER_LIMIT = 1 << 20  # bytes of an answer looked at
_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")

Found = dict[str, Any]
#: What was found, or None and, in words, what was seen instead.
Seen = tuple[Found | None, str]


def console_size(serial: SerialText) -> int:
    """Return how much the console file holds now; what is before that is an older boot's."""
    try:
        info = Path(serial.file).stat()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ConfigError(
            f"looking at the serial log {serial.file}: {error.strerror}",
            hint="Give a file this user may read in evidence.serial.file.",
        ) from error
    if not stat.S_ISREG(info.st_mode):
        raise ConfigError(
            f"looking at the serial log {serial.file}: it is no regular file",
            hint="Let the console be logged to a file, and name that file.",
        )
    return info.st_size


async def wait_for(evidence: Evidence, *, offset: int, started: float) -> Found:
    """Wait until the evidence is there; return what was seen.

    ``offset`` is where this boot's console text begins; ``started`` is the Unix time at which the
    server was started: the time allowed runs from there, so that a resumed run does not begin it
    anew. Raises ``EvidenceMissing``, with the last that was seen, when the time is up.
    """
    look = _way_to_look(evidence, offset)
    while True:
        found, seen = await look()
        if found is not None:
            return found
        if time.time() >= started + evidence.within:
            raise EvidenceMissing(
                f"waiting {evidence.within} s for the hypervisor: {seen}",
            )
        await asyncio.sleep(_POLL)


def _way_to_look(evidence: Evidence, offset: int) -> Callable[[], Awaitable[Seen]]:
    if evidence.serial is not None:
        return _Console(evidence.serial, offset).look
    if evidence.tcp is not None:
        return partial(_tcp, evidence.tcp)
    if evidence.http is not None:
        return partial(_http, evidence.http)
    raise AssertionError("the file's model allows no evidence of another kind")


class _Console:
    """A serial log that grows; it is only searched when it has."""

    def __init__(self, serial: SerialText, offset: int) -> None:
        self._serial = serial
        self._offset = offset
        self._size = -1
        self._seen: Seen = (None, "there is no console log yet")

    async def look(self) -> Seen:
        """Search what is there now."""
        try:
            size = Path(self._serial.file).stat().st_size
        except OSError:
            return self._seen  # not there yet; console_size has told about anything worse
        if size != self._size:
            self._size = size
            self._seen = await asyncio.to_thread(_search, self._serial, self._offset)
        return self._seen


def _search(serial: SerialText, offset: int) -> Seen:
    """Look for the patterns in their order, each within one line."""
    wanted = [re.compile(pattern) for pattern in serial.expect]
    found: list[str] = []
    last = "nothing at all"
    for line in _console_text(serial, offset).splitlines():
        text, place = line[:_LINE_LIMIT], 0
        last = text if text.strip() else last
        while match := wanted[len(found)].search(text, place):
            place = match.end()
            found.append(clean(text, 160))
            if len(found) == len(wanted):
                seen = {"kind": "serial", "file": serial.file, "offset": offset, "lines": found}
                return seen, ""
    missing = serial.expect[len(found)]
    return None, f"the console has not shown {missing!r}; its last line: {clean(last, 120)}"


def _console_text(serial: SerialText, offset: int) -> str:
    try:
        with Path(serial.file).open("rb") as file:
            # A log that shrank was rotated: all of it is this boot's.
            size = os.fstat(file.fileno()).st_size
            file.seek(offset if offset <= size else 0)
            raw = file.read(_READ_LIMIT)
    except OSError:
        return ""
    return _ESCAPES.sub("", raw.decode("utf-8", "replace")).replace("\r", "")


async def _tcp(answer: TcpAnswer) -> Seen:
    where = f"{answer.host}:{answer.port}"
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(answer.host, answer.port)
            try:
                banner = await reader.read(512) if answer.expect else b""
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        return None, f"{where} does not answer ({clean(error) or 'no answer in 5 s'})"
    text = clean(banner.decode("utf-8", "replace"))
    if answer.expect and not re.search(answer.expect, text):
        return None, f"{where} says {text!r}, not {answer.expect!r}"
    return {"kind": "tcp", "address": where, "banner": text}, ""


async def _http(answer: HttpAnswer) -> Seen:
    import aiohttp

    timeout = aiohttp.ClientTimeout(total=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(answer.url, ssl=answer.verify, allow_redirects=False) as reply,
        ):
            body = (await reply.content.read(_ANSWER_LIMIT)).decode("utf-8", "replace")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return None, f"{answer.url} does not answer ({clean(error) or 'no answer in 10 s'})"
    if reply.status != answer.status:
        return None, f"{answer.url} answers {reply.status}, not {answer.status}"
    match = re.search(answer.expect, body) if answer.expect else None
    if answer.expect and match is None:
        return None, f"{answer.url} answers, without {answer.expect!r}"
    return {
        "kind": "http",
        "url": answer.url,
        "status": reply.status,
        "text": clean(match.group(0), 160) if match else "",
    }, ""
