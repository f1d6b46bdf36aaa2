"""What every hostile case is held to: an error of ours, in time, in bounds, and nothing stolen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from provision.bmc.client import Access, Bmc, connect
from provision.core.errors import ProvisionError
from tests.bmc.hostile import SESSION, THING, Handler, HostileBmc, Request, answer

#: Nothing takes this long: a case that does hangs. Its own limits are far below.
HANG = 15.0
#: How much of our memory a BMC can make us use (KiB).
GROWTH = 64 << 10
THIEF = "THIEF"

Use = Callable[[Bmc], Awaitable[object]]


async def read_thing(bmc: Bmc) -> object:
    """Read one resource."""
    return await bmc.get(THING)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a BMC does (``where``: method and path), and the code and exit status it ends with.

    ``code`` is empty where we get through all the same.
    """

    name: str
    raw: bytes | Handler | None
    code: str = ""
    status: int = 0
    where: tuple[str, str] = ("GET", THING)
    use: Use = field(default=read_thing, repr=False)
    timeout: float = 1.0


def handler(case: Case, thief: HostileBmc) -> Handler:
    """Return what answers; ``THIEF`` in it becomes the address of another host."""
    raw = case.raw
    if callable(raw):
        return raw
    address = f"127.0.0.1:{thief.port}".encode()
    told = None if raw is None else raw.replace(THIEF.encode(), address)

    async def handle(_request: Request) -> bytes | None:
        return told

    return handle


async def suffer(access: Access, use: Use) -> ProvisionError | None:
    """Connect and use the BMC; return our error, if it came to one. Any other is a failure."""
    async with asyncio.timeout(HANG):
        try:
            async with connect(access) as bmc:
                await use(bmc)
        except ProvisionError as error:
            return error
    return None


def judge(case: Case, error: ProvisionError | None, bmc: HostileBmc, thief: HostileBmc) -> None:
    """Check what every case has to keep."""
    told = (error.code, int(error.status)) if error else ("", 0)
    assert told == (case.code, case.status), error
    if error:
        assert error.hint or error.remedy or case.code
        text = f"{error} {error.hint}"
        assert len(text) < 2500
        assert text.isprintable(), repr(text)
    assert thief.requests == [], "we were sent to another host"
    assert bmc.count("POST", SESSION) <= 3


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Fail when the block makes this process grow by more than ``GROWTH`` at its peak."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _kib("VmRSS")
    yield
    grown = _kib("VmHWM") - before
    assert grown < GROWTH, f"grew by {grown >> 10} MiB"


def _kib(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def chunked(*chunks: bytes) -> bytes:
    """Return an answer in chunks, without an end."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks)


def redirect(status: int, to: str) -> bytes:
    """Return a redirect."""
    return answer({}, status, Location=to)


def stream(head: bytes, piece: bytes, pause: float = 0.0) -> Handler:
    """Return a handler that sends ``head``, then ``piece`` again and again, for ever."""

    async def handle(request: Request) -> bytes | None:
        request.writer.write(head)
        while not request.writer.transport.is_closing():
            request.writer.write(piece)
            await request.writer.drain()
            await asyncio.sleep(pause)
        return None

    return handle


def part(raw: bytes) -> Handler:
    """Return a handler that sends ``raw`` and then nothing more."""

    async def handle(request: Request) -> bytes | None:
        request.writer.write(raw)
        await request.writer.drain()
        await asyncio.sleep(HANG * 2)
        return None

    return handle
