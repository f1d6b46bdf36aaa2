"""Logging in: where sessions are opened, what an answer to a login means."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from provision.bmc import replies
from provision.bmc.address import own_path
from provision.bmc.errors import BadReply, BmcError, Busy, NotSupported, SessionsFull
from provision.bmc.replies import Answer, JsonObject
from provision.bmc.service import link
from provision.core.errors import CredentialsError, ProvisionError

#: Parts of message ids by which some refuse a login with a status other than 401.
_REFUSALS = ("unauthori", "loginattempt", "credential", "accessdenied")

#: Names of messages, and words of sentences, by which some say that their session table is full.
_FULL = re.compile(
    r"SessionLimitExceeded|NoSpaceForSession|RAC0218|"
    r"(?i:(maximum|limit|too many|all|no free|no more)\b.{0,40}\bsessions?\b|"
    r"\bsessions?\b.{0,40}\b(limit|maximum|exhausted|exceeded|in use|full)\b)"
)
#: The longest token that is one; the longest seen is a JWT of under 2 KiB.
_LONGEST_TOKEN = 8192


@dataclass(frozen=True, kw_only=True)
class Login:
    """What goes along with a request to show who we are: a session's token, or the password."""

    token: str = field(default="", repr=False)
    path: str = ""
    user: str = ""
    password: str = field(default="", repr=False)


ANONYMOUS = Login()


def sessions(root: JsonObject) -> str:
    """Return where sessions are opened; empty where the root names no such service."""
    service = link(root, "SessionService")
    return link(root, "Links", "Sessions") or (f"{service.rstrip('/')}/Sessions" if service else "")


def error(doing: str, answer: Answer) -> ProvisionError:
    """Return our error for a login that was refused."""
    found = replies.error_for(doing, answer)
    told = answer.content()
    names = replies.message_ids(told)
    if answer.status != 401 and _FULL.search(" ".join([*names, replies.said(told)])[:2000]):
        full = SessionsFull(str(found))
        full.retry_after = replies.retry_after(answer.headers)
        return full
    if isinstance(found, Busy):
        found.hint = f"{found.hint} {SessionsFull.remedy}"
    unsaid = isinstance(found, BmcError) and not isinstance(found, NotSupported | BadReply)
    if unsaid and any(word in name.lower() for name in names for word in _REFUSALS):
        return CredentialsError(str(found))
    return found


def opened(doing: str, answer: Answer, body: JsonObject, authority: str) -> Login:
    """Return the session just opened: its token, and the path by which it is closed."""
    token = answer.headers.get("X-Auth-Token")
    place = answer.headers.get("Location") or body.get("@odata.id")
    if not token or not isinstance(place, str):
        raise BadReply(f"{doing}: the BMC opened a session without saying which")
    if len(token) > _LONGEST_TOKEN or not (token.isascii() and token.isprintable()):
        raise BadReply(f"{doing}: the session it opened makes no sense")
    return Login(token=token, path=own_path(place, authority))
