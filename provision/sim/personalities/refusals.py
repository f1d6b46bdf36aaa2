"""Requests that a BMC refuses though the standard would take them."""

from __future__ import annotations

from fnmatch import fnmatchcase

from provision.sim.machine import Machine, Power, Progress
from provision.sim.manners import Exchange
from provision.sim.messages import Json, Problem, Reply
from provision.sim.personalities.model import Refusal, When
from provision.sim.standard.uris import ROOT

_POST = (Progress.PROCESSOR, Progress.MEMORY, Progress.PCI)


class Refused(Problem):
    """A refusal with a status and a message id of the BMC's own."""

    def __init__(self, status: int, message_id: str, text: str) -> None:
        super().__init__(message_id)
        self.status, self.text = status, text

    def reply(self) -> Reply:
        """Return the error as the service answers it."""
        info: Json = {
            "@odata.type": "#Message.v1_2_1.Message",
            "MessageId": self.message,
            "Message": self.text,
            "MessageArgs": [],
            "Severity": "Critical",
            "Resolution": "None.",
        }
        error = {"code": self.message, "message": self.text, "@Message.ExtendedInfo": [info]}
        return Reply(status=self.status, body={"error": error})


def judge(
    refusals: tuple[Refusal, ...], exchange: Exchange, machine: Machine, *, licensed: bool
) -> None:
    """Raise the first refusal that fits the request."""
    for refusal in refusals:
        if _fits(refusal.when, exchange, machine, licensed=licensed):
            raise Refused(refusal.status, refusal.id, refusal.text)


def _fits(when: When, exchange: Exchange, machine: Machine, *, licensed: bool) -> bool:
    name = exchange.path.removeprefix(ROOT).strip("/")
    if when.method not in ("*", exchange.method) or not fnmatchcase(name, when.path):
        return False
    if when.unlicensed and licensed:
        return False
    return _state_fits(when, exchange, machine) and _body_fits(when, exchange.body)


def _state_fits(when: When, exchange: Exchange, machine: Machine) -> bool:
    matched = "present" if "If-Match" in exchange.headers else "absent"
    posting = machine.power is Power.POWERING_ON or machine.progress in _POST
    accepted = exchange.headers.get("Accept-Encoding", "")
    return (
        when.empty_body in (None, not exchange.raw)
        and when.if_match in (None, matched)
        and when.identity in (None, "gzip" not in accepted)
        and when.during_post in (None, posting)
    )


def _body_fits(when: When, body: Json) -> bool:
    has = not when.has or any(_at(body, path) is not _MISSING for path in when.has)
    lacks = not when.lacks or any(_at(body, path) is _MISSING for path in when.lacks)
    return has and lacks


_MISSING = object()


def _at(body: object, path: str) -> object:
    for step in path.split("/"):
        if not isinstance(body, dict) or step not in body:
            return _MISSING
        body = body[step]
    return body
