"""DMTF's own programs judge the standard personality: not one failure."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from provision.sim import Rack
from tests.conformance.conftest import Said, outsider

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]

_ROOT = Path(__file__).parent.parent.parent
_SCHEMAS = (
    Path(os.environ.get("BAREIRON_CORPUS", _ROOT.parent / "shared" / "data")) / "redfish-csdl"
)


@dataclass(frozen=True, kw_only=True)
class Judges:
    """The judges at work, each before a server of its own, all at the same time."""

    schemas: asyncio.Task[Said]
    protocol: asyncio.Task[Said]
    use_cases: asyncio.Task[Said]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def judges(rack: Rack) -> AsyncIterator[Judges]:
    """Start them all: most of what they do is to wait."""
    first, second, third, *_ = rack.servers
    async with asyncio.TaskGroup() as group:
        yield Judges(
            schemas=group.create_task(
                outsider(
                    *("rf_service_validator", first, "--skipschema"),
                    *("--schema_directory", _SCHEMAS, "--logdir", "schemas"),
                )
            ),
            protocol=group.create_task(
                outsider(
                    *("rf_protocol_validator", second, "--ca-bundle", second.ca_file),
                    *("--avoid-http-redirect", "--report-type", "tsv", "--report-dir", "protocol"),
                )
            ),
            use_cases=group.create_task(
                outsider("rf_use_case_checkers", third, "--report-dir", "use-cases")
            ),
        )


async def test_every_resource_fits_its_schema(judges: Judges) -> None:
    """The service validator reads every resource against DMTF's CSDL."""
    if not _SCHEMAS.is_dir():
        pytest.skip(f"no Redfish schemas (CSDL) at {_SCHEMAS}")
    said = await judges.schemas
    counts = re.findall(r"- Pass: (\d+), Warn: \d+, Fail: (\d+)", said.text)
    passed, failed = (sum(int(count[at]) for count in counts) for at in (0, 1))
    assert (failed, said.status) == (0, 0), said.text
    assert passed > 1000  # it did go through the whole tree
    assert said.text.count("\nValidating /redfish/v1/") > 40


async def test_the_protocol_is_kept(judges: Judges) -> None:
    """The protocol validator's assertions on methods, headers, sessions, statuses, TLS."""
    said = await judges.protocol
    summary = re.search(r"PASS: (\d+), WARN: (\d+), FAIL: (\d+)", said.text)
    assert summary, said.text
    passed, warned, failed = map(int, summary.groups())
    assert (warned, failed, said.status) == (0, 0, 0), said.text
    assert passed > 300


async def test_the_use_cases_work(judges: Judges) -> None:
    """Accounts, power, one-time boot, network interfaces and queries, as management uses them."""
    said = await judges.use_cases
    counts = re.search(r"\|\s+(\d+)\s+\|\s+(\d+)\s+\|\s+(\d+)\s+\|\s+(\d+)\s+\|", said.text)
    assert counts, said.text
    passed, warned, failed, _ = map(int, counts.groups())
    assert (warned, failed, said.status) == (0, 0, 0), said.text
    assert passed > 30
