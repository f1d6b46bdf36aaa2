"""What was found, and how it compares to what was expected."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from provision.bmc.discover import Seen
from provision.bmc.known import KnownBmcs
from provision.core.servers import Listed
from provision.flow.discovery_sources import Candidate, of_servers

SCHEMA: Final = "bareiron.discovery/1"
_RESOLVING: Final = 10.0


class State(StrEnum):
    """How what was found compares to what was expected."""

    NEW = "new"
    KNOWN = "known"
    MOVED = "moved"  # known by its MAC, at another address
    MISSING = "missing"
    NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A BMC that answered; ``server`` is its name in the servers file, where it has one."""

    seen: Seen
    candidate: Candidate
    state: State | None = None
    server: str = ""
    remarks: tuple[str, ...] = ()
    changed: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it; what is not known is null."""
        root, candidate = self.seen.root, self.candidate
        told = {
            "bmc": self.seen.address.authority,
            "state": self.state and str(self.state),
            "server": self.server,
            "product": root.product,
            "vendor": root.vendor,
            "redfish_version": root.redfish_version,
            "uuid": root.uuid,
            "platform": root.platform,
            "sha256": self.seen.sha256,
            "tls": self.seen.tls,
            "name": candidate.name,
            "mac": candidate.mac,
            "source": candidate.source,
        }
        nulled: dict[str, Any] = {key: value or None for key, value in told.items()}
        return nulled | {"remarks": list(self.remarks), "certificate_changed": self.changed}


@dataclass(frozen=True, kw_only=True)
class Absent:
    """An expected BMC that was not found: no answer, or nobody looked."""

    name: str
    bmc: str
    state: State
    candidate: Candidate

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        return {"server": self.name, "bmc": self.bmc, "state": str(self.state)}


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """What a search brought. ``looked_at`` counts addresses, ``silent`` those without an answer."""

    found: list[Found]
    unclear: list[Seen]
    absent: list[Absent]
    looked_at: int
    silent: int
    notes: tuple[str, ...]
    compared: bool
    at: datetime

    @property
    def differs(self) -> bool:
        """Whether what was found is not what was expected."""
        missing = any(one.state is State.MISSING for one in self.absent)
        return missing or any(one.state in (State.NEW, State.MOVED) for one in self.found)

    def as_dict(self) -> dict[str, Any]:
        """Return it as ``--output json`` prints it."""
        return {
            "schema": SCHEMA,
            "at": self.at.isoformat(timespec="seconds"),
            "looked_at": self.looked_at,
            "silent": self.silent,
            "found": [one.as_dict() for one in self.found],
            "unclear": [{"address": one.address.authority, "why": one.why} for one in self.unclear],
            "absent": [one.as_dict() for one in self.absent],
            "notes": list(self.notes),
        }


def in_words(seen: Seen) -> str:
    """Return what a BMC says of itself in a few words."""
    root = seen.root
    if not (root.product or root.vendor):
        return seen.why or "(does not say)"
    spoken = root.vendor.casefold().split(" ")[0]
    vendor = "" if spoken in root.product.casefold() else root.vendor
    return " ".join(filter(None, (vendor, root.product)))


def with_remarks(found: list[Found]) -> list[Found]:
    """Add what a person should know of a BMC: a changed certificate, a UUID met twice."""
    known = KnownBmcs()
    uuids: dict[str, str] = {}
    done = []
    for one in found:
        remarks = [one.seen.why] if one.seen.why else []
        place = one.seen.address.authority
        pin = known.find(place)
        changed = bool(pin and one.seen.sha256 and pin.sha256 != one.seen.sha256)
        if pin and changed:
            remarks.append(f"another certificate than on {pin.since:%Y-%m-%d}")
        uuid = one.seen.root.uuid
        if uuid and (first := uuids.setdefault(uuid, place)) != place:
            remarks.append(f"the same UUID as {first}")
        done.append(replace(one, remarks=tuple(remarks), changed=changed))
    return done


def unanswered(
    candidates: Iterable[Candidate], found: Iterable[Found], listed: Sequence[Listed]
) -> list[Absent]:
    """Return what a list of devices expects at an address, and what did not answer there."""
    answered = {one.seen.address.authority for one in found}
    names = {one.name for one in listed}  # told by the comparison
    return [
        Absent(name=one.name, bmc=one.address.authority, state=State.MISSING, candidate=one)
        for one in candidates
        if one.expected and one.address.authority not in answered and one.name not in names
    ]


async def by_place(expected: Iterable[Listed]) -> dict[str, tuple[Candidate, list[str]]]:
    """Return the expected BMCs by name, each with the addresses it may be found at."""
    candidates = {one.name: one for one in of_servers(expected, "servers")}
    loop = asyncio.get_running_loop()

    async def places(one: Candidate) -> list[str]:
        try:
            async with asyncio.timeout(_RESOLVING):
                infos = await loop.getaddrinfo(
                    one.address.host, one.address.port, type=socket.SOCK_STREAM
                )
        except (OSError, TimeoutError, UnicodeError):
            return [one.address.authority]
        hosts = {str(info[4][0]) for info in infos}
        resolved = [replace(one.address, host=host).authority for host in sorted(hosts)]
        return [one.address.authority, *resolved]

    found = await asyncio.gather(*map(places, candidates.values()))
    return {
        name: (one, list(dict.fromkeys(where)))
        for (name, one), where in zip(candidates.items(), found, strict=True)
    }


def compared(
    found: list[Found],
    expected: Mapping[str, tuple[Candidate, list[str]]],
    looked_at: set[str],
) -> tuple[list[Found], list[Absent]]:
    """Tell new from known, and what is missing from what nobody looked for."""
    names: dict[str, list[str]] = {}  # one BMC may serve several systems
    for name, (_, places) in expected.items():
        for place in places:
            names.setdefault(place, []).append(name)
    macs = {one.mac: name for name, (one, _) in expected.items() if one.mac}
    met: set[str] = set()
    done = []
    for one in found:
        here = names.get(one.seen.address.authority, [])
        name = macs.get(one.candidate.mac, here[0] if here else "")
        state = State.NEW if not name else State.KNOWN if name in here else State.MOVED
        remarks = one.remarks
        if state is State.MOVED:
            remarks += (f"expected at {expected[name][0].address.authority}",)
        met.update(here if state is State.KNOWN else [name])
        done.append(replace(one, state=state, server=name, remarks=remarks))
    absent = [
        Absent(
            name=name,
            bmc=one.address.authority,
            state=State.MISSING if looked_at & set(places) else State.NOT_LOOKED_AT,
            candidate=one,
        )
        for name, (one, places) in expected.items()
        if name not in met
    ]
    return done, absent
