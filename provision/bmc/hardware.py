"""From resources to facts: one function a part, each taking bodies that may say anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hwprofiles import cpu
from hwprofiles.cpus import INTEL
from hwprofiles.facts import FactBook, Source, Value
from hwprofiles.platforms import Setting
from provision.bmc.replies import JsonObject
from provision.bmc.values import absent, at, integer, number, objects, text, words
from provision.bmc.virtual_media import Slot

_GIB, _MIB = 2**30, 2**20


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


#: Of a collection that is not there.
NOTHING = Part(path="", complete=False)


@dataclass(kw_only=True)
class Book:
    """Facts while they are collected, all with the power state they were read in."""

    power_state: str
    facts: FactBook = field(default_factory=FactBook)

    def tell(self, name: str, value: Value | Iterable[str] | None, path: str) -> None:
        """Record a fact; None records nothing."""
        self.facts.learn(name, value, Source.REDFISH, path, power_state=self.power_state)


def _place(body: JsonObject, *names: str) -> str:
    return f"{body.get('@odata.id', '')}#/{'/'.join(names)}"


def system(book: Book, body: JsonObject) -> None:
    """Tell who made the server, what it is, its TPM and what it can be told to boot."""
    for fact, name in (
        ("system.vendor", "Manufacturer"),
        ("system.model", "Model"),
        ("system.serial", "SerialNumber"),
        ("firmware.version", "BiosVersion"),
    ):
        book.tell(fact, text(body, name), _place(body, name))
    uuid = text(body, "UUID")
    book.tell("system.uuid", uuid.lower() if uuid else None, _place(body, "UUID"))
    targets = [each for each in words(body, "Boot", _TARGETS) if each and each.lower() != "none"]
    book.tell("boot.override_targets", targets or None, _place(body, "Boot", _TARGETS))
    _trusted_modules(book, body)


_TARGETS = "BootSourceOverrideTarget@Redfish.AllowableValues"


def _trusted_modules(book: Book, body: JsonObject) -> None:
    """Tell the TPM; that there is none only where an empty list, or empty places, say so."""
    listed = body.get("TrustedModules")
    if not isinstance(listed, list):
        return
    place = _place(body, "TrustedModules")
    modules = [module for module in objects(body, "TrustedModules") if not absent(module)]
    kinds = [text(module, "InterfaceType") or "" for module in modules]
    versions = [found[1] for kind in kinds if (found := re.fullmatch(r"TPM([12]_[0-9])", kind))]
    if versions:
        book.tell("tpm.version", max(versions).replace("_", "."), place)
    if versions or (not modules and len(objects(body, "TrustedModules")) == len(listed)):
        book.tell("tpm.present", bool(versions), place)


def processors(book: Book, system: JsonObject, part: Part) -> None:
    """Tell the processors: those of type CPU in sockets that are not empty."""
    sockets = [body for body in part.bodies if at(body, "ProcessorType") in ("CPU", None)]
    cpus = [body for body in sockets if not absent(body)]
    if part.complete and cpus:
        book.tell("cpu.sockets_populated", len(cpus), part.path)
        if len(cpus) < len(sockets):  # a BMC that lists empty sockets lists them all
            book.tell("cpu.sockets", len(sockets), part.path)
    elif count := integer(system, "ProcessorSummary", "Count"):
        book.tell("cpu.sockets_populated", count, _place(system, "ProcessorSummary", "Count"))
    _cores(book, system, part, cpus)
    name = next((name for body in cpus if (name := text(body, "Model"))), None)
    where = part.path if name else _place(system, "ProcessorSummary", "Model")
    name = name or text(system, "ProcessorSummary", "Model")
    book.tell("cpu.name", name, where)
    _signature(book, part, cpus, name or "")


def _cores(book: Book, system: JsonObject, part: Part, cpus: list[JsonObject]) -> None:
    cores = [integer(body, "TotalCores") or 0 for body in cpus]
    if part.complete and cpus and all(cores):
        book.tell("cpu.cores", sum(cores), f"{part.path}#TotalCores")
    elif count := integer(system, "ProcessorSummary", "CoreCount"):
        book.tell("cpu.cores", count, _place(system, "ProcessorSummary", "CoreCount"))


def _signature(book: Book, part: Part, cpus: list[JsonObject], name: str) -> None:
    """Tell which CPU it is, if every socket holds the same and its numbers leave no doubt."""
    vendors = {cpu.vendor_of(_vendor(body)) for body in cpus}
    place = f"{part.path}#ProcessorId"
    if len(vendors) == 1:
        book.tell("cpu.vendor", vendors.pop(), place)
    found = {
        cpu.decode_processor_id(body["ProcessorId"])
        if isinstance(body.get("ProcessorId"), dict)
        else None
        for body in cpus
    }
    signature = found.pop() if len(found) == 1 else None
    if signature is None:
        return
    book.tell("cpu.vendor", signature.vendor, place)
    book.tell("cpu.family", signature.family, place)
    book.tell("cpu.model", signature.model, place)
    book.tell("cpu.stepping", signature.stepping, place)
    book.tell("cpu.virt.slat", signature.slat(name), place)
    if (able := signature.can_virtualize(name)) is not None:
        feature = "vmx" if signature.vendor == INTEL else "svm"
        book.tell("cpu.virt.feature", feature if able else "none", place)


def _vendor(body: JsonObject) -> str | None:
    return text(body, "ProcessorId", "VendorId") or text(body, "Manufacturer")


def memory(book: Book, system: JsonObject, part: Part) -> None:
    """Tell the memory: the larger of summary and modules; nothing stale while the host is off."""
    modules = [body for body in part.bodies if not absent(body) and number(body, "CapacityMiB")]
    summed = round(sum(number(body, "CapacityMiB") or 0 for body in modules) * _MIB)
    summary = round((number(system, "MemorySummary", "TotalSystemMemoryGiB") or 0) * _GIB)
    if total := max(summed, summary):
        where = f"{part.path}#CapacityMiB"
        if summary >= summed:
            where = _place(system, "MemorySummary", "TotalSystemMemoryGiB")
        book.tell("memory.total", total, where)
    if not (part.complete and modules):
        return
    book.tell("memory.dimms_populated", len(modules), part.path)
    if any(absent(body) for body in part.bodies):
        book.tell("memory.slots", len(part.bodies), part.path)
    kinds = {_ECC.get(_letters(body.get("ErrorCorrection"))) for body in modules}
    if len(kinds) == 1:
        book.tell("memory.ecc", kinds.pop(), f"{part.path}#ErrorCorrection")


_ECC = {
    "noecc": "none",
    "singlebitecc": "single-bit",
    "multibitecc": "multi-bit",
    "addressparity": "parity",
}


def _letters(value: object) -> str:
    return re.sub(r"[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def secure_boot(book: Book, part: Part) -> None:
    """Tell whether secure boot was on at the boot that runs."""
    body = part.first or {}
    current = at(body, "SecureBootCurrentBoot")
    if current in ("Enabled", "Disabled"):
        book.tell("firmware.secure_boot", current.lower(), _place(body, "SecureBootCurrentBoot"))
    elif isinstance(enable := at(body, "SecureBootEnable"), bool):
        state = "enabled" if enable else "disabled"
        book.tell("firmware.secure_boot", state, _place(body, "SecureBootEnable"))


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
        where = _place(secure.first or {}, "SecureBootCurrentBoot")
        book.tell("firmware.boot_mode", "uefi", where)
    elif override in ("Once", "Continuous"):
        where = _place(system, "Boot", "BootSourceOverrideMode")
        book.tell("firmware.boot_mode", overriding, where)


def _own_mode(bios: JsonObject) -> tuple[str | None, str]:
    attributes = at(bios, "Attributes")
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        if _BOOT_MODE.fullmatch(name) and (mode := _mode(value)):
            return mode, _place(bios, "Attributes", name)
    return None, ""


def _mode(value: object) -> str | None:
    found = (
        re.match(r"(uefi)|legacy|bios", value, re.IGNORECASE) if isinstance(value, str) else None
    )
    return None if found is None else "uefi" if found[1] else "bios"


def network(book: Book, part: Part) -> None:
    """Tell the network ports of the host; the fastest only where every port tells its speed.

    A port without a link says nothing or zero, and what a slower neighbour says is no maximum.
    """
    ports = [body for body in part.bodies if not absent(body)]
    if not (part.complete and ports):
        return
    book.tell("nics.count", len(ports), part.path)
    speeds = [number(body, "SpeedMbps") or 0 for body in ports]
    if all(speeds):
        book.tell("nics.fastest", round(max(speeds) * 10**6), f"{part.path}#SpeedMbps")


def storage(book: Book, drives: Part, simple: Part) -> None:
    """Tell the largest disk."""
    sizes = [(number(body, "CapacityBytes") or 0, str(body["@odata.id"])) for body in drives.bodies]
    sizes += [
        (number(device, "CapacityBytes") or 0, str(body["@odata.id"]))
        for body in simple.bodies
        for device in objects(body, "Devices")
    ]
    size, where = max(sizes, default=(0, ""))
    book.tell("storage.largest", round(size) or None, f"{where}#CapacityBytes")


def switches(book: Book, bios: Part, settings: Mapping[str, Setting]) -> None:
    """Tell what the BIOS settings switch; a value that is neither on nor off tells no state."""
    for word, state, attribute in (
        ("virtualization", "cpu.virt.state", "cpu.virt.attribute"),
        ("iommu", "iommu.state", "iommu.attribute"),
        ("sriov", "sriov.state", "sriov.attribute"),
    ):
        setting = settings.get(word)
        if setting is None or bios.first is None:
            continue
        place = _place(bios.first, "Attributes", setting.attribute)
        book.tell(attribute, setting.attribute, place)
        if setting.state != "unknown":
            book.tell(state, setting.state, place)


def media(book: Book, slots: list[Slot]) -> None:
    """Tell how many virtual CD drives there are."""
    if slots:
        place = slots[0].path.rpartition("/")[0]
        book.tell("media.cd_slots", sum(slot.takes_cd for slot in slots), place)
