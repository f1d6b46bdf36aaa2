"""The firmware as the kernel shows it: what several generations of kernels tell of a TPM."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwprofiles.facts import FactBook
from provision.host import firmware
from provision.host.files import Tree
from tests.host import machines


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("tpm_version_major", "2\n", "2.0"),
        ("tpm_version_major", "1\n", "1.2"),
        ("device/description", "TPM 2.0 Device\n", "2.0"),
        ("caps", "Manufacturer: 0x49465800\nTCG version: 1.2\nFirmware version: 3.19\n", "1.2"),
        ("tpm_version_major", "7\n", None),
        ("caps", "Manufacturer: 0x49465800\n", None),
    ],
)
def test_tpm(tmp_path: Path, name: str, text: str, version: str | None) -> None:
    """Its version from the file that the kernel has for it; a TPM it does not drive is unknown."""
    machines.put(tmp_path, f"sys/class/tpm/tpm0/{name}", text)
    facts = FactBook()
    firmware.tell(Tree(tmp_path), facts)
    told = {fact_name: fact.value for fact_name, fact in facts.items()}
    assert told == ({"tpm.present": True, "tpm.version": version} if version else {})
