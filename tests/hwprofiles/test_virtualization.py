"""The state machine: what flags, kernels and registers together say of virtualization."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprofiles.virtualization import Clues, state

INTEL: dict[str, Any] = {"amd": False, "guest": False, "capable": True, "flag": True}
AMD: dict[str, Any] = INTEL | {"amd": True}
OLD, NEW = (4, 19), (6, 12)


@pytest.mark.parametrize(
    ("clues", "word"),
    [
        # Registers settle it.
        (INTEL | {"kernel": OLD, "registers": (0x5,)}, "enabled"),
        (INTEL | {"kernel": OLD, "registers": (0x1,)}, "disabled"),
        (INTEL | {"kernel": OLD, "registers": (0x3,)}, "disabled"),  # only inside TXT
        (INTEL | {"kernel": OLD, "registers": (0x0,)}, "unlocked"),
        (INTEL | {"kernel": NEW, "flag": False, "registers": (0x1,)}, "disabled"),
        (INTEL | {"kernel": NEW, "flag": False, "registers": (0x5,)}, "off-or-hidden"),
        (INTEL | {"kernel": NEW, "flag": False, "registers": (0x0,)}, "off-or-hidden"),
        (INTEL | {"kernel": OLD, "registers": (0x5, 0x1)}, "disabled"),  # boot CPU only
        (AMD | {"kernel": OLD, "registers": (0x0,)}, "enabled"),
        (AMD | {"kernel": OLD, "registers": (0x18,)}, "disabled"),
        (AMD | {"kernel": OLD, "registers": (0x18,), "key_lock": True}, "locked"),
        # Without them, the kernel's age tells what a flag means.
        (INTEL | {"kernel": (5, 5)}, "capable"),
        (INTEL | {"kernel": (5, 6)}, "enabled"),
        (INTEL | {"kernel": None}, "capable"),
        (AMD | {"kernel": (6, 6)}, "capable"),
        (AMD | {"kernel": (6, 7)}, "enabled"),
        # A missing flag on a part that can is firmware's doing, whatever the kernel.
        (INTEL | {"kernel": NEW, "flag": False}, "off-or-hidden"),
        (INTEL | {"kernel": OLD, "flag": False}, "off-or-hidden"),
        (AMD | {"kernel": NEW, "flag": False}, "off-or-hidden"),
        # On a part we do not know, an old kernel would have shown it; a new one hides it.
        (INTEL | {"kernel": OLD, "flag": False, "capable": None}, "unsupported"),
        (INTEL | {"kernel": NEW, "flag": False, "capable": None}, "unknown"),
        (INTEL | {"kernel": None, "flag": False, "capable": None}, "unknown"),
        (AMD | {"kernel": (6, 6), "flag": False, "capable": None}, "unsupported"),
        # A part that cannot, cannot; a register of such a part means nothing.
        (INTEL | {"kernel": NEW, "flag": False, "capable": False}, "unsupported"),
        (
            INTEL | {"kernel": NEW, "flag": False, "capable": False, "registers": (5,)},
            "unsupported",
        ),
        # CPUID itself tells what the part can, never that firmware lets it.
        (INTEL | {"kernel": None, "raw": True}, "capable"),
        (INTEL | {"kernel": None, "raw": True, "flag": False}, "off-or-hidden"),
        (INTEL | {"kernel": None, "raw": True, "flag": False, "capable": None}, "unsupported"),
        (INTEL | {"kernel": None, "raw": True, "registers": (0x5,)}, "enabled"),
        # Inside a guest nothing is said of the machine.
        (INTEL | {"kernel": NEW, "guest": True, "registers": (0x1,)}, "guest"),
        (AMD | {"kernel": NEW, "guest": True, "flag": False, "capable": False}, "guest"),
    ],
)
def test_table(clues: dict[str, Any], word: str) -> None:
    """Each row of what vendors and kernels do."""
    assert state(Clues(**clues)).word == word


def test_what_settled_it_is_told() -> None:
    """The evidence names the register with its values, and packages that differ."""
    told = state(Clues(**INTEL, kernel=OLD, registers=(0x5, 0x1))).by
    assert told == "IA32_FEATURE_CONTROL 0x5, 0x1 (packages differ)"
    assert "Linux 4.19" in state(Clues(**INTEL, kernel=OLD)).by


@given(
    amd=st.booleans(),
    kernel=st.none() | st.tuples(st.integers(2, 7), st.integers(0, 20)),
    registers=st.lists(st.integers(0, 2**64 - 1), max_size=4).map(tuple),
    key_lock=st.booleans(),
)
def test_a_capable_part_is_never_called_unsupported(
    amd: bool, kernel: tuple[int, int] | None, registers: tuple[int, ...], key_lock: bool
) -> None:
    """Nobody swaps a good CPU because of us."""
    for flag in (True, False):
        clues = Clues(
            amd=amd,
            guest=False,
            flag=flag,
            kernel=kernel,
            capable=True,
            registers=registers,
            key_lock=key_lock,
        )
        assert state(clues).word not in ("unsupported", "unknown")
