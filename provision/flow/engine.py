"""Durable work: the port to DBOS, and the only place that imports it.

A job is one workflow per subject. Each step's result is written to the database before the next
step starts; after a crash the same workflows are taken up, steps with a stored result are not run
again, and the step that was under way runs once more. So a step is *at least once*, and must look
before it acts.

The database is a SQLite file that belongs to one controller: a lock beside it keeps a second one
out (two executors of one name would both run the same steps).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSConfig, DBOSConfiguredInstance, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error

from provision.core.errors import ConfigError, Conflict
from provision.core.files import locked

#: Small, and without secrets: everything in it is stored.
Json = dict[str, Any]

#: Stored with every workflow; a workflow is only taken up by the version that knows its steps.
#: Raise it when the order or the meaning of steps changes, and keep the old story runnable.
STORY_VERSION = "1"

_POLL = 0.1  # seconds between looks for queued work; an idle look costs one SQLite read


#: Work on one subject. Everything in it that acts on the world goes through ``step``.
Story = Callable[[Json], Coroutine[Any, Any, Json]]


class _Teller(DBOSConfiguredInstance):
    """Tells the current story. DBOS keeps one registry per process, so there is one of it."""

    def __init__(self) -> None:
        super().__init__(config_name="teller")
        self.story: Story | None = None

    @DBOS.workflow(name="story", max_recovery_attempts=1_000_000)
    async def tell(self, subject: Json) -> Json:
        if self.story is None:
            raise RuntimeError("no story to tell")
        return await self.story(subject)


DBOS.dbos_class("Teller")(_Teller)
_teller = _Teller()


async def step(name: str, work: Callable[[], Coroutine[Any, Any, Json]]) -> Json:
    """Run ``work`` as a durable step, or return what it returned before a crash."""
    return await DBOS.run_step_async({"name": name}, work)


@contextmanager
def _told_errors(database: Path) -> Iterator[None]:
    """Turn what the database says into words: a full disk, a file that is no database."""
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, dbos_error.DBOSException) as error:
        cause = getattr(error, "orig", None) or error
        raise ConfigError(
            f"keeping the state of the run in {database}: {cause}",
            hint="Free some space and resume. If the file is damaged, look at the servers of its "
            "run and start a new one.",
        ) from error


def _open_sqlite(path: Path) -> sqlalchemy.Engine:
    """Return an engine that loses nothing at a power cut: WAL, and a sync at each commit."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", pool_size=10, pool_timeout=300)

    @sqlalchemy.event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        connection.isolation_level = "IMMEDIATE"
        for pragma in (
            "busy_timeout=30000",
            "foreign_keys=ON",
            "journal_mode=WAL",
            "synchronous=FULL",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine


@asynccontextmanager
async def _launched(database: Path, story: Story) -> AsyncIterator[None]:
    config: DBOSConfig = {
        "name": "bareiron",
        "system_database_url": f"sqlite:///{database}",
        "system_database_engine": _open_sqlite(database),
        "application_version": STORY_VERSION,
        "executor_id": "controller",
        "log_level": "ERROR",
        "max_executor_threads": 32,
        "serializer": DBOSPortableJSONSerializer(),
        "notification_listener_polling_interval_sec": _POLL,
    }
    DBOS(config=config)
    _teller.story = story
    try:
        DBOS.launch()
        yield
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=0)
        _teller.story = None


async def perform(
    database: Path, story: Story, subjects: Mapping[str, Json], *, parallel: int
) -> dict[str, Json]:
    """Tell ``story`` of every subject, at most ``parallel`` at a time; return the endings by name.

    Called again with the same database after a crash, it takes up what was under way, starts what
    was not, and returns the stored endings of what was done. Raises ``Conflict`` when another
    controller has the database.
    """
    taken = Conflict(
        f"opening the run in {database.parent}: another controller is working on it",
        hint="Wait for it, or stop it first; then `provision resume`.",
    )
    with locked(database.with_suffix(".lock"), taken), _told_errors(database):
        database.touch(mode=0o600)  # SQLite would let others read it
        async with _launched(database, story):
            queue = await DBOS.register_queue_async(
                "subjects", worker_concurrency=parallel, polling_interval_sec=_POLL
            )
            handles = {}
            for name, subject in subjects.items():
                # The name is the workflow's id: queueing it twice is one workflow.
                with SetWorkflowID(name):
                    handles[name] = await queue.enqueue_async(_teller.tell, subject)
            endings = await asyncio.gather(
                *(handle.get_result(polling_interval_sec=_POLL) for handle in handles.values())
            )
            return dict(zip(handles, endings, strict=True))
