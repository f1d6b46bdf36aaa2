"""A virtual machine without libvirt: one image, one firmware, one bus."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.needs import OVMF_CODE, OVMF_VARS
from tests.lab.processes import running
from tests.lab.serial import Serial

#: Every CPU feature QEMU emulates, but SMAP: a paravirtual dom0 dies of its emulation.
#: One processor is faster than two, and KVM is not asked for: it may be there and broken.
_MACHINE = ("-accel", "tcg", "-M", "q35", "-cpu", "max,-smap", "-smp", "1", "-m", "1024")

_BUSES = {
    "usb": (
        *("-device", "qemu-xhci,id=xhci"),
        *("-drive", "if=none,id=medium,format=raw,snapshot=on,file={image}"),
        *("-device", "usb-storage,bus=xhci.0,drive=medium,removable=on,bootindex=0"),
    ),
    "cd": (
        *("-drive", "if=none,id=medium,media=cdrom,format=raw,readonly=on,file={image}"),
        *("-device", "ide-cd,drive=medium,bootindex=0"),
    ),
}


@contextmanager
def machine(image: Path, *, firmware: str, bus: str, folder: Path) -> Iterator[Serial]:
    """Start a machine from ``image`` and give its console; the image is not written to."""
    serial = Serial(file=folder / "serial.log")
    command = ["qemu-system-x86_64", *_MACHINE, "-nodefaults", "-display", "none", "-no-reboot"]
    command += ["-serial", f"file:{serial.file}"]
    if firmware == "uefi":
        variables = folder / "vars.fd"
        shutil.copyfile(OVMF_VARS, variables)
        flash = "if=pflash,format=raw,unit="
        command += ["-drive", f"{flash}0,readonly=on,file={OVMF_CODE}"]
        command += ["-drive", f"{flash}1,file={variables}"]
    command += [word.format(image=image) for word in _BUSES[bus]]
    with running(command, log=folder / "qemu.log", ready=serial.file.exists):
        yield serial
