"""What the machine under a root directory is: ``/``, or one laid out like it. Stdlib only.

This room also runs inside the deploy ramdisk, so it imports nothing beyond the standard library and
those modules of ``hwprofiles`` and ``provision.core`` that do the same. Whatever cannot be read is
simply not told. Recorded machines are read by ``provision.host.dumps``.
"""

from __future__ import annotations

from pathlib import Path

from hwprofiles.facts import FactBook


def read_facts(root: Path = Path("/")) -> FactBook:
    """Return what is known of the machine; never fails for what it may not read."""
    from hwprofiles.deriving import complete
    from provision.host import acpi, devices, dmi, firmware, processors
    from provision.host.files import Tree

    tree = Tree(root)
    facts = FactBook()
    processors.tell(tree, facts)
    packages = facts.get("cpu.packages")
    firmware.tell(tree, facts)
    acpi.tell(tree, facts)
    devices.tell(tree, facts)
    dmi.tell(tree, facts)  # last: what is fitted counts for more than what the kernel left of it
    if packages is not None:
        processors.keep_packages(facts, packages)
    state = facts.get("cpu.virt.state")
    if state is not None and state.value == "guest":  # these are its host's doing, too
        for name in ("iommu.present", "iommu.state", "iommu.interrupt_remapping"):
            facts.pop(name, None)
    complete(facts)
    return facts
