"""Machines written as trees of files: /sys and /proc as the kernel would lay them out."""

from __future__ import annotations

from pathlib import Path

from provision.media.blocks import BlockDevices


class Machine:
    """A machine under ``root``; add disks and uses, then ask ``devices()`` about it."""

    def __init__(self, root: Path) -> None:
        self.sys, self.proc = root / "sys", root / "proc"
        self._minor = 0
        self._mounts: list[str] = []
        self._swaps: list[str] = []
        for folder in ("sys/block", "sys/bus/usb", "sys/bus/mmc", "sys/bus/scsi", "proc/self"):
            (root / folder).mkdir(parents=True)
        self.mount("0:1", "/proc", "proc", "proc")

    def usb(self, name: str, **facts: object) -> str:
        """Plug in a USB stick (behind a SCSI host, as usb-storage makes it)."""
        port = str(facts.pop("port", f"1-{self._minor + 1}"))
        usb = self.sys / "devices/pci0000:00/0000:00:14.0/usb1" / port
        device = usb / f"{port}:1.0/host6/target6:0:0/6:0:0:0"
        self._write(
            usb,
            idVendor=facts.pop("vid", "0781"),
            idProduct=facts.pop("pid", "5581"),
            serial=facts.pop("usb_serial", "4C530001"),
            speed="5000",
            busnum="1",
        )
        self._link(usb / "subsystem", self.sys / "bus/usb")
        self._link(device / "subsystem", self.sys / "bus/scsi")
        self._write(device, vendor="SanDisk", model="Ultra")
        return self._disk(name, device, **{"removable": 1, **facts})

    def card(self, name: str, kind: str = "SD", **facts: object) -> str:
        """Put in an SD card, or solder on an eMMC (``kind="MMC"``)."""
        device = self.sys / "devices/pci0000:00/mmc_host/mmc0/mmc0:aaaa" / name
        self._link(device / "subsystem", self.sys / "bus/mmc")
        self._write(device, type=kind, name="SC32G", serial="0x1234abcd", cid="035344")
        return self._disk(name, device, **facts)

    def sata(self, name: str, **facts: object) -> str:
        """Build in a disk that is neither USB nor a card."""
        device = self.sys / "devices/pci0000:00/0000:00:17.0/ata1/host0" / name
        self._link(device / "subsystem", self.sys / "bus/scsi")
        self._write(device, vendor="ATA", model="INTEL SSD", wwid=f"naa.5000-{name}")
        return self._disk(name, device, **facts)

    def virtual(self, name: str, slaves: tuple[str, ...] = (), **facts: object) -> str:
        """Stack a dm, md or loop device on others."""
        made = self._disk(name, None, **facts)
        for slave in slaves:
            place = self._find(slave)
            (place / "holders").mkdir(exist_ok=True)
            (self.sys / "block" / name / "slaves").mkdir(exist_ok=True)
            self._link(place / "holders" / name, self.sys / "block" / name)
            self._link(self.sys / "block" / name / "slaves" / slave, place)
        return made

    def partition(self, disk: str, number: int = 1) -> str:
        """Add a partition."""
        name = f"{disk}p{number}" if disk[-1].isdigit() else f"{disk}{number}"
        self._minor += 1
        self._write(
            self.sys / "block" / disk / name, partition=number, dev=f"8:{self._minor}", size=2048
        )
        return name

    def mount(self, devnum: str, point: str, kind: str = "ext4", source: str = "none") -> None:
        """Mount something, by device number or by source."""
        point = point.replace(" ", "\\040")
        self._mounts.append(
            f"{30 + len(self._mounts)} 1 {devnum} / {point} rw - {kind} {source} rw"
        )
        (self.proc / "self/mountinfo").write_text("\n".join(self._mounts) + "\n")

    def mount_device(self, name: str, point: str) -> None:
        """Mount a disk or partition of this machine."""
        self.mount((self._find(name) / "dev").read_text().strip(), point, source=f"/dev/{name}")

    def swap(self, name: str) -> None:
        """Swap to a partition."""
        self._swaps.append(f"/dev/{name}  partition  1024 0 -2")
        (self.proc / "swaps").write_text("Filename Type Size Used Prio\n" + "\n".join(self._swaps))

    def devices(self) -> BlockDevices:
        """Return what our code makes of this machine."""
        return BlockDevices(self.sys, self.proc)

    def _disk(self, name: str, device: Path | None, **facts: object) -> str:
        self._minor += 1
        place = self.sys / "block" / name
        values = {"dev": f"8:{self._minor}", "size": 62_500_000, "ro": 0, "removable": 0}
        self._write(place, **{**values, "diskseq": self._minor, **facts})
        if device:
            self._link(place / "device", device)
        return name

    def _find(self, name: str) -> Path:
        place = self.sys / "block" / name
        return place if place.exists() else next((self.sys / "block").glob(f"*/{name}"))

    def _write(self, place: Path, **files: object) -> None:
        for name, text in files.items():
            file = place / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")

    def _link(self, link: Path, target: Path) -> None:
        link.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
