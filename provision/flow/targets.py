"""Machines to look at: BMCs, recordings and the machine at hand, each met by the same work.

The work is done while its machine can still be asked: a live BMC stays connected, a recorded one
answers from its recording.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, TypeVar
from urllib.parse import urlsplit

from hwprofiles.facts import FactBook, Facts
from provision.core.errors import ConfigError, ProvisionError
from provision.core.events import Observer, ignore
from provision.flow import sources
from provision.flow.sources import Machine

if TYPE_CHECKING:
    from provision.bmc.client import Access

T = TypeVar("T")

#: BMCs read at the same time: what one processor can follow when each takes 0.1 s to answer.
_AT_ONCE: Final = 64


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What to look at.

    ``accesses`` are BMCs by the name they go by; ``recordings`` files, directories or ``-``, of one
    machine all of them with ``merge``; ``root`` is where the machine at hand has its ``/``.
    ``stated`` is what the user says of every one.
    """

    accesses: Mapping[str, Access] = field(default_factory=dict)
    recordings: tuple[str, ...] = ()
    merge: bool = False
    root: Path | None = None
    stated: Facts = field(default_factory=dict)

    def __len__(self) -> int:
        recordings = min(1, len(self.recordings)) if self.merge else len(self.recordings)
        return len(self.accesses) + recordings + (self.root is not None)


@dataclass(frozen=True, kw_only=True)
class Seen(Generic[T]):
    """What came of the work on one machine: its result, or the error that stood in the way."""

    target: str
    result: T | None = None
    error: ProvisionError | None = None


async def each(
    targets: Targets,
    work: Callable[[Machine], Awaitable[T]],
    observer: Observer = ignore,
    *,
    at_once: int = _AT_ONCE,
) -> list[Seen[T]]:
    """Do ``work`` on every machine; one that cannot be read stops no other."""
    found: list[Seen[T]] = []
    machines, unread = await _offline(targets)
    found += [Seen(target=target, error=error) for target, error in unread]
    for machine in machines:
        found.append(await _done(machine.target, work(_with(machine, targets))))
    turns = asyncio.Semaphore(at_once)

    async def live(name: str, access: Access) -> list[Seen[T]]:
        async with turns:
            seen = await _done(name, _connected(name, access, targets, work, observer))
            systems: Sequence[str] = getattr(seen.error, "systems", ())
            # One BMC may serve several servers, each of which is a machine of its own.
            alone = {f"{name}#{urlsplit(system).path}": system for system in systems}
            return [
                await _done(
                    each, _connected(each, replace(access, url=url), targets, work, observer)
                )
                for each, url in alone.items()
            ] or [seen]

    live_ones = (live(name, access) for name, access in targets.accesses.items())
    return [*found, *itertools.chain(*await asyncio.gather(*live_ones))]


async def _done(target: str, work: Awaitable[T]) -> Seen[T]:
    try:
        return Seen(target=target, result=await work)
    except ProvisionError as error:
        return Seen(target=target, error=error)


async def _connected(
    name: str,
    access: Access,
    targets: Targets,
    work: Callable[[Machine], Awaitable[T]],
    observer: Observer,
) -> T:
    from provision.bmc import inventory
    from provision.bmc.client import connect

    async with connect(access, observer=observer) as bmc:
        facts = await inventory.read_facts(bmc)
        machine = Machine(target=name, facts=facts, bmc=bmc, access=access)
        return await work(_with(machine, targets))


def _with(machine: Machine, targets: Targets) -> Machine:
    return sources.with_facts(machine, targets.stated)


async def _offline(targets: Targets) -> tuple[list[Machine], list[tuple[str, ProvisionError]]]:
    """Read what is recorded, and the machine at hand; what cannot be read comes second."""
    found: list[Machine] = []
    unread: list[tuple[str, ProvisionError]] = []
    for recording in targets.recordings:
        try:
            found += await sources.read(recording)
        except ProvisionError as error:
            if targets.merge:
                raise
            unread.append((recording, error))
    if targets.merge:
        found = [sources.merged(found)]
    if targets.root is not None:
        try:
            found.append(this_machine(targets.root))
        except ProvisionError as error:
            unread.append((str(targets.root), error))
    if not (found or unread or targets.accesses):
        found.append(_nothing_but(targets.stated))
    return found, unread


def _nothing_but(stated: Facts) -> Machine:
    if not stated:
        raise ConfigError("looking for machines: none is given")
    return Machine(target="stated facts", facts=FactBook(stated))


def this_machine(root: Path) -> Machine:
    """Return the machine under ``root``: ``/`` is the one this runs on."""
    from provision.host import read_facts

    facts = read_facts(root)
    if not facts:
        raise ConfigError(
            f"reading the machine under {root}: nothing there tells of one",
            hint="Give a directory laid out like /, with proc and sys below it.",
        )
    return Machine(target=str(root), facts=facts)
