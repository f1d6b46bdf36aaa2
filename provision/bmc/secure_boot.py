"""UEFI Secure Boot: whether the firmware checks what it boots, now and from the next boot on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from provision.bmc.errors import NotApplied, NotSupported
from provision.bmc.service import Bmc, link
from provision.bmc.values import text
from provision.core.errors import OutcomeUnknown

_LOOKS: Final = 5
_BETWEEN_LOOKS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class SecureBoot:
    """The state: ``wanted`` for the next boot, ``current`` of the last; None is not told."""

    path: str
    wanted: bool | None
    current: bool | None
    mode: str = ""

    @property
    def pending(self) -> bool:
        """Whether the next boot will change it."""
        return None not in (self.wanted, self.current) and self.wanted != self.current

    def as_dict(self) -> dict[str, object]:
        """Return the state as ``--output json`` prints it."""
        return {
            "enabled_at_next_boot": self.wanted,
            "enabled_at_last_boot": self.current,
            "pending": self.pending,
            "mode": self.mode or None,
            "path": self.path,
        }


@dataclass(frozen=True, kw_only=True)
class Switched:
    """What became of a wish: the states before and after, and whether anything was sent."""

    before: SecureBoot
    after: SecureBoot
    sent: bool
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the change as ``--output json`` prints it."""
        return {
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "sent": self.sent,
            "notes": list(self.notes),
        }


async def state(bmc: Bmc) -> SecureBoot:
    """Return the state; ``NotSupported`` where the BMC does not tell of Secure Boot at all."""
    path = link(await bmc.system(), "SecureBoot")
    if not path:
        raise NotSupported(
            f"reading Secure Boot at {bmc.name}: the BMC does not offer it over Redfish",
            hint="Look for it in the firmware's setup; in legacy boot mode there is none.",
        )
    body = await bmc.get(path)
    wanted = body.get("SecureBootEnable")
    current = {"enabled": True, "disabled": False}.get(
        (text(body, "SecureBootCurrentBoot") or "").lower()
    )
    return SecureBoot(
        path=path,
        wanted=wanted if isinstance(wanted, bool) else None,
        current=current,
        mode=text(body, "SecureBootMode") or "",
    )


async def switch(bmc: Bmc, enable: bool, *, dry_run: bool = False) -> Switched:
    """Set what holds from the next boot on, unless it is so; nothing changes before that boot."""
    doing = f"{'enabling' if enable else 'disabling'} Secure Boot at {bmc.name}"
    before = await state(bmc)
    notes = _notes(before, enable)
    if before.wanted is enable or dry_run:
        return Switched(before=before, after=before, sent=False, notes=notes)
    if before.wanted is None:
        raise NotSupported(
            f"{doing}: the BMC does not say whether it is enabled, so it cannot be checked",
            hint="Set it in the firmware's setup.",
        )
    unknown: OutcomeUnknown | None = None
    try:
        await bmc.patch(before.path, {"SecureBootEnable": enable})
    except OutcomeUnknown as error:
        unknown = error
    after = before
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS)
        after = await state(bmc)
        if after.wanted is enable:
            return Switched(before=before, after=after, sent=True, notes=_notes(after, enable))
    raise unknown or NotApplied(
        f"{doing}: the BMC said yes, and still shows it "
        f"{'enabled' if after.wanted else 'disabled'} for the next boot",
        hint="Some BMCs want the server off, UEFI boot mode, or the keys enrolled first.",
    )


def _notes(now: SecureBoot, enable: bool) -> tuple[str, ...]:
    if enable and now.mode == "SetupMode":
        return ("no platform key is enrolled (SetupMode): until one is, nothing is checked",)
    return ()
