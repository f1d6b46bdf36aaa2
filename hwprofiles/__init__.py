"""What hypervisors ask of hardware, what servers are, and how BMC platforms depart from Redfish.

``load`` reads a profile (and only then the YAML and schema libraries), ``judge`` is pure.
"""

from __future__ import annotations

from hwprofiles.errors import DocumentError, Problem
from hwprofiles.facts import Facts
from hwprofiles.judging import Finding, Outcome, judge
from hwprofiles.profile import Profile, ProfileKind, Severity

__all__ = [
    "DocumentError",
    "Finding",
    "Outcome",
    "Problem",
    "Profile",
    "ProfileKind",
    "Severity",
    "judge",
    "load",
    "match",
    "names",
]


def names(kind: ProfileKind = ProfileKind.HYPERVISOR) -> list[str]:
    """Return the ids of the profiles shipped, of one kind."""
    from hwprofiles import shelf

    return shelf.names(kind)


def match(facts: Facts) -> Profile | None:
    """Return the shipped profile of the server model that ``facts`` tell; None in any doubt."""
    from hwprofiles import loading, shelf

    found = [name for name, check in shelf.matches().items() if check.judge(facts)]
    return loading.load(found[0]) if len(found) == 1 else None


def load(name_or_path: str) -> Profile:
    """Return a shipped profile by its name, or one from a file; raise ``DocumentError``."""
    from hwprofiles import loading

    return loading.load(name_or_path)
