"""A rack for outsiders, and how they are run: as programs, against our BMCs alone."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from provision.sim import Rack, SimServer, running
from provision.sim.demo_image import SCRIPT
from provision.sim.spec import ServerSpec

HERE = Path(__file__).parent

#: A check that waits for a boot looks again every 10 s, and takes its time.
_PATIENCE = 240.0
_PROGRAMS = Path(sys.executable).parent
_MODULES = (
    "redfish_service_validator",
    "redfish_protocol_validator",
    "redfish_use_case_checkers",
    "redfish_utilities",
    "sushy",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what cannot run here, and say why."""
    lacking = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.timeout(300))
        if lacking:
            reason = f"the outside judges are not here ({', '.join(lacking)}): scripts/setup lab"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rack]:
    """Servers with an operating system on the disk that answers, all of them on."""
    specs = [
        ServerSpec(name=f"u{unit:02}", powered_on=True, disk_script=SCRIPT) for unit in range(1, 9)
    ]
    folder = tmp_path_factory.mktemp("rack")
    async with running(specs, scale=0.02, directory=folder) as made:
        yield made


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a program said, and how it ended."""

    status: int
    text: str


async def outsider(program: str, server: SimServer, *words: str | Path) -> Said:
    """Run a program that is not ours against a BMC, in the BMC's directory."""
    command = (
        *(sys.executable, str(_PROGRAMS / program)),
        *("-r", server.url, "-u", server.user, "-p", server.password.reveal()),
    )
    process = await asyncio.create_subprocess_exec(
        *command,
        *map(str, words),
        cwd=server.serial_log.parent,
        env={**os.environ, "REQUESTS_CA_BUNDLE": str(server.ca_file)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_PATIENCE):
            output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    return Said(status=process.returncode or 0, text=output.decode())
