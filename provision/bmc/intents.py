"""Requests that change something: told before they are sent, and sent once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from provision.bmc.replies import JsonObject, Reply
from provision.bmc.service import Bmc
from provision.core.errors import OutcomeUnknown
from provision.core.secrets import redact

_HIDDEN = "***"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request: as it was sent, or as it would be."""

    method: str
    uri: str
    body: JsonObject = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the request as ``--output json`` prints it, without passwords."""
        return {"method": self.method, "uri": self.uri, "body": _shown(self.body)}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What came of a request: an answer, or the error that says that none came."""

    reply: Reply | None = None
    unknown: OutcomeUnknown | None = None


async def send(bmc: Bmc, request: Request) -> Sent:
    """Send ``request`` once; a refusal is raised, and means that nothing was done."""
    try:
        if request.method == "POST":
            return Sent(reply=await bmc.post(request.uri, request.body))
        return Sent(reply=await bmc.patch(request.uri, request.body))
    except OutcomeUnknown as error:
        return Sent(unknown=error)


def _shown(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _shown(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    if isinstance(value, str):
        return _HIDDEN if "password" in name.lower() else redact(value, data=True)
    return value
