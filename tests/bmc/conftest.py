"""A BMC that misbehaves as told, and how to reach it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme

from provision.bmc import wire
from provision.bmc.client import Access, Bmc, Tls, connect
from provision.core.secrets import Secret
from provision.sim.rack import SimServer, running
from provision.sim.spec import ServerSpec
from tests.bmc.hostile import Certificates, HostileBmc

PASSWORD = 'p"w-canary-1'


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory of this test's own."""
    directory = tmp_path / "state"
    monkeypatch.setenv("PROVISION_STATE_DIR", str(directory))
    return directory


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads are tried again at once."""
    monkeypatch.setattr(wire, "_PAUSE", (0.01, 0.02))


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    """One CA for all tests; making keys takes time."""
    return Certificates()


@pytest.fixture(scope="session")
def leaf(certificates: Certificates) -> trustme.LeafCert:
    """The certificate BMCs show until told otherwise."""
    return certificates.leaf()


@pytest.fixture
async def bmc(leaf: trustme.LeafCert) -> AsyncIterator[HostileBmc]:
    """A BMC that is honest until told otherwise."""
    async with HostileBmc(leaf).listening() as server:
        yield server


@pytest.fixture
async def thief(leaf: trustme.LeafCert) -> AsyncIterator[HostileBmc]:
    """Another host, with a certificate as good as the BMC's: where no request may ever go."""
    async with HostileBmc(leaf).listening() as server:
        yield server


@pytest.fixture
def access(bmc: HostileBmc, certificates: Certificates, tmp_path: Path) -> Callable[..., Access]:
    """How to reach the BMC; keywords change what they name."""
    ca_file = certificates.ca_file(tmp_path)

    def make(**changes: object) -> Access:
        wanted: dict[str, object] = {
            "url": f"https://127.0.0.1:{bmc.port}",
            "user": "admin",
            "password": Secret(PASSWORD),
            "tls": Tls.CA,
            "ca_file": ca_file,
            "timeout": 2.0,
            **changes,
        }
        return Access(**wanted)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SimServer]:
    """A simulated server, off; its spec may be given as the parameter."""
    spec = getattr(request, "param", None) or ServerSpec(name="u01")
    async with running([spec], scale=0.01, directory=tmp_path / "rack") as rack:
        yield rack.servers[0]


@pytest.fixture
async def client(server: SimServer) -> AsyncIterator[Bmc]:
    """A connection to the simulated server's BMC."""
    access = Access(
        url=server.url,
        user=server.user,
        password=server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
        timeout=5.0,
    )
    async with connect(access) as bmc:
        yield bmc
