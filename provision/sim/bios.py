"""BIOS settings of a simulated server: what is in force, and what waits for the next boot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from provision.sim.spec import ServerSpec

ENABLED, DISABLED = "Enabled", "Disabled"


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One BIOS setting, as its registry describes it."""

    name: str
    title: str
    help: str
    values: tuple[str, ...] = (ENABLED, DISABLED)
    default: str = ENABLED
    read_only: bool = False


ATTRIBUTES = (
    Attribute(
        name="ProcVirtualization",
        title="Processor Virtualization Technology",
        help="Hardware virtualization of the processor (Intel VT-x, AMD SVM).",
    ),
    Attribute(
        name="Iommu",
        title="I/O Virtualization (IOMMU)",
        help="Remapping of device memory access and interrupts (Intel VT-d, AMD-Vi).",
    ),
    Attribute(
        name="Sriov",
        title="SR-IOV Support",
        help="Lets adapters offer virtual functions.",
    ),
    Attribute(
        name="Smt",
        title="Simultaneous Multithreading",
        help="Two threads on each core (Hyper-Threading, SMT).",
    ),
    Attribute(
        name="BootMode",
        title="Boot Mode",
        help="How the firmware starts an operating system.",
        values=("Uefi", "Legacy"),
        default="Uefi",
    ),
    Attribute(
        name="UsbBoot",
        title="Boot from USB",
        help="Whether USB devices, the internal one among them, may be booted from.",
    ),
    Attribute(
        name="InternalUsb",
        title="Internal USB Port",
        help="Power and data of the USB connector on the board.",
        read_only=True,
    ),
)
BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}


class Bios:
    """The settings of one server."""

    def __init__(self, spec: ServerSpec) -> None:
        self.current = {attribute.name: attribute.default for attribute in ATTRIBUTES}
        self.current["ProcVirtualization"] = ENABLED if spec.virtualization else DISABLED
        self.current["Iommu"] = ENABLED if spec.iommu else DISABLED
        self.current["Sriov"] = ENABLED if spec.sriov else DISABLED
        self.pending: dict[str, str] = {}
        self.applied_at: datetime | None = None

    def on(self, name: str) -> bool:
        """Whether the attribute is in force as Enabled."""
        return self.current[name] == ENABLED

    def stage(self, changes: Mapping[str, str]) -> None:
        """Remember ``changes`` for the next boot; one back to the current value is no change."""
        self.pending |= changes
        self.pending = {k: v for k, v in self.pending.items() if self.current[k] != v}

    def reset(self) -> None:
        """Stage the default of every attribute."""
        self.stage({attribute.name: attribute.default for attribute in ATTRIBUTES})

    def apply(self) -> None:
        """Put what was staged in force, as POST does."""
        if self.pending:
            self.current |= self.pending
            self.pending = {}
            self.applied_at = datetime.now(UTC)
