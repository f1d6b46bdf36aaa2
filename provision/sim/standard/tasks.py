"""Tasks: work a BMC has accepted and does in its own time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Reply, extended
from provision.sim.standard import uris
from provision.sim.standard.root import stamp
from provision.sim.tree import Resource, collection, resource

#: Tasks a BMC remembers.
_TABLE = 32


class TaskFailure(Exception):
    """The work of a task failed; the text becomes its message."""


@dataclass(kw_only=True)
class Task:
    """One task."""

    number: int
    name: str
    state: str = "Running"
    percent: int = 0
    messages: list[Json] = field(default_factory=list)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None

    @property
    def uri(self) -> str:
        """Where it lies."""
        return f"{uris.TASKS}/{self.number}"

    @property
    def monitor(self) -> str:
        """Where a client waits for it."""
        return f"{uris.TASK_SERVICE}/TaskMonitors/{self.number}"


class Tasks:
    """The tasks of one BMC."""

    def __init__(self, bmc: Bmc) -> None:
        self._bmc = bmc
        self._all: list[Task] = []
        self._working: set[asyncio.Task[None]] = set()
        bmc.tree[uris.TASKS] = Resource(
            body=lambda: collection(uris.TASKS, "Task", "Tasks", [each.uri for each in self._all])
        )

    def start(self, name: str, work: Callable[[Task], Awaitable[None]]) -> Reply:
        """Begin ``work`` as a task; return the answer that says so."""
        number = self._all[-1].number + 1 if self._all else 1
        task = Task(number=number, name=name)
        self._all.append(task)
        for old in self._all[:-_TABLE]:
            self._bmc.tree.pop(old.uri, None)
            self._bmc.tree.pop(old.monitor, None)
        del self._all[:-_TABLE]
        tree = self._bmc.tree
        tree[task.uri] = Resource(body=partial(_task, task))
        tree[task.monitor] = Resource(body=partial(_task, task))
        doing = asyncio.get_running_loop().create_task(_done(task, work))
        self._working.add(doing)
        doing.add_done_callback(self._working.discard)
        headers = {"Location": task.monitor, "Retry-After": "1"}
        return Reply(status=202, body=_task(task), headers=headers)


async def _done(task: Task, work: Callable[[Task], Awaitable[None]]) -> None:
    try:
        await work(task)
        task.state, task.percent = "Completed", 100
        task.messages.append(extended("Success"))
    except TaskFailure as failure:
        task.state = "Exception"
        task.messages.append(
            extended("Success") | {"Message": str(failure), "Severity": "Critical"}
        )
    task.ended = datetime.now(UTC)


def _task(task: Task) -> Json:
    body = resource(
        task.uri,
        "Task.v1_7_4",
        task.name,
        TaskState=task.state,
        TaskStatus="Critical" if task.state == "Exception" else "OK",
        PercentComplete=task.percent,
        StartTime=stamp(task.began),
        TaskMonitor=task.monitor,
        HidePayload=True,
        Messages=list(task.messages),
    )
    return body | ({"EndTime": stamp(task.ended)} if task.ended else {})
