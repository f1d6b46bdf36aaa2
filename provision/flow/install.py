"""From a file of servers to running hypervisors: one durable story per server, and its record."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from provision import __version__
from provision.bmc.client import Access, Tls
from provision.core.config import private_dir, state_dir
from provision.core.errors import (
    ConfigError,
    Conflict,
    Exit,
    InternalFault,
    ProvisionError,
    worst,
)
from provision.core.events import Event, Observer, Phase, Result
from provision.core.files import locked, write_json
from provision.core.secrets import Secret, read_secret, redact
from provision.core.servers import Server
from provision.flow import engine, steps
from provision.flow.records import RECORD_SCHEMA, EventLog, RunDirectory
from provision.flow.validate import load_profile

SUMMARY_SCHEMA = "bareiron.summary/1"

_log = logging.getLogger(__name__)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def access_to(server: Server, secret: Secret | None) -> Access:
    """Return how to reach the server's BMC; ``secret`` serves where the file names no password."""
    if server.password is not None:
        secret = read_secret(server.password)
    return Access(
        url=server.bmc,
        user=server.user or "",
        password=secret,
        tls=Tls(server.tls),
        ca_file=Path(server.ca_file) if server.ca_file else None,
        timeout=float(server.timeout),
    )


def check(servers: list[Server], secret: Secret | None) -> None:
    """Raise ``ConfigError`` for what would stop a server at once: profile, password file."""
    for profile in {server.profile for server in servers}:
        load_profile(profile)
    for server in servers:
        access_to(server, secret)


@contextmanager
def reserved(servers: list[Server]) -> Iterator[None]:
    """Keep other runs of this state directory off the servers; ``Conflict`` if one is there."""
    folder = private_dir(state_dir() / "locks")
    with ExitStack() as held:
        for server in servers:
            doing = f"reserving {server.name} ({server.bmc})"
            path = folder / re.sub(r"[^A-Za-z0-9.-]+", "_", server.machine)
            held.enter_context(locked(path, Conflict(f"{doing}: another run is working on it")))
        yield


def _failed(error: ProvisionError) -> engine.Json:
    unknown = error.status is Exit.UNKNOWN
    outcome = steps.done(str(error), result=Result.UNKNOWN if unknown else Result.FAIL)
    return outcome | {"error": error.as_dict()}


def _told(outcome: engine.Json) -> engine.Json:
    """Return ``outcome`` without secrets in the texts that came from outside; it is stored."""
    clean = {
        key: _redacted(outcome[key]) for key in ("message", "error") if outcome.get(key) is not None
    }
    return outcome | clean | {"data": _redacted(outcome["data"])}


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _redacted(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(each) for each in value]
    return redact(value) if isinstance(value, str) else value


class Installation:
    """The story of one server: the steps in their order until one fails, then the record."""

    def __init__(self, run: RunDirectory, secret: Secret | None, observer: Observer) -> None:
        self._run = run
        self._secret = secret
        self._observer = observer
        self._machines: dict[str, str] = {}

    async def tell(self, subject: engine.Json) -> engine.Json:
        """Bring the server of ``subject`` to its hypervisor; return its record."""
        server = Server.model_validate(subject)
        job = steps.Job(
            server=server,
            access=access_to(server, self._secret),
            observer=self._observer,
            mark=partial(self._run.mark, server.name),
            only_one=partial(self._only_one, server.name),
        )
        try:
            for name, work in steps.STEPS:
                outcome = await engine.step(name, partial(self._do, name, work, job))
                job.found[name] = outcome
                if outcome["result"] not in (Result.OK, Result.SKIPPED):
                    break
        finally:
            await job.close()
        return await engine.step("record", partial(self._record, job))

    def _only_one(self, name: str, machine: str) -> None:
        other = self._machines.setdefault(machine, name)
        if other != name:
            raise ConfigError(
                f"identifying {name}: it is the same machine as {other} ({machine})",
                hint="Mend the addresses in the file: two rows lead to one server.",
            )

    async def _do(self, name: str, work: Any, job: steps.Job) -> engine.Json:
        """Do one step; what a user can be told about becomes its ending, never an exception."""
        self._say(job, name, Phase.START)
        began = _now()
        clock = time.monotonic()
        try:
            outcome: engine.Json = await work(job)
        except ProvisionError as error:
            outcome = _failed(error)
        except Exception as error:  # noqa: BLE001 - a bug met at one server is not the rack's end
            _log.exception("%s: step %s", job.server.name, name)
            outcome = _failed(InternalFault(f"doing {name}: {type(error).__name__}: {error}"))
        outcome = _told(outcome)
        outcome |= {"began": began, "seconds": round(time.monotonic() - clock, 2)}
        self._say(job, name, Phase.END, outcome)
        return outcome

    def _say(
        self, job: steps.Job, name: str, phase: Phase, outcome: engine.Json | None = None
    ) -> None:
        outcome = outcome or {}
        self._observer(
            Event(
                subject=job.server.name,
                step=name,
                phase=phase,
                message=outcome.get("message", ""),
                result=Result(outcome["result"]) if outcome else None,
                code=outcome.get("error", {}).get("code", ""),
            )
        )

    async def _record(self, job: steps.Job) -> engine.Json:
        found = job.found
        last = next(reversed(found.values()))
        complete = len(found) == len(steps.STEPS) and last["result"] in ("ok", "skipped")
        verdict = "PASS" if complete else "UNKNOWN" if last["result"] == "unknown" else "FAIL"
        record = {
            "schema": RECORD_SCHEMA,
            "run": self._run.name,
            "server": job.server.name,
            "bmc": job.server.bmc,
            "verdict": verdict,
            "system": found.get("identify", {}).get("data", {}),
            "evidence": found.get("evidence", {}).get("data", {}).get("evidence"),
            "error": last.get("error"),
            "steps": [{"step": name, **outcome} for name, outcome in found.items()],
            "wanted": job.server.model_dump(exclude_none=True),
            "tool": f"bareiron {__version__}",
            "ended": _now(),
        }
        path = self._run.write_record(job.server.name, record)
        message = (found["evidence"] if verdict == "PASS" else last)["message"]
        _tell_verdict(self._observer, job.server.name, verdict, message)
        return {
            "server": job.server.name,
            "verdict": verdict,
            "message": message,
            "error": last.get("error"),
            "record": str(path),
        }


async def provision(
    run: RunDirectory, secret: Secret | None, observer: Observer, *, parallel: int
) -> dict[str, Any]:
    """Begin or take up ``run``; return its summary, which is also written to its directory.

    Its servers have been checked, and are reserved.
    """
    servers = run.servers()
    log = EventLog(run)

    def tell(event: Event) -> None:
        log(event)
        observer(event)

    _recall(run, servers, observer)
    try:
        endings = await engine.perform(
            run.database,
            Installation(run, secret, tell).tell,
            {server.name: server.model_dump(exclude_none=True) for server in servers},
            parallel=parallel,
        )
    finally:
        log.close()
    summary = {
        "schema": SUMMARY_SCHEMA,
        "run": run.name,
        "ended": _now(),
        "servers": list(endings.values()),
        "exit_status": exit_status(endings),
        "records": str(run.records),
    }
    write_json(run.summary, summary)
    return summary


def _recall(run: RunDirectory, servers: list[Server], observer: Observer) -> None:
    """Tell of the servers that an interrupted run had finished."""
    for server in servers:
        record = run.read_record(server.name)
        if record is not None:
            verdict = str(record.get("verdict"))
            _tell_verdict(observer, server.name, verdict, "done before the interruption")


def _tell_verdict(observer: Observer, name: str, verdict: str, message: str) -> None:
    result = {"PASS": Result.OK, "UNKNOWN": Result.UNKNOWN}.get(verdict, Result.FAIL)
    observer(Event(subject=name, step="record", phase=Phase.END, result=result, message=message))


def exit_status(endings: Mapping[str, engine.Json]) -> int:
    """Return the one exit status of a run: the worst of its servers', and some or all failed."""
    failed = [ending for ending in endings.values() if ending["verdict"] != "PASS"]
    statuses = [ending["error"]["exit_status"] for ending in failed if ending["error"]]
    if failed and len(endings) > 1:
        all_of_them = len(failed) == len(endings)
        statuses.append(int(Exit.ALL_FAILED if all_of_them else Exit.SOME_FAILED))
    return worst(statuses)
