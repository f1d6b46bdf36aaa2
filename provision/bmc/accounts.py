"""Users of a BMC, and their passwords changed such that nobody is locked out.

A new password counts only once a second login with it has succeeded, while the first session is
still open to bring the old one back. What a BMC does in between is not trusted: an error says which
password it takes, as far as that could be shown.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, replace
from typing import Final

from provision.bmc.client import Access, connect
from provision.bmc.errors import UNTOLD, NotApplied, NotSupported
from provision.bmc.replies import JsonObject, messages
from provision.bmc.service import Bmc, link, together
from provision.bmc.values import integer, text
from provision.core.errors import (
    ConfigError,
    CredentialsError,
    OutcomeUnknown,
    ProvisionError,
)
from provision.core.events import Event, Observer, Phase, ignore
from provision.core.secrets import Secret
from provision.core.text import clean

_MOST: Final = 128
#: Length of a password we make, where the BMC's rules allow it.
_LENGTH: Final = 20
#: Signs every BMC takes and no shell, URL or XML trips over.
_SIGNS: Final = "-_."
_KINDS: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SIGNS)


class PasswordUnknown(OutcomeUnknown):
    """A change of password could not be verified, nor the old one be brought back and shown."""

    code = "password-unknown"
    remedy = (
        "Keep both passwords. Try each of them once by hand, a few minutes apart: too many tries "
        "may lock the account."
    )


@dataclass(frozen=True, kw_only=True)
class Account:
    """One user of the BMC; None is not told."""

    path: str
    id: str
    user: str
    role: str = ""
    enabled: bool | None = None
    locked: bool | None = None
    change_required: bool | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the account as ``--output json`` prints it."""
        return {
            "id": self.id,
            "user": self.user,
            "role": self.role or None,
            "enabled": self.enabled,
            "locked": self.locked,
            "password_change_required": self.change_required,
            "path": self.path,
        }


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the BMC says of the length of passwords; None where it says nothing."""

    least: int | None = None
    most: int | None = None

    def check(self, password: Secret, doing: str) -> None:
        """Raise ``ConfigError`` for a password the BMC would refuse."""
        length = len(password.reveal())
        if self.least and length < self.least:
            raise ConfigError(
                f"{doing}: the new password has {length} characters, and the BMC wants at least "
                f"{self.least}",
                hint="Choose a longer one; nothing was changed.",
            )
        if self.most and length > self.most:
            raise ConfigError(
                f"{doing}: the new password has {length} characters, and the BMC takes at most "
                f"{self.most}",
                hint="Choose a shorter one; nothing was changed.",
            )


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """A change of password that a second login has shown to hold."""

    user: str
    path: str
    sent: bool = True
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--output json`` prints it."""
        return {
            "user": self.user,
            "path": self.path or None,
            "sent": self.sent,
            "verified": True,
            "notes": list(self.notes),
        }


async def accounts(bmc: Bmc) -> list[Account]:
    """Return the users of the BMC; slots without a name are none."""
    about = await _service(bmc)
    paths = await bmc.links(link(about, "Accounts"))
    found = await together(_account(bmc, path) for path in paths[:_MOST])
    return [each for each in found if each is not None]


async def _service(bmc: Bmc) -> JsonObject:
    path = link(bmc.root, "AccountService")
    if not path:
        raise NotSupported(f"reading the users of {bmc.name}: the BMC has no account service")
    return await bmc.get(path)


async def _account(bmc: Bmc, path: str) -> Account | None:
    try:
        body = await bmc.get(path)
    except UNTOLD:
        return None
    user = text(body, "UserName")
    if user is None:
        return None
    return Account(
        path=path,
        id=text(body, "Id") or clean(path.rstrip("/").rpartition("/")[2], 80),
        user=user,
        role=text(body, "RoleId") or "",
        enabled=_flag(body, "Enabled"),
        locked=_flag(body, "Locked"),
        change_required=_flag(body, "PasswordChangeRequired"),
    )


def _flag(body: JsonObject, name: str) -> bool | None:
    value = body.get(name)
    return value if isinstance(value, bool) else None


async def rules(bmc: Bmc) -> Rules:
    """Return the BMC's rules for passwords; none where it tells none."""
    try:
        about = await _service(bmc)
    except (*UNTOLD, CredentialsError):
        return Rules()
    return Rules(
        least=integer(about, "MinPasswordLength") or None,
        most=integer(about, "MaxPasswordLength") or None,
    )


def generated(wanted: Rules) -> Secret:
    """Return a new random password of at least one sign of each kind that keeps to the rules."""
    length = max(_LENGTH, wanted.least or 0)
    if wanted.most:
        length = min(length, wanted.most)
    every = "".join(_KINDS)
    while True:
        made = "".join(secrets.choice(every) for _ in range(max(length, len(_KINDS))))
        # Not begun by a sign: it would be taken for an option somewhere.
        if all(set(made) & set(kind) for kind in _KINDS) and made[0] not in _SIGNS:
            return Secret(made)


async def find(bmc: Bmc, user: str) -> Account:
    """Return the account of ``user``, also where its password is due and nothing can be read."""
    doing = f"looking for the user {clean(user, 40)} at {bmc.name}"
    if path := _due(bmc):
        return Account(path=path, id=path.rstrip("/").rpartition("/")[2], user=user)
    found = await accounts(bmc)
    exact = [each for each in found if each.user == user]
    if len(exact) == 1:
        return exact[0]
    there = ", ".join(each.user for each in found) or "no user it tells of"
    raise NotSupported(
        f"{doing}: it has {there}", hint="Users of a directory (LDAP, AD) are changed there."
    )


def _due(bmc: Bmc) -> str:
    """Return the account that the BMC named at a login that wants its password changed."""
    for message in messages(bmc.password_due or {}):
        if str(message.get("MessageId") or "").endswith("PasswordChangeRequired"):
            arguments = message.get("MessageArgs")
            if isinstance(arguments, list) and arguments and isinstance(arguments[0], str):
                return arguments[0] if arguments[0].startswith("/") else ""
    return ""


async def rotate(
    bmc: Bmc, access: Access, user: str, new: Secret, *, observer: Observer = ignore
) -> Rotated:
    """Set the password of ``user`` to ``new``, and show that it holds by a second login.

    ``access`` is how ``bmc`` was reached; its password is the old one where ``user`` is ours. One
    change is sent; where it turns out not to hold, another one brings the old password back.
    """
    account = await find(bmc, user)
    return await _Rotation(bmc, access, account, new, observer).done()


class _Rotation:
    """One password being changed."""

    def __init__(
        self, bmc: Bmc, access: Access, account: Account, new: Secret, observer: Observer
    ) -> None:
        self._bmc = bmc
        self._account = account
        self._new = new
        self._observer = observer
        self._doing = f"changing the password of {clean(account.user, 40)} at {bmc.name}"
        self._own = account.user == access.user
        self._old = access.password if self._own else None
        self._access = replace(access, user=account.user, to_change_password=False)

    async def done(self) -> Rotated:
        if self._old == self._new:
            raise ConfigError(
                f"{self._doing}: the new password is the old one", hint="Choose another one."
            )
        (await rules(self._bmc)).check(self._new, self._doing)
        notes: list[str] = []
        trouble: ProvisionError | None = None
        try:
            await self._bmc.patch(self._account.path, {"Password": self._new.reveal()})
        except OutcomeUnknown as error:
            trouble = error
            notes.append("the BMC's answer was lost; the login shows that it changed")
        self._tell("the new password was sent; a second login tries it")
        refusal = await self._login(self._new)
        if refusal is None:
            return Rotated(user=self._account.user, path=self._account.path, notes=tuple(notes))
        raise await self._undone(refusal, trouble)

    async def _login(self, password: Secret) -> ProvisionError | None:
        """Return what stood in the way of a login with ``password``; None where it succeeded."""
        try:
            async with connect(replace(self._access, password=password)):
                return None
        except ProvisionError as error:
            return error

    async def _undone(
        self, refusal: ProvisionError, trouble: ProvisionError | None
    ) -> ProvisionError:
        """Bring the old password back where that is needed; return what to say of it all."""
        why = f"{trouble or 'the BMC said yes'}; a login with the new password failed ({refusal})"
        if self._old is None:
            return PasswordUnknown(
                f"{self._doing}: {why}; the old password is not known here, so it was not put back",
                hint=f"Keep both. Log in as {clean(self._account.user, 40)} by hand with the new "
                "password, then with the old one.",
            )
        # One that was never changed needs no second change; and each try costs.
        if isinstance(refusal, CredentialsError) and await self._login(self._old) is None:
            return NotApplied(
                f"{self._doing}: {why}; the old password still holds (a login with it succeeded)",
                hint="Nothing has changed. Try again, or change it in the BMC's own page.",
            )
        self._tell("the login failed; the old password is put back")
        try:
            await self._bmc.patch(self._account.path, {"Password": self._old.reveal()})
            back = "the old password was put back"
        except ProvisionError as error:
            back = f"putting the old one back failed ({error})"
        if await self._login(self._old) is None:
            return NotApplied(
                f"{self._doing}: {why}; {back}, and holds (a login with it succeeded)",
                hint="The old password is in force. Find out why the new one was not taken.",
            )
        return PasswordUnknown(
            f"{self._doing}: {why}; {back}, and a login with it failed, too: which of the two "
            "holds is not known"
        )

    def _tell(self, message: str) -> None:
        self._observer(
            Event(subject=self._bmc.name, step="password", phase=Phase.PROGRESS, message=message)
        )


async def already(access: Access, new: Secret) -> bool:
    """Whether the user of ``access`` logs in with ``new``: what an earlier run has done, is done.

    For use where the old password was refused; it costs one login.
    """
    try:
        async with connect(replace(access, password=new, to_change_password=False)):
            return True
    except ProvisionError:
        return False
