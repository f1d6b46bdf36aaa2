"""The firmware as the kernel found it: how it booted, secure boot, TPM, and the IOMMU's tables."""

from __future__ import annotations

from typing import Final

from hwprofiles.facts import FactBook, Source
from provision.host.files import Tree

_EFI: Final = "sys/firmware/efi"
_SECURE_BOOT: Final = f"{_EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
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
    major = tree.number("sys/class/tpm/tpm0/tpm_version_major")
    version = {1: "1.2", 2: "2.0"}.get(major or 0)
    if version:
        where = "/sys/class/tpm/tpm0/tpm_version_major"
        facts.learn("tpm.present", True, Source.PROCFS, where)
        facts.learn("tpm.version", version, Source.PROCFS, where)


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
