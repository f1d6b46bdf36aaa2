"""The sessions open on a BMC: few fit, and programs that were killed leave theirs behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provision.bmc import login
from provision.bmc.errors import UNTOLD, NotApplied, NotSupported
from provision.bmc.service import Bmc, together
from provision.bmc.values import text
from provision.core.errors import OutcomeUnknown, ProvisionError, Refused
from provision.core.text import clean

#: Sessions read one by one; BMCs hold 8 to 64.
_MOST: Final = 256


class NotOurs(Refused):
    """The session is somebody else's; closing it throws them out."""

    code = "session-of-another"
    remedy = "Ask them, or pass --yes to close it all the same."


class OwnSession(Refused):
    """The session is the one this command speaks through."""

    code = "own-session"
    remedy = "Leave it: it is closed at the end of the command."


@dataclass(frozen=True, kw_only=True)
class Session:
    """One login; ``mine`` says that it is of our user, ``this`` that it is the one we use now."""

    path: str
    id: str
    user: str = ""
    kind: str = ""
    created: str = ""
    client: str = ""
    mine: bool = False
    this: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return the session as ``--output json`` prints it."""
        return {
            "id": self.id,
            "user": self.user or None,
            "type": self.kind or None,
            "created": self.created or None,
            "client": self.client or None,
            "mine": self.mine,
            "this": self.this,
            "path": self.path,
        }


async def sessions(bmc: Bmc, user: str) -> list[Session]:
    """Return the sessions open on the BMC; ``user`` is who we are there."""
    place = login.sessions(bmc.root)
    if not place:
        raise NotSupported(f"reading the sessions of {bmc.name}: it has no session service")
    paths = await bmc.links(place)
    return await together(_session(bmc, path, user) for path in paths[:_MOST])


async def _session(bmc: Bmc, path: str, user: str) -> Session:
    name = clean(path.rstrip("/").rpartition("/")[2], 80)
    this = _same(path, bmc.session)
    try:
        body = await bmc.get(path)
    except UNTOLD:  # it ended meanwhile, or is not for us to see
        return Session(path=path, id=name, user=user if this else "", mine=this, this=this)
    owner = text(body, "UserName") or ""
    return Session(
        path=path,
        id=text(body, "Id") or name,
        user=owner,
        kind=text(body, "SessionType") or "",
        created=text(body, "CreatedTime") or "",
        client=text(body, "ClientOriginIPAddress") or "",
        mine=this or (bool(user) and owner == user),
        this=this,
    )


def _same(path: str, other: str) -> bool:
    return bool(other) and path.rstrip("/").lower() == other.rstrip("/").lower()


@dataclass(frozen=True, kw_only=True)
class Closed:
    """What was closed, and the ids that were asked for and not there."""

    closed: tuple[Session, ...] = ()
    missing: tuple[str, ...] = ()
    dry_run: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return it as ``--output json`` prints it."""
        return {
            "closed": [each.as_dict() for each in self.closed],
            "not_there": list(self.missing),
            "dry_run": self.dry_run,
        }


@dataclass(frozen=True, kw_only=True)
class Which:
    """The sessions to close: those called ``ids``, and with ``mine`` what our user left behind.

    Somebody else's are among them only with ``others``.
    """

    ids: tuple[str, ...] = ()
    mine: bool = False
    others: bool = False


async def close(bmc: Bmc, user: str, which: Which, *, dry_run: bool = False) -> Closed:
    """Close sessions; where one may not be closed, none is.

    The one we use is refused by name. A session that is not there (any more) is no error.
    """
    doing = f"closing sessions at {bmc.name}"
    found = await sessions(bmc, user)
    chosen = {each.path: each for each in found if which.mine and each.mine and not each.this}
    missing = []
    for name in which.ids:
        named = [each for each in found if name in (each.id, each.path)]
        if not named:
            missing.append(name)
        chosen |= {each.path: each for each in named}
    for each in chosen.values():
        if each.this:
            raise OwnSession(f"{doing}: {each.id} is the session of this command itself")
        if not (each.mine or which.others):
            whose = each.user or "an unknown user"
            raise NotOurs(f"{doing}: {each.id} is a session of {whose}; nothing was closed")
    if not dry_run:
        for each in chosen.values():
            await _close(bmc, each, doing)
    return Closed(closed=tuple(chosen.values()), missing=tuple(missing), dry_run=dry_run)


async def _close(bmc: Bmc, session: Session, doing: str) -> None:
    trouble: ProvisionError | None = None
    try:
        await bmc.delete(session.path)
    except (NotSupported, OutcomeUnknown) as error:  # 404: it ended by itself meanwhile
        trouble = error
    left = await bmc.links(login.sessions(bmc.root))
    if any(_same(path, session.path) for path in left):
        raise trouble or NotApplied(f"{doing}: the BMC said yes, and {session.id} is still open")
