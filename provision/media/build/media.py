"""The two shapes of an image: a GPT disk for sticks and cards, a hybrid ISO for virtual media."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.core.text import binary
from provision.media.build import gpt
from provision.media.build.errors import ImageTooSmall
from provision.media.build.tools import run

LABEL = "BAREIRON"
_MIB = 1 << 20
_BIOS_SECTORS = 2048 - gpt.FIRST  # up to 1 MiB, where the ESP begins, aligned for flash memory
_EFI_PATH = "EFI/BOOT/BOOTX64.EFI"
_FLOPPY = 1440 * 1024


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What goes on the medium: ``files`` by path, and the boot loaders for each firmware.

    ``epoch`` is the one date that everything carries.
    """

    files: Mapping[str, bytes]
    efi: bytes
    bios: bytes
    boot_sector: bytes
    epoch: int

    @property
    def identity(self) -> uuid.UUID:
        """A number that follows from the content: equal images are equal to the last byte."""
        digest = hashlib.sha256()
        for path in sorted(self.files):
            digest.update(f"{path}\0{len(self.files[path])}\0".encode())
            digest.update(self.files[path])
        return uuid.UUID(bytes=digest.digest()[:16])


def disk(payload: Payload, output: Path, *, size: int, work: Path) -> None:
    """Write a GPT disk image of ``size`` bytes: GRUB's BIOS partition, then the EFI one."""
    total = size // gpt.SECTOR
    esp_at = gpt.FIRST + _BIOS_SECTORS
    esp_sectors = total - gpt.RESERVED - esp_at
    core = gpt.with_block_list(payload.bios, core_at=gpt.FIRST)
    _check_room(payload, size, esp_sectors * gpt.SECTOR, core)
    partitions = [
        gpt.Partition(name="BIOS boot", kind=gpt.BIOS_BOOT, start=gpt.FIRST, sectors=_BIOS_SECTORS),
        gpt.Partition(name=LABEL, kind=gpt.EFI_SYSTEM, start=esp_at, sectors=esp_sectors),
    ]
    head, tail = gpt.tables(partitions, total=total, identity=payload.identity)
    esp = work / "esp.img"
    content = {**payload.files, _EFI_PATH: payload.efi}
    _fat(esp, content, payload, size=esp_sectors * gpt.SECTOR, hidden=esp_at)
    with output.open("wb") as file:
        file.write(gpt.with_boot_code(head, payload.boot_sector, core_at=gpt.FIRST))
        file.write(head[gpt.SECTOR :])
        file.write(core)
        file.seek(esp_at * gpt.SECTOR)
        file.write(esp.read_bytes())
        file.write(tail)


def _check_room(payload: Payload, size: int, esp: int, core: bytes) -> None:
    if len(core) > _BIOS_SECTORS * gpt.SECTOR:
        raise ImageTooSmall(
            f"laying out the disk: GRUB's BIOS image of {len(core)} bytes is too big"
        )
    content = sum(map(len, payload.files.values())) + len(payload.efi)
    smallest = content + content // 64 + 2 * _MIB  # with what FAT and the tables take
    if size < smallest or esp <= content:
        needed = -(-smallest // _MIB)
        raise ImageTooSmall(
            f"laying out the disk: {binary(content)} of content do not fit into {binary(size)}",
            hint=f"Give --size {needed}MiB or more.",
        )


def _fat(
    image: Path, files: Mapping[str, bytes], payload: Payload, *, size: int, hidden: int = 0
) -> None:
    """Make a FAT file system of ``size`` bytes at ``image`` that holds ``files``."""
    with image.open("wb") as file:
        file.truncate(size)
    kind = 12 if size <= 4 * _MIB else 16 if size <= 512 * _MIB else 32
    volume = payload.identity.hex[:8]
    # --invariant fixes the volume's number too, so ours must come after it.
    options = ["-F", str(kind), "-n", LABEL, "-h", str(hidden), "--invariant", "-i", volume]
    run(["mkfs.vfat", *options, image], epoch=payload.epoch)
    folders = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    names = [f"::/{folder}" for folder in sorted(folders)]
    run(["mmd", "-i", image, *names], epoch=payload.epoch)
    source = image.with_suffix(".file")
    for path in sorted(files):
        source.write_bytes(files[path])
        run(["mcopy", "-i", image, source, f"::/{path}"], epoch=payload.epoch)


def iso(payload: Payload, output: Path, *, hybrid_sector: Path, work: Path) -> None:
    """Write an ISO that boots from CD by BIOS and UEFI, and from a stick when written raw."""
    tree = work / "iso"
    efi = work / "efi.img"
    _fat(efi, {_EFI_PATH: payload.efi}, payload, size=_FLOPPY)
    files = {
        **payload.files,
        "boot/grub/eltorito.img": payload.bios,
        "boot/grub/efi.img": efi.read_bytes(),
    }
    for path, content in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    run(
        [
            *(
                "xorriso",
                "-no_rc",
                "-as",
                "mkisofs",
                "-quiet",
                "-r",
                "-J",
                "-V",
                LABEL,
                "-o",
                output,
            ),
            *("--set_all_file_dates", f"={payload.epoch}"),
            *("-c", "boot/boot.cat", "-b", "boot/grub/eltorito.img", "-no-emul-boot"),
            *("-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info"),
            *("--grub2-mbr", hybrid_sector),
            *("--efi-boot", "boot/grub/efi.img"),
            # On a stick, firmware looks for a partition table with an EFI partition in it.
            *("-efi-boot-part", "--efi-boot-image", "--protective-msdos-label", tree),
        ],
        epoch=payload.epoch,
    )
