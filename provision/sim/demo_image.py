"""A small image that simulated firmware boots: what the demo flashes in place of a hypervisor."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Final

from provision.sim.firmware import MARK

_SECTOR: Final = 512
_SCRIPT_AT: Final = 256 * _SECTOR  # in the gap before the first partition, behind an ISO's head
_FIRST: Final = 2048  # the partition's first sector

#: What the console of a server shows that boots the image; the language is ``firmware``'s.
SCRIPT: Final = """\
@wait 1
 Xen version 4.17 (simulated)
?virt (XEN) HVM: hardware virtualization enabled
!virt (XEN) HVM: hardware virtualization disabled by the BIOS
@wait 2
dom0: Linux, userland reached
xen_version            : 4.17 (simulated)
bareiron: hypervisor up
"""


def write(path: Path, *, size: int = 8 << 20, iso: bool = False) -> None:
    """Write an image of ``size`` bytes to ``path``: a partition table, and the boot script.

    Its digest is written beside it. With ``iso`` it also holds the volume descriptors that a CD
    drive boots by.
    """
    image = bytearray(size)
    # Boot code that a real BIOS would run, too: stop, and wait for somebody to see it.
    image[0:4] = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp back
    sectors = size // _SECTOR - _FIRST
    struct.pack_into("<B3sB3sII", image, 446, 0x80, b"\0" * 3, 0x83, b"\0" * 3, _FIRST, sectors)
    image[510:512] = b"\x55\xaa"
    script = MARK + SCRIPT.encode()
    image[_SCRIPT_AT : _SCRIPT_AT + len(script)] = script
    if iso:
        _make_iso(image)
    # Something worth reading back: half of it data, half of it empty, as real images are.
    data = b"".join(struct.pack("<Q", number) for number in range(size // 16))
    image[size // 2 :] = data[: size // 2].ljust(size // 2, b"\0")
    path.write_bytes(image)
    digest = hashlib.sha256(image).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{digest}  {path.name}\n", encoding="utf-8")


def _make_iso(image: bytearray) -> None:
    """Put in an empty ISO 9660 volume with an El Torito record (ECMA-119, El Torito 1.0)."""
    for sector, kind in ((16, 1), (17, 0), (18, 255)):
        at = sector * 2048
        image[at : at + 7] = bytes([kind]) + b"CD001\x01"
    image[17 * 2048 + 7 : 17 * 2048 + 30] = b"EL TORITO SPECIFICATION"
