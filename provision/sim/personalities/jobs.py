"""A queue of configuration jobs: one at a time, done when the machine has gone through POST."""

from __future__ import annotations

from functools import partial

from provision.sim.bmc import Bmc
from provision.sim.messages import Json, Problem
from provision.sim.standard import uris
from provision.sim.tree import Resource, collection, resource

QUEUE = f"{uris.MANAGER}/Jobs"
_TASKS = f"{uris.TASK_SERVICE}/Tasks"


class Jobs:
    """The queue. ``late`` is how often a job that was just made is not found yet."""

    def __init__(self, bmc: Bmc, *, late: int = 0) -> None:
        self.bmc, self.late = bmc, late
        self.made: list[str] = []
        self._unfound = 0
        self._done: set[str] = set()
        bmc.tree[QUEUE] = Resource(
            body=lambda: collection(
                QUEUE, "DellJob", "JobQueue", [f"{QUEUE}/{one}" for one in self.made]
            )
        )

    @property
    def latest(self) -> str:
        """Return the URI of the newest job, as a task."""
        return f"{_TASKS}/{self.made[-1]}" if self.made else ""

    def busy(self) -> bool:
        """Whether a job still waits for its boot."""
        return bool(self.made) and self._state(self.made[-1]) != "Completed"

    def make(self) -> None:
        """Queue the job that brings what is staged in force."""
        name = f"JID_{len(self.made) + 1:012}"
        self._done |= set(self.made)
        self.made.append(name)
        self._unfound = self.late
        self.bmc.tree[f"{QUEUE}/{name}"] = Resource(
            body=partial(self._job, name), delete=partial(self._delete, name)
        )
        self.bmc.tree[f"{_TASKS}/{name}"] = Resource(body=partial(self._task, name))

    def _state(self, name: str) -> str:
        if name in self._done or not self.bmc.machine.bios.pending:
            self._done.add(name)
            return "Completed"
        return "Scheduled"

    def _looked_for(self, uri: str) -> None:
        if self._unfound:
            self._unfound -= 1
            raise Problem("ResourceMissingAtURI", uri)

    def _job(self, name: str) -> Json:
        uri = f"{QUEUE}/{name}"
        self._looked_for(uri)
        state = self._state(name)
        return resource(
            uri,
            "DellJob.v1_4_0",
            "Configure: BIOS.Setup.1-1",
            JobState=state,
            JobType="BIOSConfiguration",
            PercentComplete=100 if state == "Completed" else 0,
            Message="Job completed successfully." if state == "Completed" else "Task scheduled.",
            TargetSettingsURI=None,
        )

    def _task(self, name: str) -> Json:
        uri = f"{_TASKS}/{name}"
        self._looked_for(uri)
        done = self._state(name) == "Completed"
        return resource(
            uri,
            "Task.v1_7_4",
            "Configure: BIOS.Setup.1-1",
            TaskState="Completed" if done else "Starting",
            TaskStatus="OK",
            PercentComplete=100 if done else 0,
            Messages=[],
        )

    def _delete(self, name: str) -> None:
        """Drop the job, and with it what it was to bring in force."""
        if self._state(name) != "Completed":
            self.bmc.machine.bios.pending = {}
            self._done.add(name)
