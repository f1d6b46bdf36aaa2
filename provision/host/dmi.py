"""What the board says of itself: SMBIOS tables where root may read them, else /sys/class/dmi/id."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from hwprofiles.facts import FactBook, Source
from provision.host import smbios
from provision.host.files import Tree
from provision.host.smbios import Structure, said

TABLE: Final = "sys/firmware/dmi/tables/DMI"
_ID: Final = "sys/class/dmi/id"
_KIB, _MIB = 1024, 1024**2

_ECC: Final = {3: "none", 4: "parity", 5: "single-bit", 6: "multi-bit", 7: "crc"}
_SYSTEM_MEMORY: Final = 3  # use of a memory array; others hold the firmware's flash
_CENTRAL: Final = 3  # type of a processor
_NO_CONNECTOR: Final = 0
_PORT_USB: Final = 16
_MEDIA: Final = re.compile(r"usb|(?<![a-z])sd(?![a-z])", re.I)
_INSIDE: Final = re.compile(r"hypervisor|(?<![a-z])int(ern(al)?)?(?![a-z])", re.I)
_CARD: Final = re.compile(r"(?<![a-z])sd[ _]?(card|connector|slot)", re.I)


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell what the board says."""
    for name, file in (
        ("system.vendor", "sys_vendor"),
        ("system.model", "product_name"),
        ("system.serial", "product_serial"),
        ("system.uuid", "product_uuid"),
        ("firmware.version", "bios_version"),
    ):
        value = said(tree.text(f"{_ID}/{file}"))
        value = value.lower() if value and name == "system.uuid" else value
        facts.learn(name, value, Source.DMI, f"/{_ID}/{file}")
    table = tree.raw(TABLE)
    if table:
        tell_table(table, facts, f"/{TABLE}")


def tell_table(table: bytes, facts: FactBook, where: str) -> None:
    """Tell what the SMBIOS ``table`` says; ``where`` names it in the evidence."""
    of: defaultdict[int, list[Structure]] = defaultdict(list)
    for structure in smbios.parse(table):
        of[structure.type].append(structure)
    for system in of[1][:1]:
        facts.learn("system.vendor", said(system.string(0x04)), Source.DMI, f"{where}#1")
        facts.learn("system.model", said(system.string(0x05)), Source.DMI, f"{where}#1")
        facts.learn("system.serial", said(system.string(0x07)), Source.DMI, f"{where}#1")
    for firmware in of[0][:1]:
        facts.learn("firmware.version", said(firmware.string(0x05)), Source.DMI, f"{where}#0")
    _processors(of[4], facts, f"{where}#4")
    _memory(of[16], of[17], facts, where)
    ports = list(dict.fromkeys(name for port in of[8] if (name := internal_port(port))))
    if ports:  # that none is named proves nothing
        facts.learn("ports.internal", ports, Source.DMI, f"{where}#8")
    for module in of[43][:1]:
        version = (module.number(0x08, 1), module.number(0x09, 1))
        if version in ((1, 2), (2, 0)):
            facts.learn("tpm.present", True, Source.DMI, f"{where}#43")
            facts.learn("tpm.version", f"{version[0]}.{version[1]}", Source.DMI, f"{where}#43")


def _processors(structures: Sequence[Structure], facts: FactBook, where: str) -> None:
    sockets = [each for each in structures if each.number(0x05, 1) == _CENTRAL]
    if sockets:
        populated = [each for each in sockets if (each.number(0x18, 1) or 0) & 0x40]
        facts.learn("cpu.sockets", len(sockets), Source.DMI, where)
        facts.learn("cpu.sockets_populated", len(populated) or None, Source.DMI, where)


def _memory(
    arrays: Sequence[Structure], devices: Sequence[Structure], facts: FactBook, where: str
) -> None:
    """Tell of the modules in the arrays that are system memory."""
    system = {each.handle for each in arrays if each.number(0x05, 1) == _SYSTEM_MEMORY}
    slots = [each for each in devices if each.number(0x04, 2) in system]
    sizes = [size for slot in slots if (size := module_size(slot))]
    if slots:
        facts.learn("memory.slots", len(slots), Source.DMI, f"{where}#17")
        facts.learn("memory.dimms_populated", len(sizes), Source.DMI, f"{where}#17")
    if sizes:
        facts.learn("memory.total", sum(sizes), Source.DMI, f"{where}#17")
    capacities = [_capacity(each) for each in arrays if each.handle in system]
    if capacities and all(capacities):
        facts.learn("memory.max", sum(size or 0 for size in capacities), Source.DMI, f"{where}#16")
    kinds = {_ECC.get(each.number(0x06, 1) or 0) for each in arrays if each.handle in system}
    if len(kinds) == 1:
        facts.learn("memory.ecc", kinds.pop(), Source.DMI, f"{where}#16")


def _capacity(array: Structure) -> int | None:
    kibibytes = array.number(0x07, 4)
    if kibibytes == 0x8000_0000:
        return array.number(0x0F, 8)
    return kibibytes * _KIB if kibibytes else None


def module_size(device: Structure) -> int:
    """Return the bytes of a memory module; 0 for an empty slot or one that does not say."""
    size = device.number(0x0C, 2) or 0
    if size in (0, 0xFFFF):
        return 0
    if size == 0x7FFF:
        return ((device.number(0x1C, 4) or 0) & 0x7FFF_FFFF) * _MIB
    return (size & 0x7FFF) * (_KIB if size & 0x8000 else _MIB)


def internal_port(port: Structure) -> str | None:
    """Return the name of a USB port or SD slot inside the machine; None for any other port.

    Boards name it in either field. One that says neither "internal" nor "hypervisor" still counts
    where there is a USB or SD designator inside, and no connector or designator outside.
    """
    inside, outside = said(port.string(0x04)), said(port.string(0x06))
    for name in (inside, outside):
        if name and (_CARD.search(name) or (_MEDIA.search(name) and _INSIDE.search(name))):
            return name
    hidden = outside is None and port.number(0x07, 1) == _NO_CONNECTOR
    if inside and hidden and _MEDIA.search(inside) and port.number(0x08, 1) == _PORT_USB:
        return inside
    return None
