"""What a virtual machine consists of, as QEMU is told and as its firmware sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provision.sim.boot import Device
from provision.sim.spec import Cpu, ServerSpec

#: The processor that QEMU's ``max`` emulates.
PROCESSOR: Final = Cpu(
    model="QEMU TCG CPU version 2.5+",
    vendor="AuthenticAMD",
    signature=0x00060FB1,
    cores=1,
    threads=1,
    mhz=2000,
)

_USB: Final = "PciRoot(0x0)/Pci(0x4,0x0)"
_PLACES: Final = (
    (f"{_USB}/USB(0x0,0x0)", "Usb", Device.STICK),
    (f"{_USB}/USB(0x1,0x0)", "Cd", Device.CD),
    ("PciRoot(0x0)/Pci(0x1F,0x2)/Sata(0x0,", "Hdd", Device.DISK),
    ("HD(", "Hdd", Device.DISK),  # an entry of an operating system's own
)
_SHELL: Final = "7C04A583-9E3E-4F1C-AD65-E05268D0B4D1"
_SETUP: Final = "462CAA21-7614-4503-836E-8AB6F4662331"


def recognise(path: str) -> tuple[str, Device]:
    """Return the override target and the device of a boot entry by its device path."""
    for start, alias, device in _PLACES:
        if path.startswith(start):
            return alias, device
    return ("UefiShell" if _SHELL in path else ""), Device.FIRMWARE


def is_setup(path: str) -> bool:
    """Whether this is the firmware's own setup, which is nothing to boot from."""
    return _SETUP in path


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where the parts of one machine lie; a ``stick`` or ``disc`` that is None is not in it."""

    code: Path
    variables: Path
    serial: Path
    disk: Path
    stick: Path | None
    disc: Path | None


def command(spec: ServerSpec, files: Files, *, virtualization: bool, control: int) -> list[str]:
    """Return QEMU's command line; it talks QMP on the connected socket ``control``."""
    words = [
        *("qemu-system-x86_64", "-name", f"provision-sim-{_value(spec.name)}"),
        *("-no-user-config", "-nodefaults", "-display", "none", "-nic", "none"),
        *("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"),
        # A reset ends the process, too: the variables can then be written before the next start.
        *("-no-reboot", "-rtc", "base=utc"),
        # KVM is not asked for: it may be there and broken.
        *("-accel", "tcg", "-smp", "1", "-m", f"{spec.memory_mib}M"),
        *("-cpu", _processor(virtualization)),
        *("-machine", "q35,smm=off,pflash0=code,pflash1=variables"),
        *("-global", "ICH9-LPC.disable_s3=1"),
        *("-uuid", spec.uuid, "-smbios", _smbios(spec)),
        *("-chardev", f"socket,id=qmp,fd={control}", "-mon", "chardev=qmp,mode=control"),
        *("-chardev", f"file,id=serial,path={_value(str(files.serial))},append=on"),
        *("-serial", "chardev:serial"),
        *_file("code", files.code, read_only=True),
        *_file("variables", files.variables),
        *_file("disk", files.disk),
        *_device("ide-hd", id="disk", bus="ide.0", drive="disk", serial="DISK"),
        *_device("qemu-xhci", id="usb", addr="4"),
    ]
    if files.stick:
        stick: dict[str, object] = {"bus": "usb.0", "port": "1", "drive": "stick"}
        words += _file("stick", files.stick)
        words += _device("usb-storage", id="stick", removable=True, serial="STICK", **stick)
    words += _device("usb-bot", id="bridge", bus="usb.0", port="2", serial="CD")
    inside: dict[str, object] = {"drive": "disc"} if files.disc else {}
    words += _file("disc", files.disc, read_only=True) if files.disc else []
    return [*words, *_device("scsi-cd", id="cd", bus="bridge.0", **inside)]


def _processor(virtualization: bool) -> str:
    # A paravirtual dom0 of Xen dies of the emulation of SMAP.
    return "max,-smap" + ("" if virtualization else ",-svm")


def _smbios(spec: ServerSpec) -> str:
    told = {"manufacturer": spec.vendor, "product": spec.model, "serial": spec.serial}
    return "type=1," + ",".join(f"{name}={_value(value)}" for name, value in told.items())


def _file(name: str, path: Path, *, read_only: bool = False) -> list[str]:
    """Return a block device over a raw image."""
    file = {"driver": "file", "filename": str(path), "read-only": read_only}
    return _json(
        "-blockdev",
        {"driver": "raw", "node-name": name, "file": file}
        | ({"read-only": True} if read_only else {}),
    )


def _device(driver: str, **properties: object) -> list[str]:
    return _json("-device", {"driver": driver, **properties})


def _json(option: str, value: Mapping[str, object]) -> list[str]:
    return [option, json.dumps(value)]


def _value(text: str) -> str:
    """Return ``text`` as a value in QEMU's own notation, which splits at commas."""
    return text.replace(",", ",,")
