"""GRUB images for each firmware, made of the packages' modules rather than this machine's."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from provision.media.build.packages import inside
from provision.media.build.recipe import Grub
from provision.media.build.tools import run


class Platform(StrEnum):
    """What GRUB is built for, in GRUB's own words."""

    EFI = "x86_64-efi"
    BIOS = "i386-pc"  # from a disk: needs boot.img before it
    CD = "i386-pc-eltorito"


def folder(platform: Platform, root: Path) -> Path:
    """Return the folder of GRUB's parts for ``platform`` in the packages unpacked at ``root``."""
    return inside(root, f"usr/lib/grub/{'x86_64-efi' if platform is Platform.EFI else 'i386-pc'}")


def image(platform: Platform, grub: Grub, *, marker: str, root: Path, work: Path) -> bytes:
    """Return a GRUB that finds the file system with ``/boot/MARKER`` and reads its menu there."""
    start = work / "grub-start.cfg"
    start.write_text(grub.start.replace("@MARKER@", marker))
    output = work / f"grub-{platform}.img"
    own = grub.efi if platform is Platform.EFI else grub.bios
    packed = [] if platform is Platform.EFI else ["--compression=xz"]
    run(
        [
            "grub-mkimage",
            f"--format={platform}",
            f"--directory={folder(platform, root)}",
            f"--output={output}",
            "--prefix=/boot/grub",
            f"--config={start}",
            *packed,
            *grub.modules,
            *own,
        ]
    )
    return output.read_bytes()
