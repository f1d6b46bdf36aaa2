"""Who may use a simulated BMC: accounts with roles, sessions in a small table, HTTP Basic."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from provision.core.secrets import Secret
from provision.sim.messages import Problem

#: Sessions a BMC holds at once, and accounts; small, as on real ones.
TABLE = 8
ACCOUNTS = 16

#: Role -> what it may do, as the Redfish standard has them.
ROLES: Mapping[str, tuple[str, ...]] = {
    "Administrator": (
        "Login",
        "ConfigureManager",
        "ConfigureUsers",
        "ConfigureComponents",
        "ConfigureSelf",
    ),
    "Operator": ("Login", "ConfigureComponents", "ConfigureSelf"),
    "ReadOnly": ("Login", "ConfigureSelf"),
}


@dataclass(kw_only=True)
class Account:
    """One user."""

    number: int
    user: str
    password: Secret
    role: str = "Administrator"
    enabled: bool = True

    def may(self, privilege: str) -> bool:
        """Whether the user's role has the privilege."""
        return privilege in ROLES[self.role]


@dataclass(kw_only=True)
class Session:
    """One login."""

    number: int
    user: str
    token: str = field(repr=False)
    created: datetime
    used: float


class Access:
    """Accounts and sessions of one BMC."""

    def __init__(self, user: str, password: Secret) -> None:
        self.accounts = {1: Account(number=1, user=user, password=password)}
        self.timeout = 1800
        self.limit = TABLE
        self.full: Callable[[], Problem] = lambda: Problem("SessionLimitExceeded")
        self._sessions: dict[int, Session] = {}
        self._next = 1

    @property
    def sessions(self) -> Mapping[int, Session]:
        """The live sessions by number; the ones not used for too long are dropped here."""
        limit = time.monotonic() - self.timeout
        self._sessions = {n: s for n, s in self._sessions.items() if s.used >= limit}
        return self._sessions

    def login(self, user: str, password: str) -> Session:
        """Open a session, or raise the problem to answer."""
        if not self._account(user, password):
            raise Problem("NoValidSession")
        if len(self.sessions) >= self.limit:
            raise self.full()
        session = Session(
            number=self._next,
            user=user,
            token=secrets.token_hex(16),
            created=datetime.now(UTC),
            used=time.monotonic(),
        )
        self._next += 1
        self._sessions[session.number] = session
        return session

    def logout(self, number: int) -> None:
        """Close a session."""
        self._sessions.pop(number, None)

    def forget(self) -> None:
        """Close all sessions, as a BMC that restarts does."""
        self._sessions.clear()

    def add(self, user: str, password: Secret, role: str) -> Account:
        """Add a user, or raise the problem to answer."""
        if any(account.user == user for account in self.accounts.values()):
            raise Problem("ResourceAlreadyExists", "ManagerAccount", "UserName", user)
        if len(self.accounts) >= ACCOUNTS:
            raise Problem("CreateLimitReachedForResource")
        number = max(self.accounts) + 1
        self.accounts[number] = Account(number=number, user=user, password=password, role=role)
        return self.accounts[number]

    def remove(self, number: int) -> None:
        """Remove a user, and end the sessions of that name; the first user stays."""
        if number == 1:
            raise Problem("ResourceCannotBeDeleted")
        gone = self.accounts.pop(number)
        self._sessions = {n: s for n, s in self._sessions.items() if s.user != gone.user}

    def who(self, headers: Mapping[str, str]) -> Account | None:
        """Return whose live token, or right name and password, the request carries."""
        token = headers.get("X-Auth-Token")
        if token is not None:
            return self._touch(token)
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self._account(user, password)

    def _touch(self, token: str) -> Account | None:
        for session in self.sessions.values():
            if hmac.compare_digest(session.token.encode(), token.encode()):
                session.used = time.monotonic()
                found = self._named(session.user)
                return found if found and found.enabled else None
        return None

    def _account(self, user: str, password: str) -> Account | None:
        found = self._named(user)
        if not found or not found.enabled:
            return None
        expected = found.password.reveal().encode()
        return found if hmac.compare_digest(expected, password.encode()) else None

    def _named(self, user: str) -> Account | None:
        return next((a for a in self.accounts.values() if a.user == user), None)
