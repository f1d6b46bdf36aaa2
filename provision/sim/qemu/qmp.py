"""QEMU's machine protocol (docs/interop/qmp-spec) over a connected socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

_LINE: Final = 1024 * 1024
_PATIENCE: Final = 30.0

Event = Callable[[str, dict[str, Any]], None]


class QmpError(Exception):
    """QEMU refused a command, or is gone."""


class Qmp:
    """One connection: commands one at a time, events as they come."""

    def __init__(self, on_event: Event) -> None:
        self._on_event = on_event
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._turn = asyncio.Lock()
        self._number = 0

    async def connect(self, connected: socket.socket) -> None:
        """Negotiate on ``connected``; it is this connection's from now on."""
        reader, self._writer = await asyncio.open_unix_connection(sock=connected, limit=_LINE)
        try:
            async with asyncio.timeout(_PATIENCE):
                greeting = await reader.readline()
        except (OSError, TimeoutError, ValueError) as error:
            raise QmpError("QEMU does not answer") from error
        if b'"QMP"' not in greeting:
            raise QmpError("QEMU ended before it answered")
        self._reading = asyncio.create_task(self._read(reader))
        await self.command("qmp_capabilities")

    async def command(self, name: str, **arguments: object) -> Any:
        """Have QEMU do ``name``; return what it answers. Raises ``QmpError``."""
        async with self._turn:
            if self._writer is None or self._reading is None or self._reading.done():
                raise QmpError(f"{name}: QEMU is gone")
            self._answer = asyncio.get_running_loop().create_future()
            self._number += 1  # the answer to one that was given up may still come
            wanted = {"execute": name, "arguments": arguments, "id": self._number}
            try:
                self._writer.write(json.dumps(wanted).encode() + b"\n")
                async with asyncio.timeout(_PATIENCE):
                    answer = await self._answer
            except (OSError, TimeoutError) as error:
                raise QmpError(f"{name}: QEMU does not answer") from error
        if "error" in answer:
            raise QmpError(f"{name}: {answer['error'].get('desc', 'refused')}")
        return answer["return"]

    async def drained(self) -> None:
        """Wait until QEMU, which has ended, has no more to say."""
        if self._reading:
            with suppress(asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(self._reading, 5)
        if self._writer:
            self._writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except (OSError, ValueError):
            pass  # as good as the end
        finally:
            if self._answer and not self._answer.done():
                self._answer.set_exception(QmpError("QEMU ended"))

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self._on_event(message["event"], message.get("data", {}))
        elif self._answer and not self._answer.done() and message.get("id") == self._number:
            self._answer.set_result(message)
