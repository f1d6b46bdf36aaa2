"""One JSON record per flashed target: what was written to which stick, and how it ended.

A record is there before the first byte is written, so that a full disk stops the job beforehand,
and that a job that was killed leaves an ``unfinished`` record behind.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provision import __version__
from provision.core.config import private_dir, state_dir
from provision.core.errors import ProvisionError
from provision.core.files import write_json
from provision.media.checksum import NAME

if TYPE_CHECKING:
    from provision.flow.flash import Outcome, Plan
    from provision.media.spool import Spool
    from provision.media.targets import Target

SCHEMA = "bareiron.flash/1"


class FlashRecords:
    """The records of one job, in the order of its targets."""

    def __init__(self, plan: Plan, entries: list[tuple[Path, dict[str, Any]]]) -> None:
        self._plan = plan
        self._entries = entries

    @classmethod
    def begin(cls, plan: Plan) -> FlashRecords:
        """Write an unfinished record for each target."""
        folder = private_dir(state_dir() / "records")
        now = datetime.now(UTC)
        records = cls(plan, [(folder / _name(target, now), {}) for target in plan.targets])
        for (path, record), target in zip(records._entries, plan.targets, strict=True):
            record.update(_opening(plan, target, now))
            write_json(path, record)
        return records

    def finish(
        self, outcomes: tuple[Outcome, ...], spool: Spool
    ) -> tuple[tuple[dict[str, Any], ...], tuple[ProvisionError, ...]]:
        """Complete every record; return them, and why one could not be kept.

        Each comes with the ``record`` it lies in, None for one that could not be kept: what was
        done to a stick has been done, and its verdict is due.
        """
        image = {
            "size": spool.size,
            "sha256": spool.stored_sha256 or None,
            "content_sha256": spool.content_sha256 or None,
        }
        kept, problems = [], []
        for (path, record), outcome in zip(self._entries, outcomes, strict=True):
            record["image"] |= image
            record.update(_ending(outcome))
            try:
                write_json(path, record)
            except ProvisionError as error:
                problems.append(error)
                kept.append(record | {"record": None})
            else:
                kept.append(record | {"record": str(path)})
        return tuple(kept), tuple(problems)


def _opening(plan: Plan, target: Target, now: datetime) -> dict[str, Any]:
    expected = plan.digest
    return {
        "schema": SCHEMA,
        "result": "unfinished",
        "tool": {"name": "bareiron", "version": __version__},
        "image": {
            "path": str(Path(plan.info.path).absolute()),
            "format": str(plan.info.format),
            "stored_size": plan.info.stored_size,
            "label": plan.info.label,
            "hypervisor": plan.info.hypervisor,
            "expected_sha256": expected.hex if expected else None,
            "expected_by": expected.source if expected else "nobody (--unverified)",
        },
        "target": target.as_dict(),
        "started": now.isoformat(timespec="milliseconds"),
    }


def _ending(outcome: Outcome) -> dict[str, Any]:
    report = outcome.report
    return {
        "result": outcome.result,
        "error": outcome.error.as_dict() if outcome.error else None,
        "written": _without(asdict(report), "read_back") if report else None,
        "rates": {
            "write_bytes_per_second": round(report.bytes / max(report.write_seconds, 1e-9)),
            "verify_bytes_per_second": round(report.bytes / max(report.verify_seconds, 1e-9)),
        }
        if report
        else None,
        "read_back": {
            "digest": report.read_back,
            "method": f"every byte read back from the medium; {NAME} of each 4 MiB (the first: "
            "1 MiB) equal to the image's; the digest is the sha256 of those checksums",
        }
        if report
        else None,
        "started": outcome.started.isoformat(timespec="milliseconds"),
        "finished": outcome.finished.isoformat(timespec="milliseconds"),
    }


def _without(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


def _name(target: Target, now: datetime) -> str:
    """Name a record so that names sort by time and nothing of the stick's own text is a path."""
    who = re.sub(r"[^A-Za-z0-9._-]+", "-", target.serial or target.path.name).strip("-.")[:40]
    return f"flash-{now:%Y%m%d-%H%M%S}-{who or 'target'}-{secrets.token_hex(2)}.json"
