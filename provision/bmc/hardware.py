"""From resources to facts: one function a part, each taking bodies that may say anything.

Here are the parts of the system itself; ``processors``, ``memory`` and ``devices`` hold the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hwprofiles.facts import Cell, FactBook, Source, Value
from hwprofiles.platforms import Setting
from provision.bmc.replies import JsonObject
from provision.bmc.values import absent, at, objects, serial, text, uuid, words
from provision.bmc.virtual_media import Slot


@dataclass(frozen=True, kw_only=True)
class Part:
    """The readable members of a collection (or one resource); ``complete`` when all were."""

    path: str
    bodies: tuple[JsonObject, ...] = ()
    complete: bool = True

    @property
    def first(self) -> JsonObject | None:
        """The first member, where there is one."""
        return self.bodies[0] if self.bodies else None


#: A row of a table; what is None is not told.
Row = Mapping[str, Cell | None]

#: Of a collection that is not there.
NOTHING = Part(path="", complete=False)


@dataclass(kw_only=True)
class Book:
    """Facts while they are collected, all with the power state they were read in."""

    power_state: str
    facts: FactBook = field(default_factory=FactBook)

    def tell(
        self,
        name: str,
        value: Value | Iterable[str] | Iterable[Row] | None,
        path: str,
    ) -> None:
        """Record a fact; None records nothing, nor does a None in a table."""
        self.facts.learn(name, value, Source.REDFISH, path, power_state=self.power_state)


def place(body: JsonObject, *names: str) -> str:
    """Return where in a resource something stands: ``/redfish/v1/Systems/1#/BiosVersion``."""
    return f"{body.get('@odata.id', '')}#/{'/'.join(names)}"


def in_order(rows: Iterable[Row], column: str) -> list[Row]:
    """Return rows sorted as people count: BMCs list the same parts in another order each time."""

    def key(row: Row) -> list[tuple[int, str]]:
        pieces = re.findall(r"[0-9]+|[^0-9]+", str(row.get(column) or ""))
        return [(int(each[:9]), "") if each.isdecimal() else (-1, each) for each in pieces]

    return sorted(rows, key=key)


def system(book: Book, body: JsonObject, serials: Iterable[str]) -> None:
    """Tell who made the server, what it is, its TPM and what it can be told to boot."""
    for fact, name in (
        ("system.vendor", "Manufacturer"),
        ("system.model", "Model"),
        ("firmware.version", "BiosVersion"),
    ):
        book.tell(fact, text(body, name), place(body, name))
    name = next((name for name in serials if serial(body, name)), "")
    book.tell("system.serial", serial(body, name), place(body, name))
    book.tell("system.uuid", uuid(body, "UUID"), place(body, "UUID"))
    targets = [each for each in words(body, "Boot", _TARGETS) if each and each.lower() != "none"]
    book.tell("boot.override_targets", targets or None, place(body, "Boot", _TARGETS))
    _trusted_modules(book, body)


_TARGETS = "BootSourceOverrideTarget@Redfish.AllowableValues"


def _trusted_modules(book: Book, body: JsonObject) -> None:
    """Tell the TPM; that there is none only where an empty list, or empty places, say so."""
    listed = body.get("TrustedModules")
    if not isinstance(listed, list):
        return
    where = place(body, "TrustedModules")
    modules = [module for module in objects(body, "TrustedModules") if not absent(module)]
    kinds = [text(module, "InterfaceType") or "" for module in modules]
    versions = [found[1] for kind in kinds if (found := re.fullmatch(r"TPM([12]_[0-9])", kind))]
    if versions:
        book.tell("tpm.version", max(versions).replace("_", "."), where)
    if versions or (not modules and len(objects(body, "TrustedModules")) == len(listed)):
        book.tell("tpm.present", bool(versions), where)


def secure_boot(book: Book, part: Part, bios: Part, settings: Mapping[str, Setting]) -> None:
    """Tell whether secure boot was on at the boot that runs.

    A BIOS setting proves that it is off; on, it still wants keys, which the setting does not tell.
    """
    body = part.first or {}
    current = at(body, "SecureBootCurrentBoot")
    if current in ("Enabled", "Disabled"):
        book.tell("firmware.secure_boot", current.lower(), place(body, "SecureBootCurrentBoot"))
    elif isinstance(enable := at(body, "SecureBootEnable"), bool):
        state = "enabled" if enable else "disabled"
        book.tell("firmware.secure_boot", state, place(body, "SecureBootEnable"))
    elif (setting := settings.get("secure-boot")) and setting.state == "disabled":
        where = place(bios.first or {}, "Attributes", setting.attribute)
        book.tell("firmware.secure_boot", "disabled", where)


_BOOT_MODE = re.compile(r"(BootModes?_)?(System)?BootMode(Select)?(_\w{4})?", re.IGNORECASE)


def boot_mode(book: Book, system: JsonObject, bios: Part, secure: Part) -> None:
    """Tell how the firmware boots: by its own setting, or by what only UEFI can do.

    The override's mode counts only while the override is on: else it may be a leftover. Where a
    lasting one contradicts the setting, one of them is not true, and nothing is told.
    """
    override = at(system, "Boot", "BootSourceOverrideEnabled")
    overriding = _mode(at(system, "Boot", "BootSourceOverrideMode"))
    mode, where = _own_mode(bios.first or {})
    if mode:
        if not (override == "Continuous" and overriding not in (None, mode)):
            book.tell("firmware.boot_mode", mode, where)
    elif at(secure.first, "SecureBootCurrentBoot") == "Enabled":
        where = place(secure.first or {}, "SecureBootCurrentBoot")
        book.tell("firmware.boot_mode", "uefi", where)
    elif override in ("Once", "Continuous"):
        where = place(system, "Boot", "BootSourceOverrideMode")
        book.tell("firmware.boot_mode", overriding, where)


def _own_mode(bios: JsonObject) -> tuple[str | None, str]:
    attributes = at(bios, "Attributes")
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        if _BOOT_MODE.fullmatch(name) and (mode := _mode(value)):
            return mode, place(bios, "Attributes", name)
    return None, ""


def _mode(value: object) -> str | None:
    found = (
        re.match(r"(uefi)|legacy|bios", value, re.IGNORECASE) if isinstance(value, str) else None
    )
    return None if found is None else "uefi" if found[1] else "bios"


def switches(
    book: Book, bios: Part, settings: Mapping[str, Setting], fixed: Mapping[str, str]
) -> None:
    """Tell what the BIOS settings switch; a value that is neither on nor off tells no state.

    What is ``fixed`` has no switch on this machine; why, stands in the place of the fact.
    """
    for word, state, attribute in (
        ("virtualization", "cpu.virt.state", "cpu.virt.attribute"),
        ("iommu", "iommu.state", "iommu.attribute"),
        ("sriov", "sriov.state", "sriov.attribute"),
        ("nx", "cpu.nx", None),
    ):
        if bios.first is None:
            return
        if reason := fixed.get(word):
            where = f"{place(bios.first, 'Attributes')} ({reason})"
            book.tell(state, "not-controllable", where)
        if (setting := settings.get(word)) is None:
            continue
        where = place(bios.first, "Attributes", setting.attribute)
        if attribute:
            book.tell(attribute, setting.attribute, where)
        if setting.state != "unknown":
            book.tell(state, setting.state, where)


def media(book: Book, slots: list[Slot]) -> None:
    """Tell how many virtual CD drives there are."""
    if slots:
        where = slots[0].path.rpartition("/")[0]
        book.tell("media.cd_slots", sum(slot.takes_cd for slot in slots), where)
