"""The request log of a simulated BMC: what it was asked, in order, without passwords."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. ``status`` is what was answered; 0 when the connection was cut instead."""

    server: str
    at: str
    method: str
    path: str
    status: int
    body: object = None


class Journal:
    """Keeps a BMC's requests in memory and appends each to a JSON lines file."""

    def __init__(self, server: str, path: Path) -> None:
        self.server = server
        self.path = path
        self.requests: list[Request] = []

    def add(self, method: str, path: str, status: int, body: object) -> None:
        """Write one request down; it is in the file before the answer leaves."""
        request = Request(
            server=self.server,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            method=method,
            path=path,
            status=status,
            body=without_passwords(body),
        )
        self.requests.append(request)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(request)) + "\n")


def count(requests: Iterable[Request], method: str, path: str) -> int:
    """Return how many of ``requests`` used ``method`` on a path that has ``path`` in it."""
    return sum(
        request.method == method and path.lower() in request.path.lower() for request in requests
    )


def read(path: Path, server: str | None = None) -> list[Request]:
    """Return the requests in a log file, of one server or of all; a torn last line is left out."""
    requests = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            request = Request(**json.loads(line))
        except ValueError:
            continue
        if server in (None, request.server):
            requests.append(request)
    return requests


def without_passwords(value: object) -> object:
    """Return a JSON value with everything named like a password or a token masked."""
    if isinstance(value, dict):
        return {
            key: "***" if _secret(str(key)) else without_passwords(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [without_passwords(inner) for inner in value]
    return value


def _secret(name: str) -> bool:
    return any(word in name.lower() for word in ("password", "token", "secret"))
