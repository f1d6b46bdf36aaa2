"""What hypervisors ask of hardware, what servers are, and how BMC platforms depart from Redfish.

``load`` reads a profile (and only then the YAML and schema libraries), ``judge`` is pure.
"""

from __future__ import annotations

from hwprofiles.errors import DocumentError, Problem
from hwprofiles.judging import Finding, Outcome, judge
from hwprofiles.profile import Profile, Severity

__all__ = [
    "DocumentError",
    "Finding",
    "Outcome",
    "Problem",
    "Profile",
    "Severity",
    "judge",
    "load",
    "names",
]


def names() -> list[str]:
    """Return the ids of the hypervisor profiles shipped."""
    from hwprofiles import loading

    return loading.names()


def load(name_or_path: str) -> Profile:
    """Return a shipped profile by its name, or one from a file; raise ``DocumentError``."""
    from hwprofiles import loading

    return loading.load(name_or_path)
