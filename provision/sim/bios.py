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
        name="WorkloadProfile",
        title="Workload Profile",
        help="Sets others of these for a purpose, and holds them; Custom holds none.",
        values=("Custom", "LowLatency", "Virtualization"),
        default="Custom",
    ),
    Attribute(
        name="X2Apic",
        title="x2APIC Mode",
        help="Needs virtualization; without it, x2APIC is off.",
    ),
    Attribute(
        name="TrustedExecution",
        title="Trusted Execution Technology",
        help="Measured launch; while it is on, virtualization cannot be changed.",
        default=DISABLED,
    ),
    Attribute(
        name="InternalUsb",
        title="Internal USB Port",
        help="Power and data of the USB connector on the board.",
        read_only=True,
    ),
)
BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}

LOCKS = ("ReadOnly", "GrayOut")


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """While ``source`` is ``value``, the property ``prop`` of ``target`` is ``to``."""

    source: str
    value: str
    target: str
    prop: str
    to: str | bool

    def holds(self, state: Mapping[str, str]) -> bool:
        """Whether it does in ``state``; not where the target is no attribute there."""
        return self.target in state and state.get(self.source) == self.value


def _held(source: str, value: str, target: str, to: str) -> tuple[Dependency, Dependency]:
    """Return what sets ``target`` and keeps hands off it."""
    where = {"source": source, "value": value, "target": target}
    return (
        Dependency(**where, prop="CurrentValue", to=to),
        Dependency(**where, prop="ReadOnly", to=True),
    )


_IO = ("ProcVirtualization", "Iommu", "Sriov")
DEPENDENCIES = (
    *(each for name in _IO for each in _held("WorkloadProfile", "LowLatency", name, DISABLED)),
    *(each for name in _IO for each in _held("WorkloadProfile", "Virtualization", name, ENABLED)),
    *_held("ProcVirtualization", DISABLED, "X2Apic", DISABLED),
    Dependency(
        source="TrustedExecution",
        value=ENABLED,
        target="ProcVirtualization",
        prop="GrayOut",
        to=True,
    ),
)


def settled(state: Mapping[str, str]) -> dict[str, str]:
    """Return ``state`` with what its dependencies set."""
    after = dict(state)
    for each in DEPENDENCIES:
        if each.prop == "CurrentValue" and each.holds(after):
            after[each.target] = str(each.to)
    return after


def locked(name: str, state: Mapping[str, str]) -> bool:
    """Whether a dependency keeps hands off ``name`` in ``state``."""
    return any(
        each.target == name and each.prop in LOCKS and each.holds(state) for each in DEPENDENCIES
    )


class Bios:
    """The settings of one server; ``attributes`` are those that its BIOS has."""

    def __init__(self, spec: ServerSpec, attributes: Mapping[str, Attribute] = BY_NAME) -> None:
        self.attributes = attributes
        switches = {
            "ProcVirtualization": spec.virtualization,
            "Iommu": spec.iommu,
            "Sriov": spec.sriov,
        }
        wanted = {name: ENABLED if on else DISABLED for name, on in switches.items()}
        wanted |= spec.bios
        self.current = settled(
            {name: wanted.get(name, a.default) for name, a in attributes.items()}
        )
        self.pending: dict[str, str] = {}
        self.applied_at: datetime | None = None

    def on(self, name: str) -> bool:
        """Whether the attribute is there, and in force as Enabled."""
        return self.current.get(name) == ENABLED

    def stage(self, changes: Mapping[str, str]) -> None:
        """Remember ``changes`` for the next boot; one back to the current value is no change."""
        after = settled({**self.current, **self.pending, **changes})
        self.pending = {name: word for name, word in after.items() if self.current[name] != word}

    def reset(self) -> None:
        """Stage the default of every attribute."""
        self.stage({name: attribute.default for name, attribute in self.attributes.items()})

    def apply(self) -> None:
        """Put what was staged in force, as POST does."""
        if self.pending:
            self.current |= self.pending
            self.pending = {}
            self.applied_at = datetime.now(UTC)
