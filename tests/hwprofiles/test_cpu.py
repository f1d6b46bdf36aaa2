"""Signatures are decoded as the vendors' manuals say, and out of what BMCs write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.cpu import Signature, decode_processor_id, vendor_of


@pytest.mark.parametrize(
    ("vendor", "eax", "numbers"),
    [
        ("GenuineIntel", 0x000606A6, (6, 0x6A, 6)),
        ("GenuineIntel", 0x00000F41, (15, 4, 1)),
        ("GenuineIntel", 0x000C06F2, (6, 0xCF, 2)),
        ("AuthenticAMD", 0x00100F23, (16, 2, 3)),
        ("AuthenticAMD", 0x00830F10, (23, 49, 0)),
        ("AuthenticAMD", 0x00A00F11, (25, 1, 1)),
        ("AuthenticAMD", 0x00040F12, (15, 0x41, 2)),
    ],
)
def test_leaf_1(vendor: str, eax: int, numbers: tuple[int, int, int]) -> None:
    """Extended family and model count where the manuals say they do."""
    signature = Signature.from_eax(vendor, eax)
    assert (signature.family, signature.model, signature.stepping) == numbers


@pytest.mark.parametrize(
    ("vendor", "family", "model", "step", "registers", "numbers"),
    [
        ("GenuineIntel", "6", "106", "6", "0x000606A6", (6, 0x6A, 6)),
        ("Intel(R) Corporation", "179", "10", "6", "0x06a60006fbffbfeb", (6, 0x6A, 6)),
        ("Intel(R) Corporation", "179", "15", "2", "0x06f2000cfbffbfeb", (6, 0xCF, 2)),
        ("Advanced Micro Devices, Inc.", "107", "1", "1", "0x0f1100a0fbff178b", (25, 1, 1)),
        ("GenuineIntel", "0x06", "0x6a", "0x06", "0x000606a6bfebfbff", (6, 0x6A, 6)),
        ("GenuineIntel", "0x6", "0x8F", "0x8", "0x20555043000806F8", (6, 0x8F, 8)),
        ("GenuineIntel", "0x6", "0x56", "0x3", "0xBFEBFBFF00050663", (6, 0x56, 3)),
        (
            "AuthenticAMD",
            "AMD Zen Processor Family",
            "0x31",
            "0x0",
            "178bfbff00830f10",
            (23, 49, 0),
        ),
        ("AuthenticAMD", "0x19", "0x11", "0x1", None, (25, 17, 1)),
        ("Intel(R) Corporation", "6", "63", None, None, (6, 63, None)),
        ("AMD Inc.", "19h", "1h", "1", None, (25, 1, 1)),
        ("GenuineIntel", "", "", "", "0x00000000000606A6", (6, 0x6A, 6)),
        ("GenuineIntel", "", "", "", "00-06-06-A6 : BF-EB-FB-FF", (6, 0x6A, 6)),
    ],
)
def test_every_format_met_in_the_field(  # noqa: PLR0917 - one column of the table each
    vendor: str,
    family: str,
    model: str,
    step: str | None,
    registers: str | None,
    numbers: tuple[int, int, int | None],
) -> None:
    """Each vendor's way of writing a CPU gives the CPU that is in it."""
    signature = decode_processor_id(
        {
            "VendorId": vendor,
            "EffectiveFamily": family,
            "EffectiveModel": model,
            "Step": step,
            "IdentificationRegisters": registers,
        }
    )
    assert signature is not None
    assert (signature.family, signature.model, signature.stepping) == numbers


@pytest.mark.parametrize(
    "processor_id",
    [
        {},
        {"EffectiveFamily": "0x0102", "IdentificationRegisters": "0x00000002036B0241"},
        {"VendorId": "Intel(R) Corporation", "EffectiveFamily": "179", "EffectiveModel": "10"},
        {"VendorId": "AuthenticAMD", "EffectiveFamily": "107", "EffectiveModel": "1"},
        {"VendorId": "AuthenticAMD", "EffectiveFamily": "17", "EffectiveModel": "1"},
        {"VendorId": "GenuineIntel", "EffectiveFamily": "6", "EffectiveModel": "6A"},
        {"VendorId": "GenuineIntel", "EffectiveFamily": "6", "EffectiveModel": "57"},
        {"VendorId": "GenuineIntel", "IdentificationRegisters": "0x1234567890abcdef"},
        {"VendorId": "GenuineIntel", "IdentificationRegisters": "not available"},
        {"VendorId": "Ampere", "IdentificationRegisters": "0x000606A6"},
        {"VendorId": ["GenuineIntel"], "IdentificationRegisters": 5},
        {"VendorId": "GenuineIntel", "EffectiveFamily": None, "EffectiveModel": True},
    ],
)
def test_doubt_is_unknown(processor_id: dict[str, object]) -> None:
    """SMBIOS codes, Arm ids, bare numbers with two readings and nonsense give no signature."""
    assert decode_processor_id(processor_id) is None


@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.one_of(st.none(), st.integers(), st.text(max_size=40), st.lists(st.integers()))
            for key in (
                "VendorId",
                "EffectiveFamily",
                "EffectiveModel",
                "Step",
                "IdentificationRegisters",
            )
        },
    )
)
def test_nothing_a_bmc_says_breaks_it(processor_id: dict[str, object]) -> None:
    """Any JSON in the fields gives a signature or none, never an exception."""
    signature = decode_processor_id(processor_id)
    assert signature is None or 0 <= signature.model <= 0xFF


@given(st.integers(0, 0xF), st.integers(0, 0xF), st.integers(0, 0xF))
def test_all_arrangements_of_the_registers_agree(low: int, high: int, stepping: int) -> None:
    """EAX before or after EDX, words swapped or not: one CPU, one answer."""
    eax = high << 16 | 6 << 8 | low << 4 | stepping
    edx = 0xBFEBFBFF

    def swap(half: int) -> int:
        return (half & 0xFFFF) << 16 | half >> 16

    answers = {
        decode_processor_id({"VendorId": "GenuineIntel", "IdentificationRegisters": text})
        for text in (
            f"0x{eax:08x}{edx:08X}",
            f"{edx:08x}{eax:08x}",
            f"0x{swap(eax):08x}{swap(edx):08x}",
            f"0x{eax:08X}",
        )
    }
    assert answers == {Signature.from_eax("GenuineIntel", eax)}


@pytest.mark.parametrize(
    ("vendor", "family", "model", "brand", "can", "slat"),
    [
        ("GenuineIntel", 6, 0x17, "Intel(R) Xeon(R) CPU X5460 @ 3.16GHz", True, False),
        ("GenuineIntel", 6, 0x17, "Pentium(R) Dual-Core CPU T4200", None, False),
        ("GenuineIntel", 6, 0x6A, "", True, True),
        ("GenuineIntel", 15, 2, "Intel(R) Xeon(TM) CPU 2.40GHz", False, False),
        ("GenuineIntel", 6, 0x57, "Intel(R) Xeon Phi(TM) CPU 7290", None, None),
        ("AuthenticAMD", 15, 35, "Dual Core AMD Opteron(tm) Processor 185", False, False),
        ("AuthenticAMD", 15, 0x41, "Dual-Core AMD Opteron(tm) Processor 2218", True, False),
        ("AuthenticAMD", 16, 2, "", True, True),
        ("AuthenticAMD", 17, 3, "", True, False),
        ("AuthenticAMD", 0x1A, 0x24, "", True, True),
        ("GenuineIntel", 6, 0xFE, "", None, None),
        ("CentaurHauls", 6, 15, "", None, None),
    ],
)
def test_what_the_table_tells(  # noqa: PLR0917 - one column of the table each
    vendor: str, family: int, model: int, brand: str, can: bool | None, slat: bool | None
) -> None:
    """Virtualization and SLAT by signature; what is not listed is unknown, not unable."""
    signature = Signature(vendor=vendor, family=family, model=model)
    assert (signature.can_virtualize(brand), signature.slat(brand)) == (can, slat)


def test_vendors() -> None:
    """Manufacturers' names in BMCs and SMBIOS lead to CPUID's vendor strings."""
    assert vendor_of("Advanced Micro Devices [AMD]") == "AuthenticAMD"
    assert vendor_of("HygonGenuine") == "HygonGenuine"
    assert vendor_of("Intelligent Machines") is None
    assert vendor_of(None) is None
