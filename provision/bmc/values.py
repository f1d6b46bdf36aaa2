"""Reading what a BMC says: every field may be missing, null, absurd or of another type."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from provision.bmc.replies import JsonObject
from provision.core.secrets import redact
from provision.core.text import clean

#: What vendors write where they have nothing to say.
_NOTHING = frozenset(
    {
        "",
        "n/a",
        "na",
        "none",
        "null",
        "unknown",
        "not available",
        "not specified",
        "default string",
        "system serial number",
        "system product name",
        "system manufacturer",
        "to be filled by o.e.m.",
        "to be filled by oem",
        "not applicable",
        "not provided",
        "not present",
        "no dimm",
        "empty",
        "oem",
        "system version",
        "chassis serial number",
        "base board serial number",
    }
)
#: Serial numbers that are none: one sign all along, or counted up.
_NO_SERIAL = re.compile(r"(.)\1*|0?123456789[0a-f]*|[\W_]+", re.IGNORECASE)
#: The UUID of boards that were never given one.
_NO_UUID = frozenset({"03000200-0400-0500-0006-000700080009"})
_LONGEST = 200
_GREATEST = 2**62


def at(body: object, *path: str) -> Any:
    """Return what stands at ``path`` in nested objects; None where there is nothing."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def safe(value: str, limit: int) -> str:
    """Return what ``clean`` returns; quickly where there is nothing to clean, as nearly always."""
    if len(value) > limit or not value.isprintable():
        return clean(value, limit)
    return redact(" ".join(redact(value, data=True).split()), data=True)


def text(body: object, *path: str) -> str | None:
    """Return a string that says something, made safe; None for blanks and placeholders."""
    value = at(body, *path)
    if not isinstance(value, str):
        return None
    value = safe(value, _LONGEST)
    return None if value.lower() in _NOTHING else value


def serial(body: object, *path: str) -> str | None:
    """Return a serial number; None for placeholders, which many machines share."""
    found = text(body, *path)
    return None if found is None or _NO_SERIAL.fullmatch(found) else found


def uuid(body: object, *path: str) -> str | None:
    """Return a UUID in lower case, likewise."""
    found = (text(body, *path) or "").lower()
    worthless = found in _NO_UUID or len(set(found) - set("-")) < 2
    return None if worthless else found


def number(body: object, *path: str) -> float | None:
    """Return a number from zero to what hardware can have."""
    value = at(body, *path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < _GREATEST else None


def integer(body: object, *path: str) -> int | None:
    """Return a whole number, likewise."""
    value = number(body, *path)
    return int(value) if value is not None and value == int(value) else None


def words(body: object, *path: str) -> list[str]:
    """Return the strings of a list, made safe."""
    value = at(body, *path)
    return (
        [safe(each, 80) for each in value[:500] if isinstance(each, str)]
        if isinstance(value, list)
        else []
    )


def objects(body: object, *path: str) -> list[JsonObject]:
    """Return the objects of a list; one alone where a BMC forgot the list."""
    value = at(body, *path)
    value = [value] if isinstance(value, dict) else value
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def links(body: object, *path: str) -> list[str]:
    """Return the paths in a list of links."""
    targets = (each.get("@odata.id") for each in objects(body, *path))
    return [target for target in targets if isinstance(target, str)]


def absent(resource: JsonObject) -> bool:
    """Whether a resource stands for an empty socket, slot or bay."""
    return bool(at(resource, "Status", "State") == "Absent")
