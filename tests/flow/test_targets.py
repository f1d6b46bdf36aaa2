"""Targets: one address may lead to several servers, and one that fails stops no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.bmc.client import Access, Tls
from provision.flow.sources import Machine
from provision.flow.targets import Targets, each
from provision.sim import personalities
from provision.sim.rack import running
from provision.sim.spec import ServerSpec


async def _itself(machine: Machine) -> Machine:
    return machine


async def test_every_server_behind_one_bmc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four nodes on one BMC are four machines; by its address, a node is met alone."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))
    spec = personalities.dressed(ServerSpec(name="u01", serial="S1"), "hpe-cray-ex")
    async with running([spec], scale=0.01, directory=tmp_path) as rack:
        server = rack.servers[0]
        access = Access(
            url=server.url,
            user=server.user,
            password=server.password,
            tls=Tls.CA,
            ca_file=server.ca_file,
        )
        seen = await each(Targets(accesses={"r1": access}), _itself)
        assert [one.error for one in seen] == [None] * 4
        assert len({one.target for one in seen}) == 4
        serials = {one.result.facts["system.serial"].value for one in seen if one.result}
        assert len(serials) == 4
