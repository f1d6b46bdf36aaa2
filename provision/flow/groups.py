"""Who is in ``@failed``, ``@passed`` and ``@unknown``: as the records of a run say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from provision.core.errors import ConfigError
from provision.core.selectors import Groups, groups_of
from provision.flow.records import RunDirectory, all_runs

_PASSED: Final[dict[str, bool | None]] = {"PASS": True, "FAIL": False}


def of_run(name: str = "") -> Groups:
    """Return the groups of the run called ``name``, or of the latest; they are read when asked for.

    Raises ``ConfigError`` then, where there is no such run. Servers without a record are in none.
    """

    def members(group: str) -> Collection[str] | None:
        run = RunDirectory.find(name) if name else _latest(group)
        records = {server.name: run.read_record(server.name) for server in run.servers()}
        results = {
            server: _PASSED.get(str(record.get("verdict")))
            for server, record in records.items()
            if record
        }
        return groups_of(results)(group)

    return members


def _latest(group: str) -> RunDirectory:
    runs = all_runs()
    if not runs:
        raise ConfigError(
            f"looking up @{group}: this state directory has no run yet",
            hint="Name the servers, or give the --state-dir of the run.",
        )
    return runs[-1]
