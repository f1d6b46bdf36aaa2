"""What one connection to a BMC may cost us: requests, bytes and seconds."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from provision.bmc.errors import BadReply
from provision.core.errors import Timeout

#: Requests in one connection; the largest honest inventory seen takes some hundreds.
MOST_REQUESTS: Final = 5000
#: Bytes of all answers together; that inventory brings some 5 MiB.
MOST_BYTES: Final = 256 * 1024 * 1024


class Budget:
    """Counts what a BMC makes us spend; ``timeout`` is of one request, ``deadline`` of them all."""

    def __init__(self, *, timeout: float, deadline: float | None) -> None:
        self.timeout = timeout
        self._deadline = deadline
        self._end = None if deadline is None else time.monotonic() + deadline
        self.requests = 0
        self.bytes = 0

    def request(self, doing: object, most: float | None = None) -> float:
        """Count one more request; return the seconds it may take, or raise when none are left."""
        self.requests += 1
        if self.requests > MOST_REQUESTS:
            raise BadReply(f"{doing}: {MOST_REQUESTS} requests were not enough")
        if self.bytes > MOST_BYTES:
            raise BadReply(f"{doing}: {MOST_BYTES >> 20} MiB of answers were not enough")
        most = self.timeout if most is None else most
        if self._end is None:
            return most
        if (left := self._end - time.monotonic()) <= 0:
            raise Timeout(f"{doing}: the {self._deadline:g} s for this job are over")
        return min(left, most)

    def grace(self, seconds: float) -> None:
        """Allow what has to be done at the end, however much was spent: ``seconds`` in all."""
        self.requests = self.bytes = 0
        self.timeout = self._deadline = seconds
        self._end = time.monotonic() + seconds

    def answer(self, size: int) -> None:
        """Count the bytes of an answer."""
        self.bytes += size

    async def pause(self, seconds: float) -> bool:
        """Wait, and say whether we did: not where the deadline would be over by then."""
        if self._end is not None and time.monotonic() + seconds >= self._end:
            return False
        await asyncio.sleep(seconds)
        return True
