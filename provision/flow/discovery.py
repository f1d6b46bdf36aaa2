"""Which BMCs are there: where to look, the look itself, and how it compares to what is expected."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from provision.bmc import ssdp
from provision.bmc.address import Address
from provision.bmc.discover import Pace, Seen, Verdict, sweep
from provision.core.events import Event, Observer, Phase, ignore
from provision.core.servers import Listed, read_listed
from provision.flow import discovery_leases, discovery_netbox
from provision.flow.discovery_found import (
    Discovery,
    Found,
    by_place,
    compared,
    in_words,
    unanswered,
    with_remarks,
)
from provision.flow.discovery_netbox import NetBox
from provision.flow.discovery_sources import Candidate, in_ranges, of_servers, together


@dataclass(frozen=True, kw_only=True)
class Request:
    """Where to look, how, and what is expected (a servers file) if anything."""

    ranges: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    leases: tuple[Path, ...] = ()
    from_csv: tuple[Path, ...] = ()
    netbox: NetBox | None = None
    ssdp: bool = False
    interface: str = ""
    large: bool = False
    servers: Path | None = None
    pace: Pace = field(default_factory=Pace)


async def discover(request: Request, observer: Observer = ignore) -> Discovery:
    """Look for BMCs as ``request`` says; ``observer`` hears of each as it is found.

    No password is needed and none is sent. Raises ``ConfigError`` for files and ranges that cannot
    be read, ``Refused`` for more addresses than ``large`` allows, and as ``discovery_netbox.read``.
    """
    expected = read_listed(request.servers) if request.servers else []
    candidates, notes = await _candidates(request, expected)
    hearing = _Hearing(len(candidates), observer)
    await sweep((one.address for one in candidates), request.pace, hearing)
    places = {one.address.authority: one for one in candidates}
    found = [Found(seen=seen, candidate=places[seen.address.authority]) for seen in hearing.found]
    found = await asyncio.to_thread(with_remarks, found)
    absent = unanswered(candidates, found, expected)
    if expected:
        found, missing = compared(found, await by_place(expected), set(places))
        absent += missing
    return Discovery(
        found=sorted(found, key=lambda one: _order(one.seen.address)),
        unclear=sorted(hearing.unclear, key=lambda one: _order(one.address)),
        absent=absent,
        looked_at=len(candidates),
        silent=len(candidates) - len(hearing.found) - len(hearing.unclear),
        notes=tuple(notes),
        compared=bool(expected),
        at=datetime.now(UTC),
    )


def _order(address: Address) -> tuple[list[tuple[int, str]], int]:
    """Sort 10.0.0.9 before 10.0.0.10."""
    pieces = re.split(r"(\d+)", address.host)
    return [(int(each), "") if each.isdigit() else (0, each) for each in pieces], address.port


class _Hearing:
    """Hears of each address, counts, and tells the observer of what is worth telling."""

    def __init__(self, total: int, observer: Observer) -> None:
        self.found: list[Seen] = []
        self.unclear: list[Seen] = []
        self._done, self._total, self._observer = 0, total, observer

    def __call__(self, seen: Seen) -> None:
        self._done += 1
        if seen.verdict is Verdict.BMC:
            self.found.append(seen)
            self._tell(seen, Phase.NOTE, in_words(seen))
        elif seen.verdict is Verdict.UNCLEAR:
            self.unclear.append(seen)
        self._tell(seen, Phase.PROGRESS, f"{len(self.found)} found")

    def _tell(self, seen: Seen, phase: Phase, message: str) -> None:
        self._observer(
            Event(
                subject=seen.address.authority,
                step="discover",
                phase=phase,
                message=message,
                done=self._done,
                total=self._total,
            )
        )


async def _candidates(
    request: Request, expected: Sequence[Listed]
) -> tuple[list[Candidate], list[str]]:
    """Return every address to look at, once; and notes on what was left out."""
    found = in_ranges(request.ranges, request.ports, large=request.large)
    notes: list[str] = []
    ports = request.ports or (443,)
    for path in request.leases:
        leases = await asyncio.to_thread(discovery_leases.read, path)
        found += [
            Candidate(
                address=Address(host=lease.address, port=port),
                source="lease",
                name=lease.name,
                mac=lease.mac,
            )
            for lease in leases
            for port in ports
        ]
    for path in request.from_csv:
        found += of_servers(await asyncio.to_thread(read_listed, path), "csv")
    if request.netbox:
        devices = await discovery_netbox.read(request.netbox)
        found += devices.candidates
        if devices.without_address:
            notes.append(f"NetBox lists {devices.without_address} devices without an OOB IP")
    if request.ssdp:
        answers = await ssdp.search(interface=request.interface)
        found += [Candidate(address=answer.address, source="ssdp") for answer in answers]
        notes.append(f"{len(answers)} services answered by SSDP")
    if not found:
        found = of_servers(expected, "servers")
    return together(found, large=request.large), notes
