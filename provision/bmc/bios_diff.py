"""What differs between the BIOS attributes of two servers, or of one and a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwprofiles.platforms import Scalar
from provision.bmc.errors import RecordingUnknown
from provision.bmc.replies import JsonObject
from provision.bmc.values import safe
from provision.core.text import clean


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One attribute that is not the same; None where a side does not have it."""

    attribute: str
    left: Scalar | None
    right: Scalar | None

    def as_dict(self) -> dict[str, Scalar | None]:
        """Return the difference as ``--output json`` prints it."""
        return {"attribute": self.attribute, "left": self.left, "right": self.right}


def differences(left: Mapping[str, Scalar], right: Mapping[str, Scalar]) -> list[Difference]:
    """Return what differs, by name: types count, as ``1`` and ``true`` are not one setting."""
    return [
        Difference(attribute=name, left=left.get(name), right=right.get(name))
        for name in sorted({*left, *right})
        if not _same(left.get(name), right.get(name))
    ]


def _same(left: Scalar | None, right: Scalar | None) -> bool:
    return type(left) is type(right) and left == right


def attributes_in(body: object, name: str) -> dict[str, Scalar]:
    """Return the attributes in a JSON value: a Bios resource, or an object of name -> value.

    ``RecordingUnknown`` where it is neither; ``name`` is what to call it then.
    """
    if isinstance(body, dict):
        found: JsonObject = body
        if isinstance(body.get("Attributes"), dict):
            found = body["Attributes"]
        read = {
            safe(key, 200): safe(value, 400) if isinstance(value, str) else value
            for key, value in found.items()
            if isinstance(value, bool | int | str) and not key.startswith("@")
        }
        if read:
            return read
    raise RecordingUnknown(
        f"reading BIOS attributes in {clean(name, 120)}: there are none",
        hint="Expected is a Bios resource, or a JSON object of attribute -> value, as "
        "`provision bios BMC get --output json` prints it.",
    )
