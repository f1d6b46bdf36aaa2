"""One simulated BMC: the server behind it, its users, its resources, its log and its faults."""

from __future__ import annotations

from dataclasses import dataclass, field

from provision.sim.access import Access
from provision.sim.faults import FaultPlan
from provision.sim.journal import Journal
from provision.sim.machine import Machine
from provision.sim.manners import Manners
from provision.sim.spec import ServerSpec
from provision.sim.tree import Tree


@dataclass(kw_only=True)
class Bmc:
    """What the parts of one BMC share."""

    machine: Machine
    access: Access
    journal: Journal
    faults: FaultPlan
    tree: Tree = field(default_factory=Tree)
    manners: Manners = field(default_factory=Manners)

    @property
    def spec(self) -> ServerSpec:
        """The server's description."""
        return self.machine.spec
