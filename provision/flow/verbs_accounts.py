"""New passwords for many BMCs: made, kept before they are sent, and shown to hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from provision.core.errors import ConfigError, CredentialsError, OutcomeUnknown, ProvisionError
from provision.core.events import Observer, ignore
from provision.core.secrets import Secret
from provision.flow.targets import Seen
from provision.flow.verbs_each import on_each

if TYPE_CHECKING:
    from provision.bmc.client import Access, Bmc

_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Whose password (ours without ``account``), and the new one: given, or kept in ``folder``."""

    account: str = ""
    new: Secret | None = None
    folder: Path | None = None
    dry_run: bool = False


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What became of one password.

    ``holds`` says that a login with the new one succeeded; ``kept_in`` is the file of one that was
    made.
    """

    user: str
    sent: bool
    holds: bool = False
    kept_in: str = ""
    dry_run: bool = False
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--output json`` prints it."""
        return {
            "user": self.user,
            "sent": self.sent,
            "verified": self.holds,
            "kept_in": self.kept_in or None,
            "dry_run": self.dry_run,
            "notes": list(self.notes),
        }


async def rotate(
    accesses: Mapping[str, Access], wish: Wish, observer: Observer = ignore
) -> list[Seen[Changed]]:
    """Change the password on each BMC; what went wrong with one stops no other."""

    async def work(name: str, access: Access) -> Changed:
        return await _rotate(name, access, wish, observer)

    return await on_each(accesses, work)


async def _rotate(name: str, access: Access, wish: Wish, observer: Observer) -> Changed:
    from provision.bmc import accounts
    from provision.bmc.client import connect

    user = wish.account or access.user
    entered = False
    try:
        async with connect(replace(access, to_change_password=True), observer=observer) as bmc:
            entered = True
            return await _changed(bmc, name, access, wish, observer)
    except CredentialsError:
        # An earlier run may have come this far. Only our own login can show that.
        ours = not entered and user == access.user and wish.new != access.password
        if ours and wish.new and await accounts.already(access, wish.new):
            return Changed(user=user, sent=False, dry_run=wish.dry_run, holds=True)
        raise


async def _changed(bmc: Bmc, name: str, access: Access, wish: Wish, observer: Observer) -> Changed:
    from provision.bmc import accounts

    user = wish.account or access.user
    same = wish.new is not None and (user, wish.new) == (access.user, access.password)
    if same and bmc.password_due is None:  # else it is the one that has to go
        return Changed(user=user, sent=False, dry_run=wish.dry_run, holds=True)
    rules = await accounts.rules(bmc)
    new, kept = wish.new, ""
    if wish.dry_run:
        await accounts.find(bmc, user)
        if new is not None:
            rules.check(new, f"changing the password of {user} at {bmc.name}")
        return Changed(user=user, sent=False, dry_run=True)
    if new is None:
        await accounts.find(bmc, user)  # before anything is written down for nobody
        new = accounts.generated(rules)
        kept = str(_keep(new, wish.folder or Path(), name))
    with _kept_if_taken(kept):
        done = await accounts.rotate(bmc, access, user, new, observer=observer)
    return Changed(user=user, sent=done.sent, holds=True, kept_in=kept, notes=done.notes)


@contextmanager
def _kept_if_taken(kept: str) -> Iterator[None]:
    """Remove the file of a password that was certainly not taken; tell of one that may be."""
    try:
        yield
    except OutcomeUnknown as error:
        if kept:
            error.hint = f"{error.hint} The new one is kept in {kept}."
        raise
    except ProvisionError:
        if kept:
            Path(kept).unlink(missing_ok=True)
        raise


def _keep(password: Secret, folder: Path, name: str) -> Path:
    """Write the password down before the BMC has it; a file that is there is left as it is."""
    path = folder / (_NAME.sub("_", name.removeprefix("https://")).strip("._") or "bmc")
    doing = f"keeping the new password in {path}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise ConfigError(
            f"{doing}: it is there already, and may hold the password in force",
            hint="Try that one with --new-password-file, or choose another directory.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{doing}: {error.strerror}", hint="Choose a directory that may be written to."
        ) from error
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(password.reveal() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path
