"""The firmware as the kernel found it: how it booted, secure boot, TPM, and the IOMMU's tables."""

from __future__ import annotations

import re
from typing import Final

from hwprofiles.facts import FactBook, Source
from provision.host.files import Tree

_EFI: Final = "sys/firmware/efi"
_SECURE_BOOT: Final = f"{_EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_TPM: Final = "sys/class/tpm/tpm0"
#: Files of it, what they hold, and the version that means; the first is there since Linux 5.6.
_TPM_FILES: Final = (
    ("tpm_version_major", r"^2$", "2.0"),
    ("tpm_version_major", r"^1$", "1.2"),
    ("device/description", r"^TPM 2\.0", "2.0"),
    ("caps", r"^TCG version: 1\.2", "1.2"),
)
_ACPI: Final = "sys/firmware/acpi/tables"
_GROUPS: Final = "sys/kernel/iommu_groups"


def tell(tree: Tree, facts: FactBook) -> None:
    """Tell of the firmware."""
    _boot_mode(tree, facts)
    _tpm(tree, facts)
    _iommu(tree, facts)


def _boot_mode(tree: Tree, facts: FactBook) -> None:
    if tree.names(_EFI) is not None:
        facts.learn("firmware.boot_mode", "uefi", Source.PROCFS, f"/{_EFI}")
        variable = tree.raw(_SECURE_BOOT, 5)  # four bytes of attributes, then the value
        if variable is not None and len(variable) == 5:
            word = "enabled" if variable[4] else "disabled"
            facts.learn("firmware.secure_boot", word, Source.PROCFS, f"/{_SECURE_BOOT}")
    elif "acpi" in (tree.names("sys/firmware") or ()):
        facts.learn("firmware.boot_mode", "bios", Source.PROCFS, f"/{_EFI} (not there)")


def _tpm(tree: Tree, facts: FactBook) -> None:
    """Tell of a TPM that the kernel drives; none there may only mean that its module is not."""
    for name, pattern, version in _TPM_FILES:
        if re.search(pattern, tree.text(f"{_TPM}/{name}") or "", re.M):
            facts.learn("tpm.present", True, Source.PROCFS, f"/{_TPM}/{name}")
            facts.learn("tpm.version", version, Source.PROCFS, f"/{_TPM}/{name}")
            return


def _iommu(tree: Tree, facts: FactBook) -> None:
    """Tell of the IOMMU: DMAR (Intel) or IVRS (AMD) is there when firmware has it on."""
    tables = tree.names(_ACPI)
    if tables:
        found = next((name for name in ("DMAR", "IVRS") if name in tables), None)
        where = f"/{_ACPI}/{found}" if found else f"/{_ACPI} (no DMAR, no IVRS)"
        facts.learn("iommu.present", found is not None, Source.ACPI, where)
        facts.learn("iommu.state", "enabled" if found else "disabled", Source.ACPI, where)
    elif tree.names(_GROUPS):
        facts.learn("iommu.present", True, Source.PROCFS, f"/{_GROUPS}")
        facts.learn("iommu.state", "enabled", Source.PROCFS, f"/{_GROUPS}")
