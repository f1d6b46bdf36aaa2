"""Faults planned for one simulated BMC: what it does wrong, to which requests, how often."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What goes wrong."""

    DROP = "drop"  # the request is carried out, and the connection dies before the answer
    CONFLICT = "conflict"  # 409: another job is at work; nothing is carried out
    BUSY = "busy"  # 503 with Retry-After; nothing is carried out
    SLOW = "slow"  # the answer comes later than it should
    LIE = "lie"  # success is answered, and nothing happens
    DENY = "deny"  # credentials are wrong, whatever they are
    EXPIRE = "expire"  # every session ends before the request is looked at: 401
    FULL = "full"  # no login finds a free place among the sessions: 503
    RESTART = "restart"  # the BMC is gone for a while, and its sessions for good
    CERTIFICATE = "certificate"  # from the next connection on it shows another certificate
    LOOP = "loop"  # the next page of a collection is the page itself
    PAGES = "pages"  # every page of a collection has a next one, without an end
    FLOOD = "flood"  # a collection has a million members
    ABSURD = "absurd"  # values are null, of another type, huge, or full of control characters
    REDIRECT = "redirect"  # 307 to somewhere else
    HUGE = "huge"  # the body is larger than anything that makes sense
    BOMB = "bomb"  # the body is small, and huge once decompressed
    GARBAGE = "garbage"  # the body is no JSON
    DEEP = "deep"  # the body is JSON, nested without measure
    TRUNCATE = "truncate"  # the body ends before its length
    TYPE = "type"  # the body is said to be a web page


#: The values an ``absurd`` answer is full of, by the word that asks for them.
ABSURDITIES: Final = ("null", "types", "huge", "control")

_SECONDS: Final = (Kind.SLOW, Kind.BUSY, Kind.RESTART)
_GRAMMAR: Final = re.compile(
    r"(?:(?P<server>[\w.-]+)@)?(?P<kind>[a-z]+)(?::(?P<method>[A-Z]+|\*)(?::(?P<path>[^*=]*))?)?"
    r"(?P<star>\*(?P<times>\d*))?(?:=(?P<detail>.+))?"
)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One planned fault; it applies to requests of ``method`` ("*": any) whose path has ``path``.

    ``times`` is how often it fires (None: always); ``seconds`` is the delay of a slow answer, what
    Retry-After says, or how long a restart takes. ``detail`` is what some kinds need besides: the
    address to redirect to, the MiB of a huge body, one of ``ABSURDITIES``.
    """

    kind: Kind
    method: str = "*"
    path: str = ""
    times: int | None = 1
    seconds: float = 1.0
    detail: str = ""

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is meant for this request."""
        return self.method in ("*", method) and self.path.lower() in path.lower()


def parse(text: str) -> tuple[str, Fault]:
    """Read ``[SERVER@]KIND[:METHOD[:PATH]][*TIMES][=DETAIL]``: server ("": all) and fault.

    ``*`` without a number means always. Raises ``ValueError`` that says what is wrong.
    """
    found = _GRAMMAR.fullmatch(text)
    if not found or found["kind"] not in [str(kind) for kind in Kind]:
        kinds = ", ".join(sorted(Kind))
        raise ValueError(f"{text!r} is no fault: KIND[:METHOD[:PATH]][*TIMES][=DETAIL] of {kinds}")
    kind, detail = Kind(found["kind"]), found["detail"] or ""
    times = int(found["times"]) if found["times"] else None if found["star"] else 1
    seconds = 1.0
    if kind in _SECONDS and detail:
        try:
            seconds = float(detail)
        except ValueError:
            raise ValueError(f"{text!r}: after = a number of seconds is wanted") from None
    if kind is Kind.ABSURD and (detail or "null") not in ABSURDITIES:
        raise ValueError(f"{text!r}: after = one of {', '.join(ABSURDITIES)} is wanted")
    if kind is Kind.HUGE and detail and not detail.isdigit():
        raise ValueError(f"{text!r}: after = a number of MiB is wanted")
    if times == 0 or not 0 <= seconds <= 86400:
        raise ValueError(f"{text!r}: it would never fire, or never end")
    fault = Fault(
        kind=kind,
        method=found["method"] or "*",
        path=found["path"] or "",
        times=times,
        seconds=seconds,
        detail=detail,
    )
    return found["server"] or "", fault


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


def restart(seconds: float, path: str = "", *, method: str = "*") -> Fault:
    """Vanish at that request, unanswered and not carried out; be back after ``seconds``."""
    return Fault(kind=Kind.RESTART, method=method, path=path, seconds=seconds)


def broken(
    kind: Kind, path: str = "", *, method: str = "*", times: int | None = 1, detail: str = ""
) -> Fault:
    """Return a fault of any other kind."""
    return Fault(kind=kind, method=method, path=path, times=times, detail=detail)


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
