"""The facts told of recorded BMCs: every tree is read without an error, and read rightly."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from provision.bmc.client import Access, Tls, connect
from provision.bmc.inventory import read_facts
from provision.core.secrets import Secret

TREES = Path(__file__).parents[2].parent / "shared" / "data" / "redfish"
SESSIONS = "/redfish/v1/sessionservice/sessions"

pytestmark = pytest.mark.skipif(
    not TREES.is_dir(), reason=f"RECORDED TREES LEFT OUT: {TREES} is not there"
)

#: What each recording must tell; a value of None must not be told.
EXPECTED: dict[str, dict[str, object]] = {
    "libredfish-dell": {
        "system.model": "PowerEdge R750",
        "cpu.family": 6,
        "cpu.model": 106,
        "cpu.sockets_populated": 2,
        "cpu.cores": 36,
        "cpu.virt.state": "enabled",
        "cpu.virt.attribute": "ProcVirtualization",
        "firmware.boot_mode": "uefi",
        "memory.total": 512 << 30,
        "memory.dimms_populated": 16,
        "tpm.version": "2.0",
    },
    "redfishctl-dell_xr8620t-tree": {
        "cpu.model": 143,
        "cpu.sockets_populated": 1,
        "sriov.state": "disabled",
        "memory.total": 128 << 30,
        "media.cd_slots": None,
    },
    "iloemu-DL360": {
        "cpu.vendor": "GenuineIntel",
        "cpu.model": 106,
        "cpu.cores": 24,
        "iommu.attribute": "IntelProcVtd",
        "memory.slots": 32,
        "memory.dimms_populated": 12,
        "media.cd_slots": 1,
        "firmware.boot_mode": "uefi",
    },
    "iloemu-DL380a": {
        "cpu.model": 207,
        "cpu.sockets_populated": 2,
        "memory.total": 512 << 30,
        "firmware.boot_mode": None,
    },
    "libredfish-lenovo": {
        "cpu.sockets_populated": 2,
        "cpu.virt.attribute": "Processors_IntelVirtualizationTechnology",
        "memory.total": 1 << 40,
        "memory.dimms_populated": 16,
        "memory.slots": 32,
        "memory.ecc": None,
        "media.cd_slots": 10,
    },
    "libredfish-supermicro": {
        "cpu.model": 143,
        "cpu.stepping": 8,
        "cpu.virt.attribute": "IntelVirtualizationTechnology_3C6F",
        "memory.total": 2 << 40,
        "nics.fastest": None,
    },
    "crayrie-Gigabyte": {
        "cpu.family": 23,
        "cpu.model": 49,
        "cpu.virt.state": "enabled",
        "cpu.virt.attribute": "Rome0565",
        "iommu.attribute": "Rome0162",
        "firmware.boot_mode": None,
        "media.cd_slots": 1,
    },
    "crayrie-EX4252": {
        "cpu.family": 25,
        "cpu.model": 17,
        "cpu.virt.state": None,
        "memory.ecc": "multi-bit",
        "boot.override_targets": None,
    },
    "libredfish-nvidia_gb200": {
        "cpu.cores": 144,
        "cpu.family": None,
        "cpu.virt.state": None,
        "memory.total": 960 << 30,
    },
    "crayrie-OpenBMC-stock": {
        "cpu.sockets_populated": None,
        "memory.total": None,
        "system.model": None,
    },
}
#: The system to read where a BMC has several that can be started.
NODE = {"crayrie-EX4252": "/redfish/v1/Systems/Node0"}


def _application(tree: dict[str, object]) -> web.Application:
    """A read-only BMC: case and a trailing slash do not matter; anybody may log in."""
    index = {uri.rstrip("/").lower(): body for uri, body in tree.items()}

    async def answer(request: web.Request) -> web.Response:
        path = request.path.rstrip("/").lower()
        if request.method == "POST" and path == SESSIONS:
            headers = {"X-Auth-Token": "token", "Location": f"{request.path}/1"}
            return web.json_response({}, status=201, headers=headers)
        if request.method == "DELETE":
            return web.Response(status=204)
        body = index.get(path)
        return web.json_response(body or {"error": {}}, status=200 if body else 404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


@asynccontextmanager
async def serving(tree: dict[str, object], certificate: trustme.LeafCert) -> AsyncIterator[str]:
    """Serve a tree over HTTPS; yield its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    runner = web.AppRunner(_application(tree))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """A CA for the servers of this module."""
    return trustme.CA()


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_a_recorded_bmc(
    name: str, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its facts are those of the machine, each with a place; what it does not tell is not told."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path))
    ca_file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    tree = json.loads((TREES / f"{name}.json").read_text(encoding="utf-8"))
    async with serving(tree, ca.issue_cert("127.0.0.1")) as url:
        access = Access(
            url=url + NODE.get(name, ""),
            user="admin",
            password=Secret("anything"),
            tls=Tls.CA,
            ca_file=ca_file,
            timeout=30,
        )
        async with connect(access) as bmc:
            facts = await read_facts(bmc)
    told = {name: facts[name].value if name in facts else None for name in EXPECTED[name]}
    assert told == EXPECTED[name]
    assert all(fact.path.startswith("/") for fact in facts.values())


def test_every_recording_is_expected() -> None:
    """A recording that is added gets its row here."""
    assert {path.stem for path in TREES.glob("*.json")} == set(EXPECTED)
