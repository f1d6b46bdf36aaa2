"""Faults planned for one simulated BMC: what it does wrong, to which requests, how often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Kind(StrEnum):
    """What goes wrong."""

    DROP = "drop"  # the request is carried out, and the connection dies before the answer
    CONFLICT = "conflict"  # 409: another job is at work; nothing is carried out
    BUSY = "busy"  # 503 with Retry-After; nothing is carried out
    SLOW = "slow"  # the answer comes later than it should
    LIE = "lie"  # success is answered, and nothing happens
    DENY = "deny"  # credentials are wrong, whatever they are


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One planned fault; it applies to requests of ``method`` ("*": any) whose path has ``path``.

    ``times`` is how often it fires (None: always); ``seconds`` is the delay of a slow answer, or
    what Retry-After says.
    """

    kind: Kind
    method: str = "*"
    path: str = ""
    times: int | None = 1
    seconds: float = 1.0

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is meant for this request."""
        return self.method in ("*", method) and self.path.lower() in path.lower()


def drop(path: str = "", *, method: str = "POST", times: int | None = 1) -> Fault:
    """Carry the request out, then cut the connection instead of answering."""
    return Fault(kind=Kind.DROP, method=method, path=path, times=times)


def busy(
    path: str = "", *, method: str = "*", times: int | None = 1, retry_after: float = 1
) -> Fault:
    """Answer 503 with Retry-After."""
    return Fault(kind=Kind.BUSY, method=method, path=path, times=times, seconds=retry_after)


def conflict(path: str, *, method: str = "POST", times: int | None = 1) -> Fault:
    """Refuse with 409, as while another job is at work."""
    return Fault(kind=Kind.CONFLICT, method=method, path=path, times=times)


def slow(seconds: float, path: str = "", *, method: str = "*", times: int | None = None) -> Fault:
    """Answer ``seconds`` late."""
    return Fault(kind=Kind.SLOW, method=method, path=path, times=times, seconds=seconds)


def lie(path: str, *, method: str = "*", times: int | None = None) -> Fault:
    """Say that a write succeeded and do nothing; reads stay honest."""
    return Fault(kind=Kind.LIE, method=method, path=path, times=times)


def deny() -> Fault:
    """Refuse every credential."""
    return Fault(kind=Kind.DENY, times=None)


class FaultPlan:
    """The faults still to come, in the order they were planned."""

    def __init__(self, faults: tuple[Fault, ...] = ()) -> None:
        self._faults = list(faults)

    def add(self, *faults: Fault) -> None:
        """Plan more of them."""
        self._faults += faults

    def clear(self) -> None:
        """Behave from now on."""
        self._faults.clear()

    def take(self, kind: Kind, method: str, path: str) -> Fault | None:
        """Return the first fault of ``kind`` meant for this request and count it as fired."""
        for index, fault in enumerate(self._faults):
            if fault.kind is not kind or not fault.matches(method, path):
                continue
            if fault.times is not None:
                left = replace(fault, times=fault.times - 1)
                self._faults[index : index + 1] = [left] if left.times else []
            return fault
        return None
