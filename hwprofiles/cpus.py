"""What a CPU signature tells: names, and what the parts can do for a hypervisor.

A table in Python, because it also travels in the deploy ramdisk, where no YAML reader is.
``slat`` (EPT or NPT) is from MSR 48Bh and CPUID 8000000Ah of recorded dumps; rows marked ``G`` rest
on general knowledge. A part that is not listed is unknown, never unable.
"""

from __future__ import annotations

from typing import Final, NamedTuple

INTEL: Final = "GenuineIntel"
AMD: Final = "AuthenticAMD"
HYGON: Final = "HygonGenuine"


class Row(NamedTuple):
    """Parts of one vendor and family, within a range of models.

    ``virtualization``: whether all these parts can (None: some can). ``level``: the x86-64 level
    that all of them reach and none exceeds; ``xsave``: whether they have XSAVE; both by recorded
    CPUID dumps. ``brand``: the row speaks for parts with this word in their brand string only;
    other parts are as if not listed.
    """

    vendor: str
    family: int
    models: range | tuple[int, ...]
    name: str
    virtualization: bool | None
    slat: bool | None
    level: str | None
    xsave: bool | None
    brand: str = ""
    mark: str = "V"


_ALL: Final = range(256)

#: The first row that fits speaks.
TABLE: Final[tuple[Row, ...]] = (
    Row(INTEL, 0x06, (0x57, 0x85), "Xeon Phi", None, None, None, None),
    Row(INTEL, 0x0B, _ALL, "Xeon Phi", None, None, None, None),
    Row(INTEL, 0x06, (0x0F,), "Woodcrest, Clovertown, Tigerton", True, False, "v1", False, "Xeon"),
    Row(INTEL, 0x06, (0x17,), "Harpertown", True, False, "v1", None, "Xeon"),
    # Whatever the brand, every part of these two is as old as that; the code name needs the brand.
    Row(INTEL, 0x06, (0x0F,), "", None, False, "v1", False),
    Row(INTEL, 0x06, (0x17,), "", None, False, "v1", None),
    Row(INTEL, 0x06, (0x1D,), "Dunnington", True, False, "v1", False),
    Row(INTEL, 0x06, (0x1A, 0x1E, 0x2E), "Nehalem", True, True, "v2", False, "Xeon", "G"),
    Row(INTEL, 0x06, (0x25, 0x2C, 0x2F), "Westmere", True, True, "v2", False, "Xeon"),
    Row(INTEL, 0x06, (0x2A, 0x2D), "Sandy Bridge", True, True, "v2", True, "Xeon"),
    Row(INTEL, 0x06, (0x3A, 0x3E), "Ivy Bridge", True, True, "v2", True, "Xeon"),
    Row(INTEL, 0x06, (0x3C, 0x3F), "Haswell", True, True, "v3", True, "Xeon"),
    Row(INTEL, 0x06, (0x47, 0x4F, 0x56), "Broadwell", True, True, "v3", True, "Xeon"),
    Row(INTEL, 0x06, (0x5E,), "Skylake (E3 v5)", True, True, "v3", True, "Xeon"),
    Row(INTEL, 0x06, (0x9E,), "Kaby Lake, Coffee Lake", True, True, "v3", True, "Xeon"),
    Row(INTEL, 0x06, (0xA5,), "Comet Lake", True, True, "v3", True, "Xeon", "G"),
    Row(INTEL, 0x06, (0x55,), "Skylake, Cascade Lake, Cooper Lake", True, True, "v4", True),
    Row(INTEL, 0x06, (0x5F,), "Denverton", True, True, "v2", True),
    Row(INTEL, 0x06, (0x6A, 0x6C), "Ice Lake", True, True, "v4", True),
    Row(INTEL, 0x06, (0xA7,), "Rocket Lake", True, True, "v4", True, "Xeon"),
    Row(INTEL, 0x06, (0x8F,), "Sapphire Rapids", True, True, "v4", True),
    Row(INTEL, 0x06, (0xCF,), "Emerald Rapids", True, True, "v4", True),
    Row(INTEL, 0x06, (0xAD,), "Granite Rapids", True, True, "v4", True),
    Row(INTEL, 0x06, (0xAF,), "Sierra Forest", True, True, "v3", True, "", "G"),
    Row(INTEL, 0x0F, range(4), "NetBurst", False, False, None, False),
    Row(INTEL, 0x0F, _ALL, "NetBurst", None, False, None, False),
    Row(AMD, 0x0F, range(0x40), "K8", False, False, None, False),
    Row(AMD, 0x0F, _ALL, "K8, revision F or later", True, False, "v1", False, "Opteron"),
    Row(AMD, 0x0F, _ALL, "K8, revision F or later", None, False, "v1", False),
    Row(AMD, 0x10, (0x02,), "Barcelona", True, True, "v1", False),
    Row(AMD, 0x10, (0x04,), "Shanghai", True, True, "v1", False),
    Row(AMD, 0x10, (0x08,), "Istanbul, Lisbon", True, True, "v1", False),
    Row(AMD, 0x10, (0x09,), "Magny-Cours", True, True, "v1", False),
    Row(AMD, 0x10, _ALL, "family 10h", True, True, "v1", False),
    Row(AMD, 0x11, _ALL, "family 11h", True, False, "v1", False),
    Row(AMD, 0x12, _ALL, "family 12h", True, True, "v1", False),
    Row(AMD, 0x14, _ALL, "family 14h", True, True, None, None),
    Row(AMD, 0x15, (0x01,), "Interlagos", True, True, "v2", True),
    Row(AMD, 0x15, (0x02,), "Abu Dhabi", True, True, "v2", True),
    Row(AMD, 0x15, _ALL, "family 15h", True, True, None, True),
    Row(AMD, 0x16, _ALL, "family 16h", True, True, "v2", True),
    Row(AMD, 0x17, (0x01,), "Naples", True, True, "v3", True),
    Row(AMD, 0x17, (0x31,), "Rome", True, True, "v3", True),
    Row(AMD, 0x17, _ALL, "Zen, Zen 2", True, True, "v3", True),
    Row(HYGON, 0x18, _ALL, "Dhyana", True, True, "v3", True),
    Row(AMD, 0x19, (0x01,), "Milan", True, True, "v3", True),
    Row(AMD, 0x19, (0x11,), "Genoa", True, True, "v4", True),
    Row(AMD, 0x19, (0xA0,), "Bergamo, Siena", True, True, "v4", True),
    Row(AMD, 0x19, _ALL, "Zen 3, Zen 4", True, True, None, True),
    Row(AMD, 0x1A, (0x02, 0x11), "Turin", True, True, "v4", True),
    Row(AMD, 0x1A, _ALL, "Zen 5", True, True, "v4", True),
)


def lookup(vendor: str, family: int, model: int, brand: str = "") -> Row | None:
    """Return what is known of a part; None for one that is not listed.

    Without a brand string, rows that speak for one brand only are passed over.
    """
    for row in TABLE:
        fits = row.vendor == vendor and row.family == family and model in row.models
        if fits and row.brand.lower() in brand.lower():
            return row
    return None


def is_listed(vendor: str, family: int, model: int) -> bool:
    """Tell whether some row knows this very model, whatever its brand."""
    return any(
        row.vendor == vendor and row.family == family and model in row.models
        for row in TABLE
        if row.models is not _ALL
    )
