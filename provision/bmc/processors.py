"""Facts of the processors: sockets, cores, which CPU it is, and the GPUs that sit among them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from hwprofiles import cpu
from hwprofiles.cpu import Signature
from provision.bmc.hardware import Book, Part, Row, in_order, place
from provision.bmc.replies import JsonObject
from provision.bmc.values import absent, at, integer, text

T = TypeVar("T")


def processors(book: Book, system: JsonObject, part: Part) -> None:
    """Tell the processors: those of type CPU in sockets that are not empty."""
    sockets = [body for body in part.bodies if at(body, "ProcessorType") in ("CPU", None)]
    cpus = [body for body in sockets if not absent(body)]
    if part.complete and cpus:
        book.tell("cpu.sockets_populated", len(cpus), part.path)
        book.tell("cpu.packages", in_order(map(_package, sockets), "socket"), part.path)
        if len(cpus) < len(sockets):  # a BMC that lists empty sockets lists them all
            book.tell("cpu.sockets", len(sockets), part.path)
    elif count := integer(system, *_COUNT):
        book.tell("cpu.sockets_populated", count, place(system, *_COUNT))
    whole = cpus if part.complete else []
    _sum(book, "cpu.cores", whole, "TotalCores", (system, "CoreCount"), part.path)
    _sum(book, "cpu.threads", whole, "TotalThreads", (system, "LogicalProcessorCount"), part.path)
    name = next((name for body in cpus if (name := text(body, "Model"))), None)
    where = part.path if name else place(system, "ProcessorSummary", "Model")
    book.tell("cpu.name", name or text(system, "ProcessorSummary", "Model"), where)
    arch = _alike(cpus, lambda body: _ARCHITECTURES.get(text(body, "InstructionSet") or ""))
    book.tell("cpu.arch", arch, f"{part.path}#InstructionSet")
    _signature(book, part, cpus)
    book.tell("cpu.microcode", _alike(cpus, microcode), f"{part.path}#ProcessorId/MicrocodeInfo")
    _gpus(book, part)


#: Processor.InstructionSet -> cpu.arch.
_ARCHITECTURES = {
    "x86-64": "x86-64",
    "x86": "x86",
    "ARM-A64": "arm64",
    "ARM-A32": "other",
    "IA-64": "other",
    "MIPS32": "other",
    "MIPS64": "other",
    "PowerISA": "other",
    "RV32": "other",
    "RV64": "other",
}
_COUNT = ("ProcessorSummary", "Count")


def _package(body: JsonObject) -> Row:
    """Return a row: an empty socket has a name and nothing else."""
    socket = text(body, "Socket") or text(body, "Location", "PartLocation", "ServiceLabel")
    row: dict[str, str | int | bool | None] = {
        "socket": socket or text(body, "Id"),
        "populated": not absent(body),
    }
    if absent(body):
        return row
    signature = decoded(body)
    return row | {
        "name": text(body, "Model"),
        "cores": integer(body, "TotalCores") or None,
        "threads": integer(body, "TotalThreads") or None,
        "signature": _eax(signature) if signature else None,
        "microcode": microcode(body),
    }


def _sum(  # noqa: PLR0913, PLR0917 - two places that may tell one number
    book: Book,
    fact: str,
    cpus: list[JsonObject],
    each: str,
    summary: tuple[JsonObject, str],
    path: str,
) -> None:
    """Tell the sum over all processors, where each of them says; else the summary."""
    numbers = [integer(body, each) or 0 for body in cpus]
    system, name = summary
    if numbers and all(numbers):
        book.tell(fact, sum(numbers), f"{path}#{each}")
    elif count := integer(system, "ProcessorSummary", name):
        book.tell(fact, count, place(system, "ProcessorSummary", name))


def _signature(book: Book, part: Part, cpus: list[JsonObject]) -> None:
    """Tell which CPU it is, if every socket holds the same and its numbers leave no doubt."""
    where = f"{part.path}#ProcessorId"
    signature = _alike(cpus, decoded)
    book.tell("cpu.vendor", signature.vendor if signature else _alike(cpus, _vendor), where)
    if signature is None:
        return
    book.tell("cpu.family", signature.family, where)
    book.tell("cpu.model", signature.model, where)
    book.tell("cpu.stepping", signature.stepping, where)


def _alike(cpus: list[JsonObject], read: Callable[[JsonObject], T | None]) -> T | None:
    """Return what is the same of every processor; None where it differs, or one does not say."""
    found = {read(body) for body in cpus}
    return found.pop() if len(found) == 1 else None


def decoded(body: JsonObject) -> Signature | None:
    """Return the signature of a processor; None where its ProcessorId leaves a doubt."""
    told = body.get("ProcessorId")
    return cpu.decode_processor_id(told) if isinstance(told, dict) else None


def microcode(body: JsonObject) -> str | None:
    """Return the microcode revision as Linux prints it: ``0xd00037b``."""
    told = (text(body, "ProcessorId", "MicrocodeInfo") or "").lower()
    found = re.fullmatch(r"(?:0x)?0*([0-9a-f]{1,8})", told)
    return f"0x{found[1]}" if found else None


def _vendor(body: JsonObject) -> str | None:
    return cpu.vendor_of(text(body, "ProcessorId", "VendorId") or text(body, "Manufacturer"))


def _eax(signature: Signature) -> str | None:
    """Return CPUID leaf 1 EAX of a signature that has its stepping."""
    if signature.stepping is None:
        return None
    base = min(signature.family, 0xF)
    eax = (signature.family - base) << 20 | base << 8 | signature.stepping
    eax |= (signature.model & 0xF) << 4 | (signature.model >> 4) << 16
    return f"{eax:08X}"


def _gpus(book: Book, part: Part) -> None:
    """Tell the GPUs, where there are any: a BMC that lists none may not count them at all."""
    found = [
        body for body in part.bodies if at(body, "ProcessorType") == "GPU" and not absent(body)
    ]
    if part.complete and found:
        rows = [{"name": _product(body), "vendor": text(body, "Manufacturer")} for body in found]
        book.tell("gpus.cards", in_order(rows, "name"), part.path)
        book.tell("gpus.count", len(rows), part.path)


def _product(body: JsonObject) -> str | None:
    """Return what a GPU is called: some put the part number, or the slot, where the model goes."""
    maker = (text(body, "Manufacturer") or "").split()
    names = [name for key in ("Model", "Name") if (name := text(body, key))]
    proper = [name for name in names if maker and maker[0].lower() in name.lower()]
    return next(iter([*proper, *names]), None)
