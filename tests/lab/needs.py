"""What the lab needs of this machine, and how it says what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
#: The same, built for machines that keep their variables from all but system management mode.
OVMF_SECURE_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
OVMF_VARS = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
OVMF_KEYS = Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
SEABIOS = Path("/usr/share/seabios/bios-256k.bin")

_FILES = (OVMF_CODE, OVMF_SECURE_CODE, OVMF_VARS, OVMF_KEYS, SEABIOS)
_BUILD = ("apt-get", "dpkg-deb", "grub-mkimage", "mkfs.vfat", "mcopy", "mformat", "xorriso")
_VIRTUAL = ("qemu-system-x86_64", "libvirtd", "virsh", "unshare", "setpriv", "losetup")

_PACKAGES = (
    ("sushy-tools", "sushy_tools"),
    ("libvirt-python", "libvirt"),
    ("virt-firmware", "virt.firmware"),
)


def missing() -> list[str]:
    """Return what is missing, each in words; empty when the lab can run."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    found = [tool for tool in (*_BUILD, *_VIRTUAL) if not shutil.which(tool, path=path)]
    found += [str(file) for file in _FILES if not file.exists()]
    found += [
        f"the Python package {package}"
        for package, module in _PACKAGES
        if importlib.util.find_spec(module) is None
    ]
    return found + ([] if os.geteuid() == 0 else ["root (loop devices, an own libvirtd)"])
