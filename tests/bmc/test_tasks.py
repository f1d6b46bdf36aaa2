"""Tasks of a BMC: followed to their end, whatever the BMC says meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from provision.bmc import tasks
from provision.bmc.client import Access, connect
from provision.bmc.errors import BmcError
from provision.bmc.replies import Reply
from provision.bmc.tasks import GONE, TaskFailed, TaskUnfinished
from provision.core.events import Event
from tests.bmc.hostile import HostileBmc, Request, answer

Reach = Callable[..., Access]
TASK = "/redfish/v1/TaskService/Tasks/7"
MONITOR = "/redfish/v1/TaskService/TaskMonitors/7?id=1"
DOING = "updating firmware"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once."""
    monkeypatch.setattr(tasks, "_PAUSES", (0.01, 0.02))
    monkeypatch.setattr(tasks, "_SHORTEST", 0.01)


def script(bmc: HostileBmc, path: str, answers: Sequence[bytes | None]) -> None:
    """Let reads of ``path`` be answered one after the other; the last one for ever."""
    left = list(answers)

    async def handler(_request: Request) -> bytes | None:
        return left.pop(0) if len(left) > 1 else left[0]

    bmc.on["GET", path] = handler


def task(state: object, **more: object) -> bytes:
    """A Task as BMCs answer it."""
    return answer({"@odata.type": "#Task.v1_4_3.Task", "TaskState": state, **more})


@pytest.mark.parametrize(
    ("headers", "body", "path"),
    [
        ({"Location": TASK}, {}, TASK),
        ({"Location": f"http://bmc.internal:8080{MONITOR}"}, {}, MONITOR),  # its own idea of itself
        ({"Location": "https://[::1"}, {}, ""),
        ({"Location": "/redfish/v1/../../etc"}, {}, ""),
        ({"Location": MONITOR}, {"@odata.id": TASK, "TaskState": "New"}, TASK),
        ({}, {"@odata.id": TASK, "@odata.type": "#Job.v1_0_0.Job"}, TASK),
        ({}, {"@odata.id": TASK}, TASK),
        ({}, {"@odata.id": 7, "TaskState": "New"}, ""),
        ({}, {}, ""),
    ],
)
async def test_where_the_task_is(
    *, bmc: HostileBmc, access: Reach, headers: dict[str, str], body: Any, path: str
) -> None:
    """Path and query of what the BMC says, on our own origin; nothing where it is nonsense."""
    async with connect(access()) as there:
        found = tasks.task_of(there, Reply(status=202, body=body, headers=headers))
    assert found == path


async def test_followed_with_progress(bmc: HostileBmc, access: Reach) -> None:
    """States and percents are told once each; Completed is the end."""
    script(
        bmc,
        TASK,
        [
            task("New"),
            task("Running", PercentComplete=40),
            task("Running", PercentComplete=40),
            task("Suspended", PercentComplete="x"),
            task("Completed", PercentComplete=100, Messages=[{"Message": "Done.\x1b[31m"}]),
        ],
    )
    told: list[Event] = []
    async with connect(access()) as there:
        ended = await tasks.wait(there, TASK, doing=DOING, seconds=20, observer=told.append)
    assert (ended.state, ended.messages) == ("Completed", ("Done.[31m",))
    words = [each.message for each in told]
    assert words == ["New", "Running, 40 %", "Suspended", "Completed, 100 %"]


@pytest.mark.parametrize("state", ["Exception", "Killed", "Cancelled", "Failed"])
async def test_a_bad_end(bmc: HostileBmc, access: Reach, state: str) -> None:
    """Every bad end is an error that repeats what the task says."""
    messages = [{"Message": "Image rejected."}, {"MessageId": "Base.1.0.General"}, 7, None]
    script(bmc, TASK, [task(state, Messages=messages)])
    async with connect(access()) as there:
        with pytest.raises(TaskFailed, match=rf"{DOING}.*{state}: Image rejected"):
            await tasks.wait(there, TASK, doing=DOING, seconds=20)


async def test_completed_and_critical(bmc: HostileBmc, access: Reach) -> None:
    """A task that is complete and critical has failed."""
    script(bmc, TASK, [task("Completed", TaskStatus="Critical")])
    async with connect(access()) as there:
        with pytest.raises(TaskFailed):
            await tasks.wait(there, TASK, doing=DOING, seconds=20)


@pytest.mark.parametrize("state", ["Running", None, 7, "", "\x1b[2J", {"a": 1}])
async def test_one_that_never_ends(bmc: HostileBmc, access: Reach, state: object) -> None:
    """A task that runs for ever, or never says a state, ends at our deadline with its own error."""
    script(bmc, TASK, [task(state)])
    async with connect(access()) as there:
        with pytest.raises(TaskUnfinished, match="has not ended") as caught:
            await tasks.wait(there, TASK, doing=DOING, seconds=0.2)
    assert str(caught.value).isprintable()
    assert caught.value.status == 14


async def test_a_monitor(bmc: HostileBmc, access: Reach) -> None:
    """202 is at work; 204 is done; an error after that is what the work ended in."""
    running = answer(None, 202, Retry_After="0")
    script(bmc, MONITOR, [running, running, answer(None, 204)])
    async with connect(access()) as there:
        assert (await tasks.wait(there, MONITOR, doing=DOING, seconds=20)).state == "Completed"
        refusal = answer({"error": {"message": "The image is too old."}}, 400)
        script(bmc, MONITOR, [running, refusal])
        with pytest.raises(TaskFailed, match="too old"):
            await tasks.wait(there, MONITOR, doing=DOING, seconds=20)
        script(bmc, MONITOR, [refusal])
        with pytest.raises(BmcError, match="too old"):
            await tasks.wait(there, MONITOR, doing=DOING, seconds=20)


async def test_missing_at_first(bmc: HostileBmc, access: Reach) -> None:
    """404 right after creation is waited out; 404 after it was seen is the end, unseen."""
    missing = answer({}, 404)
    script(bmc, TASK, [missing, missing, task("Running"), missing])
    async with connect(access()) as there:
        assert (await tasks.wait(there, TASK, doing=DOING, seconds=20)).state == GONE


async def test_never_there(bmc: HostileBmc, access: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that does not come up is given up after the grace."""
    monkeypatch.setattr(tasks, "_GRACE", 0.1)
    async with connect(access()) as there:
        assert (await tasks.wait(there, TASK, doing=DOING, seconds=20)).state == GONE


async def test_a_bmc_that_restarts_in_the_middle(bmc: HostileBmc, access: Reach) -> None:
    """Dropped connections, 503 and an expired session are no end of the task."""
    busy = answer({}, 503, Retry_After="0")
    lost = answer({}, 401)
    script(
        bmc,
        TASK,
        [
            task("Running"),
            None,
            None,
            None,
            busy,
            busy,
            busy,
            lost,
            answer(b"<html>"),
            task("Completed"),
        ],
    )
    bmc.on["GET", "/redfish/v1/SessionService/Sessions/7"] = _gone
    async with connect(access()) as there:
        assert (await tasks.wait(there, TASK, doing=DOING, seconds=20)).state == "Completed"


async def _gone(_request: Request) -> bytes:
    return answer({}, 404)


async def test_a_task_that_asks_to_be_looked_at_at_once(
    bmc: HostileBmc, access: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After 0 or nonsense does not make us hammer the BMC."""
    monkeypatch.setattr(tasks, "_SHORTEST", 0.1)
    for after in ("0", "-5", "nan", "x"):
        bmc.requests.clear()
        script(bmc, TASK, [answer({"TaskState": "Running"}, Retry_After=after)])
        monkeypatch.setattr(tasks, "_PAUSES", (0.1, 0.1))
        async with connect(access()) as there:
            with pytest.raises(TaskUnfinished):
                await tasks.wait(there, TASK, doing=DOING, seconds=0.35)
        assert bmc.count("GET", TASK) <= 5
