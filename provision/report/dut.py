"""The device under test, as OCP Test & Validation output describes it: from a machine's facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from provision.report.validations import Fact, Validation, in_text

#: The ``hardwareInfoId`` of the machine as a whole.
SYSTEM: Final = "0"


def dut_info(validation: Validation) -> dict[str, Any]:
    """Return the ``dutInfo`` of a machine: its identity, its parts and its firmware."""
    identity = validation.told("system.serial") or validation.told("system.uuid")
    info: dict[str, Any] = {
        "dutInfoId": identity or validation.target,
        "name": validation.target,
    }
    model = " ".join(filter(None, (validation.told(f"system.{n}") for n in ("vendor", "model"))))
    platforms = [{"info": text} for text in (model, _server(validation)) if text]
    hardware = [_numbered(at, each) for at, each in enumerate(_hardware(validation))]
    software = [
        {"softwareInfoId": str(at), **each} for at, each in enumerate(_software(validation))
    ]
    lists = {"platformInfos": platforms, "hardwareInfos": hardware, "softwareInfos": software}
    return info | {key: value for key, value in lists.items() if value}


def _server(validation: Validation) -> str:
    return validation.server.title if validation.server else ""


def _numbered(at: int, told: Mapping[str, str]) -> dict[str, str]:
    return {"hardwareInfoId": str(at), **{key: value for key, value in told.items() if value}}


def _hardware(validation: Validation) -> Iterator[dict[str, str]]:
    yield {
        "name": validation.told("system.model") or validation.target,
        "partType": "SYSTEM",
        "manufacturer": validation.told("system.vendor"),
        "serialNumber": validation.told("system.serial"),
        "odataId": _odata_id(validation.facts.get("system.serial")),
    }
    for table, (part_type, name, columns) in _PARTS.items():
        fact = validation.facts.get(table)
        for row in fact.rows if fact else ():
            if row.get("size") == 0 or row.get("populated") is False:
                continue  # an empty slot
            told = {
                key: in_text(table, row[column], column) for key, column in columns if column in row
            }
            label = next((told[key] for key in ("name", "location") if told.get(key)), name)
            yield {**told, "name": label, "partType": part_type}


#: Table -> the type of its parts, what one without a name is called, and what its columns are.
_PARTS: Final[Mapping[str, tuple[str, str, tuple[tuple[str, str], ...]]]] = {
    "cpu.packages": (
        "CPU",
        "processor",
        (("name", "name"), ("location", "socket"), ("version", "signature")),
    ),
    "memory.dimms": (
        "DIMM",
        "memory module",
        (
            ("location", "slot"),
            ("manufacturer", "maker"),
            ("partNumber", "part"),
            ("serialNumber", "serial"),
        ),
    ),
    "storage.drives": (
        "DRIVE",
        "drive",
        (("name", "model"), ("location", "name"), ("serialNumber", "serial")),
    ),
    "nics.ports": ("NIC", "network port", (("name", "name"), ("serialNumber", "mac"))),
    "gpus.cards": ("GPU", "GPU", (("name", "name"), ("manufacturer", "vendor"))),
}


def _odata_id(fact: Fact | None) -> str:
    """Return the Redfish resource that told a fact; its path ends in the property."""
    if not fact or fact.source != "redfish":
        return ""
    return fact.path.partition("#")[0]


def _software(validation: Validation) -> Iterator[dict[str, str]]:
    told = {
        "system firmware": validation.told("firmware.version"),
        "CPU microcode": validation.told("cpu.microcode"),
    }
    for name, version in told.items():
        if version:
            yield {"name": name, "version": version, "softwareType": "FIRMWARE"}
