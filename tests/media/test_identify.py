"""What an image is, told by its content; the images are made by the real tools."""

from __future__ import annotations

import hashlib
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.media.filesystems import read_fat
from provision.media.identify import describe_content, identify, look
from tests.media.samples import MIB, content, packed

TOOLS = {"sgdisk", "mkfs.vfat", "mmd", "mcopy", "xorriso"}
needs_tools = pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS), reason=f"needs {', '.join(sorted(TOOLS))}"
)


def run(*words: object) -> None:
    """Run a tool quietly."""
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def fat(path: Path, size: int, bits: int, label: str = "STICK") -> Path:
    """A FAT file system that UEFI boots from."""
    with path.open("wb") as file:
        file.truncate(size)
    run("mkfs.vfat", "-F", bits, "-n", label, path)
    loader = path.with_name("loader")
    loader.write_bytes(b"MZ")
    run("mmd", "-i", path, "::/EFI", "::/EFI/BOOT")
    run("mcopy", "-i", path, loader, "::/EFI/BOOT/BOOTX64.EFI")
    return path


def gpt(folder: Path, name: str = "BAREIRON") -> Path:
    """A GPT disk whose ESP holds a loader."""
    esp = fat(folder / "esp", 14 * MIB, 16, name)
    path = folder / "disk.img"
    with path.open("wb") as file:
        file.truncate(16 * MIB)
    run("sgdisk", "-n1:2048:30719", "-t1:ef00", f"-c1:{name}", path)
    with path.open("r+b") as file:
        file.seek(MIB)
        file.write(esp.read_bytes())
    return path


def iso(folder: Path, label: str, *, hybrid: bool) -> Path:
    """An ISO that boots from disc by BIOS and UEFI, and from a stick if ``hybrid``."""
    tree, path = folder / "tree", folder / "disc.iso"
    tree.mkdir()
    (tree / "isolinux.bin").write_bytes(content(4096, zeros=0))
    shutil.copy(fat(folder / "efi", 2 * MIB, 12), tree / "efi.img")
    mbr = folder / "mbr"
    mbr.write_bytes(content(432, zeros=0))
    extra = ["-isohybrid-mbr", mbr, "-isohybrid-gpt-basdat"] if hybrid else []
    run(
        *("xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", label, "-o", path),
        *("-b", "isolinux.bin", "-no-emul-boot", "-boot-load-size", 4, "-boot-info-table"),
        *("-eltorito-alt-boot", "-e", "efi.img", "-no-emul-boot", *extra, tree),
    )
    return path


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A GPT disk, made once."""
    return gpt(tmp_path_factory.mktemp("disk")).read_bytes()


@needs_tools
@pytest.mark.parametrize("kind", ["raw", "gz", "xz", "zst"])
def test_our_own_image_is_known(tmp_path: Path, disk: bytes, kind: str) -> None:
    """The embedded hypervisor is recognised, packed or not, with both digests."""
    raw = disk
    path = tmp_path / "image"
    path.write_bytes(packed(raw, kind))
    info = identify(path)
    assert (info.table, info.label, info.hypervisor) == ("gpt", "BAREIRON", "xen (embedded)")
    assert (info.boots_uefi, info.boots_bios, info.architectures) == (True, False, ("x86-64",))
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.content_sha256 == hashlib.sha256(raw).hexdigest()
    assert info.size == len(raw)
    assert info.as_dict()["bootable"] is True
    assert "boots UEFI" in info.summary()


@needs_tools
@pytest.mark.parametrize(("size", "bits"), [(2 * MIB, 12), (20 * MIB, 16), (40 * MIB, 32)])
def test_a_bare_fat_is_read_at_every_width(tmp_path: Path, size: int, bits: int) -> None:
    """FAT12, FAT16 and FAT32 keep their directories in different places."""
    info = identify(fat(tmp_path / "fat", size, bits, "OLD-ESX"), digests=False)
    assert (info.filesystem, info.label, info.boots_uefi) == ("fat", "OLD-ESX", True)
    assert info.boots_bios is False  # mkfs.vfat's boot code only prints an apology


@needs_tools
def test_a_disc_image_is_not_a_stick_image(tmp_path: Path) -> None:
    """El Torito alone boots discs; written to a stick it boots nothing."""
    info = identify(iso(tmp_path, "ESXI-8.0U2-22380479-STANDARD", hybrid=False))
    assert (info.disc_only, info.bootable, info.hypervisor) == (True, False, "esxi")
    assert info.el_torito == ("bios", "uefi")


@needs_tools
def test_a_hybrid_image_boots_from_both(tmp_path: Path) -> None:
    """With a boot sector and a table around it, the same disc image boots from a stick."""
    info = identify(iso(tmp_path, "PVE", hybrid=True))
    assert (info.disc_only, info.hybrid, info.hypervisor) == (False, True, "proxmox-ve")
    assert (info.boots_bios, info.boots_uefi) == (True, True)


@needs_tools
def test_a_stick_is_described_before_it_is_lost(disk: bytes) -> None:
    """The question says what is on the stick, in a few words."""

    def read(offset: int, size: int) -> bytes:
        return disk[offset : offset + size]

    assert describe_content(read) == 'GPT, 1 partition "BAREIRON"'


def test_data_that_boots_nothing_says_so(tmp_path: Path) -> None:
    """No table, no boot sector: written as asked, with a warning."""
    path = tmp_path / "data"
    path.write_bytes(b"\1" * MIB)
    info = identify(path)
    assert not info.bootable
    assert info.warnings


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_header_breaks_the_reader(data: st.DataObject) -> None:
    """Hostile tables and file systems: an answer, never an exception, and in bounded work."""
    image = bytearray(content(256 << 10, zeros=0.2, seed=data.draw(st.integers(0, 5))))
    plants = st.sampled_from(
        [
            (512, b"EFI PART"),
            (0, b"\xeb\x3c\x90mkfs.fat"),
            (11, b"\x00\x02\x04\x01\x00\x02\x00\x02"),
            (32768, b"\x01CD001"),
            (17 * 2048, b"\0CD001\1EL TORITO SPECIFICATION"),
            (446 + 4, b"\xef"),
        ]
    )
    for at, magic in data.draw(st.lists(plants, min_size=1, max_size=6)):
        image[at : at + len(magic)] = magic
    for at, noise in data.draw(
        st.lists(st.tuples(st.integers(0, 40_000), st.binary(max_size=24)), max_size=8)
    ):
        image[at : at + len(noise)] = noise
    asked = 0

    def read(offset: int, size: int) -> bytes:
        nonlocal asked
        asked += 1
        assert asked < 5000
        assert 0 <= size <= MIB
        return bytes(image[offset : offset + size])

    assert look(read)["table"] in ("gpt", "mbr", "none")


def test_a_bomb_of_directories_is_not_walked() -> None:
    """A directory that lists itself ten thousand times, seen by 500 partitions."""
    reads: list[int] = []
    boot = bytearray(512)
    boot[:3], boot[510:] = b"\xeb\x3c\x90", b"\x55\xaa"
    # 512-byte sectors, 64 to a cluster, one FAT of 16 sectors, FAT32 with its root in cluster 2.
    struct.pack_into("<HBHBHHBHHHII", boot, 11, 512, 64, 1, 1, 0, 0, 0xF8, 0, 0, 0, 0, 1 << 24)
    struct.pack_into("<IHHI", boot, 36, 16, 0, 0, 2)
    entries = b"".join(
        name.ljust(11).encode() + b"\x10" + bytes(8) + b"\0\0" + bytes(4) + b"\2\0" + bytes(4)
        for name in ("EFI", "BOOT", "XEN")
    )
    cluster = (entries * 400)[: 64 * 512]
    fat = struct.pack("<128I", *[2] * 128) * 16
    volume = bytes(boot) + fat + cluster * 4

    def read(offset: int, size: int) -> bytes:
        reads.append(size)
        return volume[offset : offset + size]

    found = read_fat(read, 0)
    assert found is not None
    assert len(reads) < 50
    assert "EFI/BOOT" in found.paths
