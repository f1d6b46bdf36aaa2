"""Tiny UEFI programs that say who they are on the console: what the firmware really booted.

Each is a PE image with one section of machine code, written here byte by byte, so that a boot takes
as long as the firmware does and nothing has to be compiled.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Final, Literal

_BASE: Final = 0x1000  # where the section lies in memory
_ALIGN: Final = 0x200
_HEADERS: Final = 0x200

Then = Literal["halt", "return", "reset", "off"]

#: UEFI calls ``entry(rcx=image handle, rdx=system table)`` with a stack that is 8 off 16.
_PROLOGUE: Final = bytes.fromhex(
    "53"  # push rbx
    "4883ec20"  # sub rsp, 32
    "4889d3"  # mov rbx, rdx
)
_IS_SVM_THERE: Final = bytes.fromhex(
    "53"  # push rbx: cpuid writes it
    "b801000080"  # mov eax, 0x80000001
    "0fa2"  # cpuid
    "5b"  # pop rbx
    "f6c104"  # test cl, 4: SVM
)
_RESETS: Final = {"reset": 0, "off": 2}  # EfiResetCold, EfiResetShutdown


def program(name: str, then: Then) -> bytes:
    """Return a program that writes ``[name svm]`` or ``[name]`` to the console, then ends so."""
    ends = _ending(then)
    plain, with_svm = (
        text.encode("utf-16-le") for text in (f"[{name}]\r\n\0", f"[{name} svm]\r\n\0")
    )
    # 7 + 2 + 7: lea, jz, lea; then the call, and the end; the texts come after all code.
    print_it = bytes.fromhex(
        "488b4b40"  # mov rcx, [rbx + 64]: ConOut
        "ff5108"  # call [rcx + 8]: OutputString
    )
    code = _PROLOGUE + _IS_SVM_THERE
    rest = len(print_it) + len(ends)
    code += bytes.fromhex("488d15") + struct.pack("<i", 2 + 7 + rest)  # lea rdx, [plain]
    code += bytes.fromhex("7407")  # jz over the next
    code += bytes.fromhex("488d15") + struct.pack("<i", rest + len(plain))  # lea rdx, [with_svm]
    return _image(code + print_it + ends + plain + with_svm)


def _ending(then: Then) -> bytes:
    if then == "halt":
        return bytes.fromhex("f4ebfd")  # hlt; jmp to it
    if then == "return":
        return bytes.fromhex("31c04883c4205bc3")  # EFI_SUCCESS
    return (
        bytes.fromhex("b9")
        + struct.pack("<I", _RESETS[then])  # mov ecx, how
        + bytes.fromhex(
            "31d24d31c04d31c9"  # no status, no data
            "488b4358"  # mov rax, [rbx + 88]: RuntimeServices
            "ff5068"  # call [rax + 104]: ResetSystem
        )
    )


def _image(code: bytes) -> bytes:
    """Return a PE32+ EFI application of one section."""
    size = -(-len(code) // _ALIGN) * _ALIGN
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x0206)
    optional = struct.pack(
        "<HBBIIIII QIIHHHHHH IIIIHH QQQQII",
        *(0x20B, 0, 0, size, 0, 0, _BASE, _BASE),
        *(0, _ALIGN, _ALIGN, 0, 0, 0, 0, 0, 0),
        *(0, _BASE + size, _HEADERS, 0, 10, 0),  # subsystem 10: EFI application
        *(0, 0, 0, 0, 0, 16),
    )
    section = struct.pack(
        "<8sIIIIIIHHI", b".text", len(code), _BASE, size, _HEADERS, 0, 0, 0, 0, 0xE0000020
    )
    dos = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    head = dos + b"PE\0\0" + coff + optional.ljust(240, b"\0") + section
    return head.ljust(_HEADERS, b"\0") + code.ljust(size, b"\0")


def stick(file: Path, name: str, then: Then = "halt") -> None:
    """Make ``file`` a medium that boots into the program: one FAT file system."""
    built = file.with_suffix(".efi")
    built.write_bytes(program(name, then))
    with file.open("wb") as image:
        image.truncate(4 << 20)
    _run("mformat", "-i", file, "::")
    _run("mmd", "-i", file, "::/EFI", "::/EFI/BOOT")
    _run("mcopy", "-i", file, built, "::/EFI/BOOT/BOOTX64.EFI")
    built.unlink()


def disc(file: Path, name: str, then: Then = "halt") -> None:
    """Make ``file`` an ISO that boots into the program."""
    content = file.with_suffix(".content")
    content.mkdir(exist_ok=True)
    stick(content / "efi.img", name, then)
    _run(
        "xorriso", "-as", "mkisofs", "-quiet", "-o", file, "-e", "efi.img", "-no-emul-boot", content
    )


def _run(*words: str | Path) -> None:
    subprocess.run(list(words), check=True, capture_output=True)
