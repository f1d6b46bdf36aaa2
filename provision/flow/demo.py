"""The whole story on a simulated rack: flash the sticks, provision the servers, compare."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from provision.core.config import private_dir, state_dir
from provision.core.events import Observer
from provision.core.servers import read_servers
from provision.flow import install
from provision.flow.flash import FlashReport, Request, flash
from provision.flow.records import RunDirectory
from provision.media.targets import Policy
from provision.sim import Rack, demo_image, inventory, running, standard_mix

VIRTUALIZATION_OFF = 2
LOW_MEMORY = 1


@asynccontextmanager
async def planted_rack(servers: int, scale: float) -> AsyncIterator[Rack]:
    """Run a rack with three planted problems: VT-x off in the first two, little memory in the last.

    Its sticks, consoles and request log stay in ``<state>/demo`` until the next demo.
    """
    directory = state_dir() / "demo"
    shutil.rmtree(directory, ignore_errors=True)
    specs = standard_mix(servers, virt_off=VIRTUALIZATION_OFF, low_memory=LOW_MEMORY)
    async with running(specs, scale=scale, directory=private_dir(directory)) as rack:
        yield rack


def write_image(rack: Rack) -> Path:
    """Write the image for the sticks, and its digest beside it; return its path."""
    image = rack.directory / "demo.img"
    demo_image.write(image)
    return image


async def flash_sticks(rack: Rack, image: Path, observer: Observer) -> FlashReport:
    """Write the image to every server's stick, verified, as `provision flash` does."""
    request = Request(
        image=image,
        targets=tuple(server.stick for server in rack.servers),
        policy=Policy(allow_file=True),
    )
    return await asyncio.to_thread(flash, request, observer=observer)


def new_run(rack: Rack) -> tuple[Path, RunDirectory]:
    """Write the rack's servers file and begin a run of it; return both."""
    path = inventory.write(rack)
    return path, RunDirectory.create(read_servers(path), path)


async def provision(run: RunDirectory, observer: Observer, *, parallel: int) -> dict[str, Any]:
    """Carry out the run; return its summary."""
    with install.reserved(run.servers()):
        return await install.provision(run, None, observer, parallel=parallel)


def surprises(rack: Rack, summary: dict[str, Any], run: RunDirectory) -> list[str]:
    """Return where the run came out otherwise than was planted; nothing when all is well."""
    found = []
    poor = {server.name for server in rack.servers[len(rack.servers) - LOW_MEMORY :]}
    off = {server.name for server in rack.servers[:VIRTUALIZATION_OFF]} - poor
    for row in summary["servers"]:
        name = row["server"]
        wanted = "FAIL" if name in poor else "PASS"
        if row["verdict"] != wanted:
            found.append(f"{name}: {row['verdict']} where {wanted} was planted: {row['message']}")
        resets = rack.server(name).count("POST", "ComputerSystem.Reset")
        if resets != (0 if name in poor else 1):
            found.append(f"{name}: its BMC was sent {resets} resets")
        if row["verdict"] == "PASS" and bool(changed_bios(run, name)) != (name in off):
            found.append(f"{name}: BIOS changes {changed_bios(run, name)}")
    return found


def changed_bios(run: RunDirectory, name: str) -> list[list[str]]:
    """Return the BIOS changes a server's record tells of: attribute, old, new."""
    record = run.read_record(name) or {"steps": []}
    rows = (row["data"].get("changes", []) for row in record["steps"] if row["step"] == "bios")
    return next(rows, [])
