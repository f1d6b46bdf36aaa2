"""The JSON Schema takes what the loader takes, and refuses what an editor should underline."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hwprofiles import DocumentError, loading
from hwprofiles.documents import parse_document, read_document
from hwprofiles.exporting import json_schema
from hwprofiles.facts import CATALOGUE
from hwprofiles.shelf import FOLDERS, shipped

GOOD = """\
schema: bareiron.profile/1
kind: site
id: ours
title: Our own
verified: 2026-11-24
extends: [xen-4.17]
sources:
  wiki: {title: Our standard, url: "https://wiki.example/hardware"}
params: {least: 64 GiB}
rules:
  - id: everything
    title: All there is to ask
    severity: error
    when: {system.vendor: {matches: "^Dell"}, cpu.virt.slat: true}
    check:
      any:
        - memory.total: {ge: "${least}", tolerance: 3.125%}
          cpu.flags: {contains_all: [aes, vmx]}
        - not: {cpu.model: {in: [0x55, 0x6a]}, nics.fastest: 10 Gbit/s}
        - memory.dimms: {all: {size: {ge: 8 GiB}}, count: {where: {rank: 2}, ge: 4}}
        - nics.ports: {any: {none: [{speed: {lt: 1 Gbit/s}}]}, count: 4}
        - cpu.virt.state: {in: [enabled, unlocked]}
        - boot.device.endurance: {ge: 128 TBW}
    fix: Buy another one.
    fix_redfish: {virtualization: enabled}
    source: wiki
    confidence: low
    on_unknown: skip
  - {id: iommu, enabled: false}
waivers:
  - {rule: everything, reason: On order, by: me, until: 2027-01-31, when: {system.serial: ABC}}
"""
SERVER = """\
schema: bareiron.profile/1
kind: server
id: ours
title: A server
verified: 2026-11-24
match: {system.vendor: Dell Inc., system.model: {matches: R650}}
population: {slots: {CPU1: [A1, A2]}, fill: [[1], [2]], same: [size], balanced: true}
rules:
  - {id: a, title: As filled, severity: info, check: {memory.dimms: {population: true}}}
"""


@cache
def validator() -> Draft202012Validator:
    """The schema, which is one."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def wrong(data: Any) -> list[str]:
    """Where an editor would underline something."""
    return [error.json_path for error in validator().iter_errors(data)]


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_profile_is_valid(name: str) -> None:
    """What we write ourselves is not underlined."""
    assert wrong(read_document(shipped()[name]).data) == []


@pytest.mark.parametrize("text", [GOOD, SERVER])
def test_what_the_loader_takes_is_valid(tmp_path: Path, text: str) -> None:
    """Everything the grammar has is in the schema."""
    path = tmp_path / "ours.yaml"
    path.write_text(text)
    loading.load(str(path))
    assert wrong(parse_document(text, "ours.yaml").data) == []


WRONG = [
    ("kind: site", "kind: person"),
    ("verified: 2026-11-24\n", ""),
    ("extends:", "extents:"),
    ("severity: error", "severity: fatal"),
    ("    severity: error\n", ""),
    ("system.vendor", "system.vender"),
    ("slat: true", "slat: 1"),
    ("tolerance: 3.125%", "tolerance: 3.125"),
    ('ge: "${least}"', "ge: 64"),
    ('ge: "${least}"', "ge: 64 Gbit/s"),
    ('ge: "${least}"', "matches: 64"),
    ("contains_all: [aes, vmx]", "contains_all: aes"),
    ("contains_all: [aes, vmx]", "eq: aes"),
    ("[0x55, 0x6a]", "['55']"),
    ("10 Gbit/s", "10 GB"),
    ("memory.dimms: {all:", "memory.dimms: {each:"),
    ("all: {size:", "all: {sise:"),
    ("where: {rank: 2}, ge: 4", "where: {rank: 2}"),
    ("where: {rank: 2}, ge: 4", "where: {rank: two}, ge: 4"),
    ("[enabled, unlocked]", "[enabled, on]"),
    ("128 TBW", "128 TB"),
    ("virtualization: enabled", "virtualization: true"),
    ("virtualization: enabled", "virtualisation: enabled"),
    (", by: me", ""),
    ("on_unknown: skip", "on_unknown: perhaps"),
    (', url: "https://wiki.example/hardware"', ""),
    ("sources:", "match: {system.vendor: Dell}\nsources:"),
]


@pytest.mark.parametrize(("good", "bad"), WRONG)
def test_what_is_underlined(tmp_path: Path, good: str, bad: str) -> None:
    """Typos, wrong units, wrong operators and what lacks: the loader refuses them as well."""
    assert good in GOOD
    text = GOOD.replace(good, bad, 1)
    assert wrong(parse_document(text, "ours.yaml").data)
    path = tmp_path / "ours.yaml"
    path.write_text(text)
    with pytest.raises(DocumentError):
        loading.load(str(path))


def test_a_server_needs_its_match() -> None:
    """One without it could never be found; a base of servers need not have one."""
    data = parse_document(SERVER, "ours.yaml").data
    assert wrong({key: value for key, value in data.items() if key != "match"})
    assert not wrong(
        {key: value for key, value in data.items() if key != "match"} | {"abstract": True}
    )


def test_an_editor_has_words_for_every_key() -> None:
    """Each key and each fact is explained where one stops over it."""
    schema = json_schema()
    asked = schema["$defs"]["check"]["properties"]
    assert set(CATALOGUE) < set(asked)
    assert all(each.get("description") for each in asked.values())
    for model in (schema, *(schema["$defs"][name] for name in ("RuleFile", "WaiverFile"))):
        assert all(each.get("description") for each in model["properties"].values())


def test_folders_hold_nothing_else() -> None:
    """Every YAML file of the folders is a profile that was tried here."""
    files = {path.stem for folder in FOLDERS.values() for path in folder.glob("*.yaml")}
    assert files == set(shipped())
