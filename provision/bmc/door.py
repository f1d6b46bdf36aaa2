"""In and out of a BMC: one session, opened once, renewed when it ends, closed come what may."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from provision.bmc import address as addresses
from provision.bmc import login as logins
from provision.bmc import replies
from provision.bmc.access import Access
from provision.bmc.address import Address
from provision.bmc.errors import (
    BadReply,
    Busy,
    NotSupported,
    PasswordChangeRequired,
    SessionsFull,
)
from provision.bmc.journal import Opened, journal
from provision.bmc.login import ANONYMOUS, Login
from provision.bmc.replies import Answer, JsonObject, Reply
from provision.bmc.service import link
from provision.bmc.transport import Lost
from provision.core.errors import (
    ConfigError,
    CredentialsError,
    OutcomeUnknown,
    ProvisionError,
    Unreachable,
)
from provision.core.text import clean

_log = logging.getLogger(__name__)

_TRIES: Final = 3
_LOGOUT: Final = 5.0


class Exchange(Protocol):
    """What the door needs of the wire."""

    async def read(self, path: str) -> Reply:
        """Read a resource."""

    async def exchange(
        self, method: str, path: str, body: Any = None, *, login: Login | None = None, fresh: bool
    ) -> Answer:
        """Send one request."""

    async def pause(self, error: ProvisionError) -> None:
        """Wait before another try."""

    def grace(self, seconds: float) -> None:
        """Allow the requests of a logout."""


class Door:
    """Who we are to one BMC."""

    def __init__(self, access: Access, address: Address, wire: Exchange) -> None:
        self._access = access
        self._who = address.authority
        self._wire = wire
        self._renewing = asyncio.Lock()
        self._refused: CredentialsError | None = None
        self._sessions = ""
        #: What goes along with every request.
        self.login = ANONYMOUS
        #: What the BMC said of a password that has to be changed before anything else.
        self.password_due: JsonObject | None = None

    @property
    def session(self) -> str:
        """The path of our own session; empty without one."""
        return self.login.path

    def check(self) -> None:
        """Raise what the BMC said when it last refused us: asking again brings a lockout nearer."""
        if self._refused:
            raise self._refused

    # -- in -----------------------------------------------------------------------------------

    async def enter(self) -> JsonObject:
        """Log in by session, else by Basic where there are no sessions; return the service root.

        The password is judged once: a second try with a wrong one brings a lockout nearer.
        """
        root = await self._root()
        if self._access.password is None:
            if root is None:
                raise CredentialsError(f"reading the service root of {self._who}: it wants a login")
            return root
        if root is None:
            self.login = self._basic()
            return (await self._wire.read(f"{addresses.ROOT}/")).body
        if sessions := logins.sessions(root):
            with contextlib.suppress(NotSupported):
                await self._open(sessions)
                await self._tidy()
                return root
        self.login = self._basic()
        await self._wire.read(link(root, "Systems") or f"{addresses.ROOT}/Systems")
        return root

    async def _root(self) -> JsonObject | None:
        """Return the service root, readable by anyone; None where the BMC will not have that."""
        try:
            root = (await self._wire.read(f"{addresses.ROOT}/")).body
        except CredentialsError:
            return None
        except NotSupported as error:
            raise BadReply(f"looking for Redfish at {self._who}: {error}") from error
        if not ("RedfishVersion" in root or "Systems" in root):
            raise BadReply(f"looking for Redfish at {self._who}: what answers is no service root")
        return root

    async def _open(self, sessions: str) -> None:
        self._sessions = sessions = addresses.resource(sessions, self._who)
        doing = f"logging in to {self._who} as {clean(self._access.user, 40)}"
        answer = await self._ask(doing, sessions)
        content = replies.parse(doing, answer.raw)
        opened = logins.opened(doing, answer, content, self._who)
        ended, self.login = self.session, opened
        await self._note(content, ended)
        if "PasswordChangeRequired" in replies.message_ids(content):
            self.password_due = content
            if not self._access.to_change_password:
                raise PasswordChangeRequired(f"{doing}: {replies.said(content)}")

    async def _ask(self, doing: str, sessions: str) -> Answer:
        """Send the login, again only where the BMC said that it has no time or place for it."""
        for tries_left in reversed(range(_TRIES)):
            try:
                answer = await self._post(sessions)
            except OutcomeUnknown as error:
                raise Unreachable(f"{doing}: no answer") from error
            if 200 <= answer.status < 300:
                return answer
            refusal = logins.error(doing, answer)
            if not (isinstance(refusal, Busy) and tries_left):
                raise refusal
            if not (isinstance(refusal, SessionsFull) and await self._make_room()):
                await self._wire.pause(refusal)
        raise AssertionError("a login ends with an answer or an error")

    async def _post(self, sessions: str) -> Answer:
        """Send it, a second time only where an old connection broke under it."""
        body = {"UserName": self._access.user, "Password": self._access.revealed()}
        try:
            return await self._wire.exchange("POST", sessions, body, login=ANONYMOUS, fresh=False)
        except Lost:
            return await self._wire.exchange("POST", sessions, body, login=ANONYMOUS, fresh=True)

    def _basic(self) -> Login:
        if ":" in self._access.user:
            raise CredentialsError(f"logging in to {self._who}: a user name there holds no colon")
        return Login(user=self._access.user, password=self._access.revealed())

    async def renew(self, ended: object) -> bool:
        """Open a new session if ours has ended; one task does it for all. Say whether it had."""
        async with self._renewing:
            if self.login is not ended:
                return True
            if not self.session:
                return False
            answer = await self._wire.exchange("GET", self.session, fresh=False)
            if answer.status not in (401, 404):
                return False  # our session lives: the refusal was about the resource
            try:
                await self._open(self._sessions)
            except CredentialsError as error:
                self._refused = error
                raise
            return True

    # -- out ----------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Delete our session: shielded from cancellation, short, never the error that is seen."""
        if not self.session:
            return
        self._wire.grace(_LOGOUT)
        closing = asyncio.ensure_future(self._close())
        closing.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            async with asyncio.timeout(_LOGOUT):
                await asyncio.shield(closing)
        except (ProvisionError, TimeoutError) as error:
            _log.info("logging out of %s: %s", self._who, clean(error))

    async def _close(self) -> None:
        path = self.session
        answer = await self._wire.exchange("DELETE", path, fresh=False)
        if 200 <= answer.status < 300 or answer.status in (401, 404):
            await asyncio.to_thread(journal().closed, self._who, path)
        else:
            raise replies.error_for(f"closing our session at {self._who}", answer)

    # -- what we left open --------------------------------------------------------------------

    async def _note(self, content: JsonObject, ended: str) -> None:
        """Write our session down before it is used, so that a later run can close it after a crash.

        A disk that takes no note is no reason to do nothing: the BMC ends the session by itself.
        """
        opened = Opened(
            bmc=self._who,
            path=self.session,
            user=self._access.user,
            created=_created(content),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            await asyncio.to_thread(journal().opened, opened)
            if ended and ended != self.session:
                await asyncio.to_thread(journal().closed, self._who, ended)
        except (OSError, ConfigError) as error:
            _log.warning("writing down the session at %s: %s", self._who, clean(error))

    async def _tidy(self) -> None:
        """Close the sessions that processes of ours left open here when they died."""
        await self._close_left(self.login)

    async def _make_room(self) -> bool:
        """Do so without a session of our own, when all are in use; say whether one was closed."""
        return ":" not in self._access.user and await self._close_left(self._basic()) > 0

    async def _close_left(self, login: Login) -> int:
        try:
            left = await asyncio.to_thread(journal().claim, self._who)
        except (OSError, ConfigError) as error:
            _log.warning("looking for sessions left open at %s: %s", self._who, clean(error))
            return 0
        closed = 0
        for each in left:
            try:
                closed += await self._close_one(each, login)
            except ProvisionError as error:
                _log.info("closing a session left open at %s: %s", self._who, clean(error))
        return closed

    async def _close_one(self, left: Opened, login: Login) -> bool:
        """Close a session if it still is the one we opened: BMCs give their numbers out again."""
        path = addresses.resource(left.path, self._who)
        if path == self.session:
            return False
        answer = await self._wire.exchange("GET", path, login=login, fresh=False)
        ours = answer.status == 200 and _is(left, answer.content())
        if ours:
            answer = await self._wire.exchange("DELETE", path, login=login, fresh=True)
            ours = 200 <= answer.status < 300
            _log.info("closed %s at %s, left open by a run that died", clean(path), self._who)
        if answer.status < 500:
            await asyncio.to_thread(journal().closed, self._who, left.path)
        return ours


def _created(session: JsonObject) -> str:
    created = session.get("CreatedTime")
    return clean(created, 40) if isinstance(created, str) else ""


def _is(left: Opened, session: JsonObject) -> bool:
    """Whether a session is the one that was left: of the same user and, if told, of that time."""
    if session.get("UserName") != left.user:
        return False
    created = _created(session)
    return not (left.created and created) or created == left.created
