"""The image on real firmware: it boots in all ways, and is always the same."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab.conftest import FAST, Images
from tests.lab.processes import provision
from tests.lab.qemu import machine
from tests.lab.serial import XEN_BOOT

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("shape", ["stick", "disc"])
def test_it_boots_on_both_firmwares(
    shape: str, images: Images, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    """From a USB stick and from a CD, by UEFI and by BIOS, up to a toolstack that answers."""
    image, bus = (images.stick, "usb") if shape == "stick" else (images.disc, "cd")

    def boot(firmware: str) -> None:
        folder = tmp_path / firmware
        folder.mkdir()
        with machine(image, firmware=firmware, bus=bus, folder=folder) as serial:
            serial.wait(*XEN_BOOT)

    list(pool.map(boot, ["uefi", "bios"]))


def test_the_disc_image_boots_from_a_stick_too(
    images: Images, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    """A tech who writes the ISO to a stick has a stick that boots, on both firmwares."""

    def boot(firmware: str) -> None:
        folder = tmp_path / firmware
        folder.mkdir()
        with machine(images.disc, firmware=firmware, bus="usb", folder=folder) as serial:
            serial.wait(*XEN_BOOT)

    list(pool.map(boot, ["uefi", "bios"]))


def test_it_fits_the_founding_figure(images: Images) -> None:
    """32 MB was the news in 2007; ours is not larger."""
    assert images.stick.stat().st_size == 33_554_432
    assert images.disc.stat().st_size <= 33_554_432


def test_the_same_packages_give_the_same_bytes(
    images: Images, tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    """Built again later, elsewhere: the same digest, in both shapes."""

    def again(name: str) -> dict[str, object]:
        done = provision("image", "build", "xen", "-o", tmp_path / name, *FAST, "--output", "json")
        report = json.loads(done.stdout)
        assert isinstance(report, dict)
        return report

    for first, report in zip(
        (images.stick, images.disc), pool.map(again, ["other.img", "other.iso"]), strict=True
    ):
        kept = first.with_name(first.name + ".sha256").read_text()
        assert kept == f"{report['sha256']}  {first.name}\n"


def test_inspect_knows_our_images(images: Images) -> None:
    """Our own tool tells what our own build made, without being told."""
    for image in (images.stick, images.disc):
        done = provision("image", "inspect", image, "--output", "json")
        found = json.loads(done.stdout)
        assert found["boots_bios"] is True
        assert found["boots_uefi"] is True
        assert "xen" in found["hypervisor"]
