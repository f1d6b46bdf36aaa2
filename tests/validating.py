"""Validating one machine in a test: its verdict, or the error that stood in the way."""

from __future__ import annotations

from pathlib import Path

from hwprofiles import Profile
from provision.bmc.client import Access
from provision.core.events import Observer, ignore
from provision.flow.targets import Targets
from provision.flow.validate import Unread, Verdict, validate


async def validate_bmc(access: Access, profile: Profile, observer: Observer = ignore) -> Verdict:
    """Validate the server behind a BMC."""
    return await _one(Targets(accesses={access.url: access}), profile, observer)


async def validate_local(root: Path, profile: Profile) -> Verdict:
    """Validate the machine below a directory."""
    return await _one(Targets(root=root), profile, ignore)


async def validate_recorded(profile: Profile, *paths: Path, merge: bool = False) -> Verdict:
    """Validate the machine in a recording, or in several."""
    targets = Targets(recordings=tuple(map(str, paths)), merge=merge)
    return await _one(targets, profile, ignore)


async def _one(targets: Targets, profile: Profile, observer: Observer) -> Verdict:
    (verdict,) = await validate(targets, profile, observer)
    if isinstance(verdict, Unread):
        raise verdict.error
    return verdict
