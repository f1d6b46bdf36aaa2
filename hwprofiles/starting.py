"""Profiles to begin with: a text that loads as it is, and says what else there can be.

Lines of prose begin with ``# ``; those that are YAML as soon as their ``#`` is gone, with ``#`` and
what follows at its own place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from hwprofiles.facts import Facts
from hwprofiles.profile import Profile, ProfileKind
from hwprofiles.schema import SCHEMA

_HEAD: Final = """\
# Check this file: provision profile lint {file}
# After `provision profile schema > profile.schema.json`, editors complete what is typed here:
# yaml-language-server: $schema=profile.schema.json
schema: {schema}
kind: {kind}
id: {id}
title: {title}
verified: {today}            # when somebody last compared it with its sources
"""
#: What YAML takes for text without quotes, wherever it stands.
_PLAIN: Final = re.compile(r"[A-Za-z][\w./-]*(?: [\w./-]+)*|[0-9]+ [A-Za-z/]+", re.ASCII)
_LONG: Final = 60  # texts of remedies: those who want others write them from nothing
_OURS: Final = ", as we run it"
_WAIVERS: Final = """
# Rules that may be missed for a while; see that they end.
#waivers:
#  - rule: {rule}
#    reason: {reason}
#    by: your name
#    until: {until}
#    when: {{system.serial: "ABC1234"}}     # only this machine; all without it
"""
_RULES: Final = """
# Rules: one with the id of a base's rule replaces it, others are added.
#sources:
#  standard: {{title: "Our hardware standard", url: "https://wiki.example/hardware"}}
#rules:
#  - id: {rule}             # a rule of the base, removed
#    enabled: false
#  - id: ours.nics
#    title: Two network ports of 10 Gbit/s
#    severity: warning             # error fails, warning warns, info remarks
#    check: {{nics.ports: {{count: {{where: {{speed: {{ge: 10 Gbit/s}}}}, ge: 2}}}}}}
#    fix: Fit a network card with two ports of 10 Gbit/s.
#    source: standard
"""


@dataclass(frozen=True, kw_only=True)
class Start:
    """What every profile has: its kind, its id, perhaps a title, and the day it is written."""

    kind: ProfileKind
    name: str
    title: str
    day: date


def extending(start: Start, base: str, of: Profile) -> str:
    """Return a profile that builds on ``of``, which it extends by the name ``base``."""
    text = _head(start, start.title or of.title.removesuffix(_OURS) + _OURS)
    text += f"extends: [{_flow(base)}]   # its rules, sources and parameters are all here\n"
    params = {key: value for key, value in of.params.items() if len(str(value)) < _LONG}
    if params:
        text += "\n# Parameters of the base: what differs here.\n#params:\n"
        text += "".join(f"#  {key}: {_flow(value)}\n" for key, value in params.items())
    first, last = (of.rules[0].id, of.rules[-1].id) if of.rules else ("some.rule", "some.rule")
    text += _RULES.format(rule=last)
    return text + _waivers(first, "The parts are ordered.", start.day)


def server(start: Start, facts: Facts, told_by: str) -> str:
    """Return a profile of the model that ``facts`` tell of one machine.

    Raises ``ValueError``, saying what lacks, where they do not tell the model, or nothing but it.
    """
    lacking = [each for each in ("system.vendor", "system.model") if each not in facts]
    rules = list(_observed(facts))
    if lacking or not rules:
        asked = " and ".join(lacking) or "memory slots, processor sockets or internal ports"
        raise ValueError(f"it does not tell of {asked}")
    vendor, model = (str(facts[each].value) for each in ("system.vendor", "system.model"))
    text = _head(start, start.title or f"{vendor} {model}")
    text += f"match:\n  system.vendor: {_exactly(vendor)}\n  system.model: {_exactly(model)}\n"
    text += "#aliases: [other names of it]\nsources:\n  seen: {title: One machine of this model, "
    text += f"ref: {_flow(f'{told_by}, {start.day}')}}}\n"
    text += _population(facts)
    text += "# What is so for every machine of the model; correct it from the manual.\nrules:\n"
    text += "".join(_rule(rule) for rule in rules)
    return text + _waivers(str(rules[0]["id"]), "This one was built otherwise.", start.day)


def _head(start: Start, title: str) -> str:
    return _HEAD.format(
        file=f"{start.name}.yaml",
        schema=SCHEMA,
        kind=start.kind,
        id=start.name,
        title=_flow(title),
        today=start.day,
    )


def _waivers(rule: str, reason: str, day: date) -> str:
    return _WAIVERS.format(rule=rule, reason=reason, until=date(day.year + 1, 1, 31))


def _flow(value: Any) -> str:
    """Return a value as YAML in one line; what is not for reading is left out of a text."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    text = _printable(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in ("true", "false", "null")
    return text if plain else json.dumps(text, ensure_ascii=False)


def _printable(text: str) -> str:
    """Return what can be read of a text, with nothing in it that stands for a parameter."""
    return "".join(char for char in text if char.isprintable()).replace("${", "$ {")


def _exactly(text: str) -> str:
    pattern = "(?i)^" + re.sub(r"\\([ -])", r"\1", re.escape(_printable(text))) + "$"
    return f"{{matches: {_flow(pattern)}}}"


def _observed(facts: Facts) -> Iterator[Mapping[str, Any]]:
    """Yield rules that the machine itself meets."""
    for fact, rule, words in (
        ("memory.slots", "server.memory.slots", "memory slots"),
        ("cpu.sockets", "server.cpu.sockets", "processor sockets"),
    ):
        if fact in facts:
            yield {
                "id": rule,
                "title": f"The BIOS lists {facts[fact].value} {words}",
                "severity": "warning",
                "check": {fact: facts[fact].value},
                "fix": f"Seat what is in the {words} anew; one that stays missing is damaged.",
            }
    ports: Iterable[Any] = facts["ports.internal"].value if "ports.internal" in facts else ()  # type: ignore[assignment]
    for number, port in enumerate(ports, start=1):
        yield {
            "id": f"server.ports.internal.{number}",
            "title": f"The internal port {port} shows",
            "severity": "info",
            "check": {"ports.internal": {"contains": port}},
            "fix": "Open the server and look for the port: firmware that does not name it proves "
            "nothing.",
            "on_unknown": "skip",
        }


def _rule(rule: Mapping[str, Any]) -> str:
    lines = [f"    {key}: {_flow(value)}\n" for key, value in {**rule, "source": "seen"}.items()]
    return "  -" + lines[0][3:] + "".join(lines[1:])


def _population(facts: Facts) -> str:
    """Return the memory slots by CPU; how they are filled, only the manual knows."""
    rows: Sequence[Any] = facts["memory.dimms"].value if "memory.dimms" in facts else ()  # type: ignore[assignment]
    if not rows or not all("slot" in row for row in rows):
        return ""
    names = [str(row["slot"]) for row in rows]
    if len(set(names)) < len(names):  # told apart by their bank
        names = [f"{row.get('bank', '')}/{row['slot']}" for row in rows]
    banks: dict[str, list[str]] = {}
    for row, name in zip(rows, names, strict=True):
        banks.setdefault(_cpu(row), []).append(name)
    text = "# Slots in the order of the board; which CPU each belongs to is a guess by its name.\n"
    text += "population:\n  slots:\n"
    text += "".join(f"    {cpu}: {_flow(slots)}\n" for cpu, slots in banks.items())
    return text + (
        "#  fill: [[1, 2], [3, 4]]       # positions from 1; a group is full or empty, in order\n"
        "#  same: [size, rank, speed]    # alike within a group\n"
        "#  balanced: true               # every CPU has the same positions filled\n"
    )


def _cpu(row: Mapping[str, Any]) -> str:
    """Guess which CPU a slot belongs to: P1-DIMMA1, PROC 1 DIMM 3, CPU2_DIMM_A1, A1 and B1."""
    slot = str(row["slot"])
    for text in (slot, str(row.get("bank", ""))):
        if found := re.search(r"(?:CPU|PROC(?:ESSOR)?|\bP)[ _]?(\d)", text, re.IGNORECASE):
            return f"CPU{found[1]}"
    if found := re.fullmatch(r"(?:DIMM[ _.]?)?([A-H])\d{1,2}", slot, re.IGNORECASE):
        return f"CPU{ord(found[1].upper()) - ord('A') + 1}"
    return "board"
