"""Who may use a simulated BMC: one account, sessions in a small table, HTTP Basic."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from provision.core.secrets import Secret
from provision.sim.messages import Problem

#: Sessions a BMC holds at once; small, as on real ones.
TABLE = 8


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
        self.user = user
        self.timeout = 1800
        self._password = password
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
        if not self._right(user, password):
            raise Problem("NoValidSession")
        if len(self.sessions) >= TABLE:
            raise Problem("SessionLimitExceeded")
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

    def admits(self, headers: Mapping[str, str]) -> bool:
        """Whether the request carries a live token or the right name and password."""
        token = headers.get("X-Auth-Token")
        if token is not None:
            return self._touch(token)
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self._right(user, password)

    def _touch(self, token: str) -> bool:
        for session in self.sessions.values():
            if hmac.compare_digest(session.token.encode(), token.encode()):
                session.used = time.monotonic()
                return True
        return False

    def _right(self, user: str, password: str) -> bool:
        expected = self._password.reveal().encode()
        return user == self.user and hmac.compare_digest(expected, password.encode())
