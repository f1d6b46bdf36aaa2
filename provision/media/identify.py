"""Says what an image is, by its content: how it boots, and which hypervisor it brings."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from provision.core.text import binary
from provision.media.decoders import Format
from provision.media.filesystems import Fat, read_fat, read_iso
from provision.media.images import Image, open_image
from provision.media.partitions import Partition, Read, mbr_boot_code, partitions

#: How much of a packed image is unpacked to look at it. What lies behind is unknown, not absent.
REACH = 64 << 20

#: More file systems than this on one image are not looked into.
MAX_VOLUMES = 16

#: Loaders UEFI starts from a stick, by the architecture they are for.
LOADERS = {"EFI/BOOT/BOOTX64.EFI": "x86-64", "EFI/BOOT/BOOTAA64.EFI": "aarch64"}

#: Volume labels by which a hypervisor's media are known.
LABELS = (
    (r"^BAREIRON$", "xen (embedded)"),
    (r"^ESXI-", "esxi"),
    (r"^PVE$", "proxmox-ve"),
    (r"^XCP-ng", "xcp-ng"),
    (r"^XenServer", "xenserver"),
    (r"^COS_LIVE$", "harvester"),
)


@dataclass(frozen=True, kw_only=True)
class ImageInfo:
    """What an image is. ``None`` says that it could not be told."""

    path: str
    format: Format
    stored_size: int
    size: int | None
    sha256: str | None = None
    content_sha256: str | None = None
    table: str
    partitions: tuple[Partition, ...]
    filesystem: str | None
    label: str
    iso9660: bool
    el_torito: tuple[str, ...]
    hybrid: bool
    boots_bios: bool
    boots_uefi: bool | None
    architectures: tuple[str, ...]
    hypervisor: str | None
    warnings: tuple[str, ...] = field(default=())

    @property
    def bootable(self) -> bool:
        """Whether a stick with this image on it may boot; what is unknown may."""
        return self.boots_bios or self.boots_uefi is not False

    @property
    def disc_only(self) -> bool:
        """Whether it boots from an optical disc or virtual CD, and not from a stick."""
        return self.iso9660 and not self.hybrid

    def summary(self) -> str:
        """Return the image in one line."""
        kind = "ISO 9660" if self.iso9660 else self.filesystem or "raw data"
        if self.hybrid:
            kind = "hybrid ISO 9660"
        elif self.table != "none":
            kind = self.table.upper()
        how = [
            *(["UEFI"] if self.boots_uefi else ["UEFI unknown"] if self.boots_uefi is None else []),
            *(["BIOS"] if self.boots_bios else []),
        ]
        boots = f"boots {' and '.join(how)}" if how else "does not boot from a stick"
        size = "size unknown" if self.size is None else binary(self.size)
        packed = "" if self.format is Format.RAW else f", packed as {self.format}"
        name = f' "{self.label}"' if self.label else ""
        brings = f", {self.hypervisor}" if self.hypervisor else ""
        return f"{kind}{name}{brings}, {size}{packed}, {boots}"

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as records and ``--output json`` print it."""
        return asdict(self) | {"bootable": self.bootable, "disc_only": self.disc_only}


def identify(path: Path | str, *, digests: bool = True) -> ImageInfo:
    """Say what the image at ``path`` is; with ``digests`` read all of it and hash it too."""
    with open_image(path) as image:
        return inspect(image, digests=digests)


def inspect(image: Image, *, digests: bool = False) -> ImageInfo:
    """Say what an open image is."""
    window = _Window(image, whole=digests)
    found = look(window.read)
    warnings = list(found.pop("warnings"))
    return ImageInfo(
        path=str(image.path),
        format=image.format,
        stored_size=image.stored_size,
        size=window.size,
        sha256=window.stored_sha256,
        content_sha256=window.content_sha256,
        warnings=tuple(warnings),
        **found,
    )


def look(read: Read) -> dict[str, Any]:
    """Return what can be told of an image, or of a device, from what ``read`` reaches."""
    table, parts = partitions(read)
    iso = read_iso(read)
    bare = read_fat(read, 0)
    esps, unknown = _esps(read, parts)
    volumes = [bare] if bare else esps
    paths = {path for volume in volumes for path in volume.paths}
    loaders = sorted({name for path, name in LOADERS.items() if path in paths})
    hybrid = bool(iso and parts)
    label = iso.label if iso else next((volume.label for volume in volumes if volume.label), "")
    names = [label, *(part.name for part in parts), *(volume.label for volume in volumes)]
    return {
        "table": table,
        "partitions": tuple(parts),
        "filesystem": "iso9660" if iso else "fat" if bare else None,
        "label": label,
        "iso9660": iso is not None,
        "el_torito": tuple(sorted(iso.el_torito)) if iso else (),
        "hybrid": hybrid,
        "boots_bios": mbr_boot_code(read) and bool(parts or bare) and not _no_code(read),
        "boots_uefi": True if loaders else None if unknown else False,
        "architectures": tuple(loaders),
        "hypervisor": _hypervisor(names),
        "warnings": _warnings(table, parts, bare),
    }


def describe_content(read: Read) -> str:
    """Return what is on a device now, in a few words, for the question before it is lost."""
    found = look(read)
    label = f' "{found["label"]}"' if found["label"] else ""
    if found["iso9660"]:
        return f"ISO 9660{label}"
    if found["partitions"]:
        count = len(found["partitions"])
        return f"{found['table'].upper()}, {count} partition{'s' if count > 1 else ''}{label}"
    if found["filesystem"]:
        return f"FAT{label}"
    return "empty" if not any(read(0, 1 << 20)) else "unknown data"


class _Window:
    """Random access to an image's content, as far as it is reached without a copy on disk."""

    def __init__(self, image: Image, *, whole: bool) -> None:
        self._image = image
        self._held = bytearray()
        self.size = image.size
        self.stored_sha256: str | None = None
        self.content_sha256: str | None = None
        if whole:
            self._read_all()
        elif image.format is not Format.RAW:
            for piece in image.pieces():
                self._held += piece
                if len(self._held) >= REACH:
                    break

    def _read_all(self) -> None:
        stream, content = self._image.stream(), hashlib.sha256()
        buffer = memoryview(bytearray(1 << 20))
        while count := stream.readinto(buffer):
            content.update(buffer[:count])
            if self._image.format is not Format.RAW and len(self._held) < REACH:
                self._held += buffer[:count]
        self.size = stream.position
        self.stored_sha256 = stream.stored_sha256()
        self.content_sha256 = content.hexdigest()

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at ``offset``, or fewer."""
        # Offsets come from tables an image may have lied in.
        if offset >= 1 << 62:
            return b""
        if self._image.format is Format.RAW:
            return os.pread(self._image.fd, size, offset)
        return bytes(self._held[offset : offset + size])


def _esps(read: Read, parts: list[Partition]) -> tuple[list[Fat], bool]:
    """Return the FAT volumes among the partitions, and whether one was out of reach."""
    volumes: list[Fat] = []
    unknown = False
    seen: set[int] = set()
    for part in parts:
        if not part.may_hold_esp or part.start in seen:
            continue
        seen.add(part.start)
        if len(volumes) >= MAX_VOLUMES:
            break
        if not read(part.start, 512):
            unknown = True
        elif volume := read_fat(read, part.start):
            volumes.append(volume)
    return volumes, unknown


def _no_code(read: Read) -> bool:
    """Whether the boot sector of a FAT or a table has the usual bytes and no program of its own."""
    sector = read(0, 512)
    # mkfs.vfat writes a program that only says "This is not a bootable disk".
    return b"not a bootable disk" in sector


def _hypervisor(names: list[str]) -> str | None:
    for pattern, hypervisor in LABELS:
        if any(re.search(pattern, name) for name in names):
            return hypervisor
    return None


def _warnings(table: str, parts: list[Partition], bare: Fat | None) -> list[str]:
    if table == "gpt" and not parts:
        return ["the partition table lists no partition"]
    if table == "none" and not bare:
        return ["no partition table and no boot sector were found"]
    return []
