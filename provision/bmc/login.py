"""Logging in: where sessions are opened, what an answer to a login means."""

from __future__ import annotations

from provision.bmc import replies
from provision.bmc.address import own_path
from provision.bmc.errors import BadReply, BmcError, Busy, NotSupported
from provision.bmc.replies import Answer, JsonObject
from provision.bmc.service import link
from provision.core.errors import CredentialsError, ProvisionError

#: Parts of message ids by which some refuse a login with a status other than 401.
_REFUSALS = ("unauthori", "loginattempt", "credential", "accessdenied")

_FULL = (
    "If all its sessions are in use: those of programs that were killed end by themselves after "
    "the BMC's session timeout (often 5 to 30 minutes). To end them at once, use the list of "
    "sessions in the BMC's own page, or restart the BMC."
)


def sessions(root: JsonObject) -> str:
    """Return where sessions are opened; empty where the root names no such service."""
    service = link(root, "SessionService")
    return link(root, "Links", "Sessions") or (f"{service.rstrip('/')}/Sessions" if service else "")


def error(doing: str, answer: Answer) -> ProvisionError:
    """Return our error for a login that was refused."""
    found = replies.error_for(doing, answer)
    if isinstance(found, Busy):
        found.hint = _FULL
    if isinstance(found, BmcError) and not isinstance(found, NotSupported | BadReply):
        names = replies.message_ids(answer.content())
        if any(word in name.lower() for name in names for word in _REFUSALS):
            return CredentialsError(str(found))
    return found


def opened(doing: str, answer: Answer, body: JsonObject, authority: str) -> tuple[str, str]:
    """Return the token of the session just opened, and the path by which it is closed."""
    token = answer.headers.get("X-Auth-Token")
    place = answer.headers.get("Location") or body.get("@odata.id")
    if not token or not isinstance(place, str):
        raise BadReply(f"{doing}: the BMC opened a session without saying which")
    return token, own_path(place, authority)
