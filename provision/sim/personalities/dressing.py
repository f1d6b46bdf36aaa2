"""Turning the standard tree of a BMC into a personality's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from provision.sim import standard
from provision.sim.bmc import Bmc
from provision.sim.machine import Machine
from provision.sim.messages import Json, Reply
from provision.sim.personalities import bios, bodies, boot, cpuid, media, power
from provision.sim.personalities.dialect import Dialect
from provision.sim.personalities.model import Personality
from provision.sim.personalities.refusals import Refused
from provision.sim.standard import uris
from provision.sim.tree import Resource


def dress_as(bmc: Bmc, personality: Personality, *, licensed: bool) -> None:
    """Dress the BMC, and set up further machines behind it where the personality has them."""
    dialect = Dialect(bmc, personality, licensed=licensed)
    _plant(bmc, personality)
    for number, name in enumerate(personality.systems[1:], 1):
        other = _another(bmc, number, name)
        _plant(other, personality)
        _move_in(bmc, other, f"{uris.SYSTEMS}/{name}")
        dialect.others.append(other)
    _sessions(bmc, personality)
    bmc.manners = dialect


def _plant(bmc: Bmc, personality: Personality) -> None:
    power.plant(bmc, personality.power)
    boot.plant(bmc, personality.boot)
    if personality.bios:
        bios.plant(bmc, personality.bios)
    if personality.media:
        media.plant(bmc, personality.media)
    _processors(bmc, personality)
    bodies.plant(bmc, personality)


def _processors(bmc: Bmc, personality: Personality) -> None:
    shown = cpuid.spelt(personality.processor_id, bmc.spec.cpu)
    if shown is None:
        return
    for uri, found in list(bmc.tree.items()):
        if uri.startswith(f"{uris.SYSTEM}/Processors/") and found.body:
            bmc.tree[uri] = replace(found, body=_identified(found.body, shown))


def _identified(show: Callable[[], Json], shown: Json) -> Callable[[], Json]:
    return lambda: show() | {"ProcessorId": shown}


def _sessions(bmc: Bmc, personality: Personality) -> None:
    ways = personality.sessions
    bmc.access.limit, bmc.access.timeout = ways.limit, ways.timeout
    if ways.full_id:
        text = "The maximum number of user sessions is reached."
        bmc.access.full = lambda: Refused(ways.full_status, ways.full_id, text)


def _another(bmc: Bmc, number: int, name: str) -> Bmc:
    """Return one more machine that the same BMC manages."""
    log = bmc.machine.console.path
    spec = replace(bmc.spec, name=f"{bmc.spec.name}-{name}", serial=f"{bmc.spec.serial}{number}")
    machine = Machine(
        spec,
        timing=bmc.machine.timing,
        serial_log=log.with_stem(f"{log.stem}-{name}"),
        stick=bmc.machine.stick.with_stem(f"{bmc.machine.stick.stem}-{name}"),
    )
    other = Bmc(machine=machine, access=bmc.access, journal=bmc.journal, faults=bmc.faults)
    standard.plant(other)
    return other


def _move_in(bmc: Bmc, other: Bmc, home: str) -> None:
    """Show the other machine's system at ``home``, among the systems of the BMC."""
    for uri, found in other.tree.items():
        if uri == uris.SYSTEM or uri.startswith(f"{uris.SYSTEM}/"):
            bmc.tree[home + uri.removeprefix(uris.SYSTEM)] = _moved(found, home)
    bodies.add(bmc.tree, home, None)


def _moved(found: Resource, home: str) -> Resource:
    show, change, post = found.body, found.change, found.post

    def body() -> Json:
        return _rehomed(show() if show else {}, home)

    def answered(write: Callable[[Json], Awaitable[Reply]]) -> Callable[[Json], Awaitable[Reply]]:
        async def written(sent: Json) -> Reply:
            reply = await write(sent)
            return replace(reply, body=reply.body and _rehomed(reply.body, home))

        return written

    return replace(
        found,
        body=body if show else None,
        change=answered(change) if change else None,
        post=answered(post) if post else None,
    )


def _rehomed(body: Json, home: str) -> Json:
    shown = {key: _rehome(value, home) for key, value in body.items()}
    if body.get("@odata.id") == uris.SYSTEM:
        shown["Id"] = home.rsplit("/", 1)[-1]
    return shown


def _rehome(value: object, home: str) -> object:
    if isinstance(value, dict):
        return {key: _rehome(inner, home) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rehome(item, home) for item in value]
    if isinstance(value, str) and (value == uris.SYSTEM or value.startswith(f"{uris.SYSTEM}/")):
        return home + value.removeprefix(uris.SYSTEM)
    return value
