"""Ctrl-C and SIGTERM as a request to stop, so that what is being done can be left safe."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[list[int]]:
    """Call ``stop`` on SIGINT and SIGTERM instead of dying; yield the signals that came.

    Signals reach the main thread only; elsewhere nothing is changed, and whoever runs us cancels.
    """
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def handle(number: int, _frame: object) -> None:
        seen.append(number)
        stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
