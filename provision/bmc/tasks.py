"""Tasks of a BMC: work it accepted and does in its own time, followed until it has ended.

DMTF's Task, Job and task monitor are read alike: a body that names its state is believed, else the
HTTP status counts (202: still at work). A BMC may restart in the middle of its own update; while it
does, nobody answering is no end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from provision.bmc import replies
from provision.bmc.address import own_path
from provision.bmc.errors import BadReply, BmcError, NotSupported
from provision.bmc.replies import JsonObject, Reply
from provision.bmc.service import Bmc, link
from provision.bmc.values import number, objects, text
from provision.core.errors import CredentialsError, OutcomeUnknown, Unreachable
from provision.core.events import Event, Observer, Phase, ignore
from provision.core.secrets import redact
from provision.core.text import clean

#: Seconds between two looks where the BMC names none: growing from the first to the second.
_PAUSES: Final = (2.0, 30.0)
#: A BMC that asks to be looked at again at once is not obeyed.
_SHORTEST: Final = 0.5
#: Seconds a task just created may be missing; some BMCs write it down later than they tell of it.
_GRACE: Final = 30.0
_DONE: Final = frozenset({"completed", "rebootcompleted"})
_FAILED: Final = frozenset(
    {
        "exception",
        "killed",
        "cancelled",
        "failed",
        "completedwitherrors",
        "invalid",
        "rebootfailed",
        "userintervention",
    }
)
_MOST_MESSAGES: Final = 5
_TASK_KINDS: Final = ("#task.", "#job.")
#: The task was there, and is there no longer: its end was missed.
GONE: Final = "Gone"


class TaskFailed(BmcError):
    """The BMC accepted the work, and its task ended badly."""

    code = "task-failed"
    remedy = "Read what the task says above; nothing was sent a second time."


class TaskUnfinished(OutcomeUnknown):
    """The task still runs, or says so, when our time for it is over."""

    code = "task-unfinished"
    remedy = (
        "The BMC may still be at work: look at its tasks before anything else is sent, and do not "
        "cut its power."
    )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a task ended: the BMC's word for it, what it said, and after how many seconds."""

    path: str
    state: str
    messages: tuple[str, ...] = ()
    seconds: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """Return the end as ``--output json`` prints it."""
        return {
            "task": self.path,
            "state": self.state,
            "messages": list(self.messages),
            "seconds": round(self.seconds, 1),
        }


def task_of(bmc: Bmc, reply: Reply) -> str:
    """Return the path of the task that ``reply`` speaks of; empty where it names none.

    ``Location`` is taken as path and query: BMCs write names of their own into it.
    """
    if _is_task(reply.body) and (path := _own(bmc, reply.body.get("@odata.id"))):
        return path
    if path := _own(bmc, reply.headers.get("Location")):
        return path
    # Some answer 202 with nothing but a link to the task in the body.
    return _own(bmc, reply.body.get("@odata.id")) if reply.status == 202 else ""


def _own(bmc: Bmc, location: object) -> str:
    if not isinstance(location, str) or not location:
        return ""
    try:
        return own_path(location, bmc.address.authority)
    except BadReply:
        return ""


def _is_task(body: JsonObject) -> bool:
    kind = body.get("@odata.type")
    return _state(body) != "" or (isinstance(kind, str) and kind.lower().startswith(_TASK_KINDS))


def _state(body: JsonObject) -> str:
    return text(body, "TaskState") or text(body, "JobState") or ""


async def listed(bmc: Bmc) -> list[str]:
    """Return the paths of the tasks the BMC knows; none where it has no task service."""
    service = link(bmc.root, "Tasks") or link(bmc.root, "TaskService")
    if not service:
        return []
    try:
        return await bmc.links(link(await bmc.get(service), "Tasks"))
    except BmcError:
        return []


async def wait(
    bmc: Bmc, path: str, *, doing: str, seconds: float, observer: Observer = ignore
) -> Ended:
    """Follow the task at ``path`` until it has ended, for at most ``seconds``.

    ``TaskFailed`` where it ended badly, ``TaskUnfinished`` where it did not end. A task that is
    gone after it was seen, or never came up, is returned with the state ``GONE``: what became of
    the work has to be read elsewhere.
    """
    return await _Following(bmc, path, doing, observer).until(seconds)


class _Following:
    """One task being followed."""

    def __init__(self, bmc: Bmc, path: str, doing: str, observer: Observer) -> None:
        self._bmc = bmc
        self._path = path
        self._doing = doing
        self._observer = observer
        self._seen = False
        self._told = ""
        self._last = "it was never seen"

    async def until(self, seconds: float) -> Ended:
        clock = asyncio.get_running_loop().time
        began, pause = clock(), _PAUSES[0]
        while True:
            ended, asked = await self._look(clock() - began)
            spent = clock() - began
            if ended is not None:
                return self._judged(ended, spent)
            wait = pause if asked is None else max(asked, _SHORTEST)
            if spent + wait >= seconds:
                raise TaskUnfinished(
                    f"{self._doing}: its task {self._path} has not ended after {seconds:.0f} s "
                    f"({self._last})"
                )
            pause = min(pause * 1.5, _PAUSES[1])
            await asyncio.sleep(wait)

    async def _look(self, age: float) -> tuple[JsonObject | None, float | None]:
        """Return the body of the ended task, else None and the seconds the BMC asks us to wait."""
        try:
            reply = await self._bmc.fetch(self._path)
        except NotSupported:  # not there
            if self._seen or age >= _GRACE:
                return {"TaskState": GONE}, None
            self._last = "it is not there"
            return None, None
        except CredentialsError:
            raise
        except (Unreachable, BadReply) as error:
            self._last = clean(error, 160)
            return None, getattr(error, "retry_after", None)
        except BmcError as error:  # a monitor answers with the error the work ended in
            if not self._seen:
                raise
            return {"TaskState": "Exception", "Message": str(error)}, None
        self._seen = True
        state = _state(reply.body)
        self._tell(reply.body, state)
        finished = state.lower() in _DONE | _FAILED if state else not self._at_work(reply)
        return (reply.body if finished else None), replies.retry_after(reply.headers)

    def _at_work(self, reply: Reply) -> bool:
        return reply.status == 202 or _is_task(reply.body)

    def _tell(self, body: JsonObject, state: str) -> None:
        percent = number(body, "PercentComplete")
        self._last = state or "no state is told"
        if percent is not None and percent <= 100:
            self._last += f", {percent:.0f} %"
        if self._last != self._told:
            self._told = self._last
            self._observer(
                Event(subject=self._bmc.name, step="task", phase=Phase.PROGRESS, message=self._last)
            )

    def _judged(self, body: JsonObject, seconds: float) -> Ended:
        state = _state(body) or "Completed"
        told = _messages(body)
        if state.lower() in _FAILED or (text(body, "TaskStatus") or "").lower() == "critical":
            words = f": {' / '.join(told)}" if told else ""
            raise TaskFailed(f"{self._doing}: its task ended as {state}{words}")
        return Ended(path=self._path, state=state, messages=tuple(told), seconds=seconds)


def _messages(body: JsonObject) -> list[str]:
    """Return what a task says, the latest of it, made safe."""
    found = [each.get("Message") or each.get("MessageId") for each in objects(body, "Messages")]
    found.append(body.get("Message"))
    words = [clean(redact(each[:4096]), 200) for each in found if isinstance(each, str)]
    return list(dict.fromkeys(word for word in words if word))[-_MOST_MESSAGES:]
