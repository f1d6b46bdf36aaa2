"""BIOS registries on our disk: read from a BMC once, trusted of two, and never a way in."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path

import pytest

from provision.bmc import keeping, registry
from provision.bmc.client import Access, Tls, connect
from provision.bmc.keeping import Key
from provision.sim.rack import SimServer

KEY = Key(registry="BiosAttributeRegistry.1.0", bios="2.1", platform="x")
BODY = {"RegistryEntries": {"Attributes": [{"AttributeName": "VT"}]}}


def reach(server: SimServer) -> Access:
    """How to reach a simulated server."""
    return Access(
        url=server.url,
        user=server.user,
        password=server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
    )


async def test_a_registry_is_read_once(server: SimServer, state: Path) -> None:
    """The second connection finds it on the disk, and asks the BMC for nothing of it."""
    found = []
    for _ in range(2):
        async with connect(reach(server)) as client:
            system = await client.system()
            body = await client.get(system["Bios"]["@odata.id"])
            found.append(await registry.entries(client, body))
    assert found[0] == found[1] != []
    asked = [each.path for each in server.requests if "Registr" in each.path]
    assert len(asked) == len(set(asked)) > 0
    (kept,) = (state / "registries").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_one_witness_speaks_for_itself_alone() -> None:
    """No BMC tells us what another's settings are called; two that agree do."""
    keeping.keep(KEY, "a:443", BODY)
    assert keeping.find(KEY, "a:443") == BODY
    assert keeping.find(KEY, "b:443") is None
    keeping.keep(KEY, "b:443", BODY)
    assert keeping.find(KEY, "c:443") == BODY


def test_another_registry_by_the_same_name_starts_anew() -> None:
    """A lie does not outlive the truth, nor the truth a lie: who differs stands alone."""
    keeping.keep(KEY, "a:443", BODY)
    keeping.keep(KEY, "evil:443", {"RegistryEntries": {}})
    assert keeping.find(KEY, "a:443") is None
    assert keeping.find(KEY, "b:443") is None
    assert keeping.find(KEY, "evil:443") == {"RegistryEntries": {}}


def test_another_bios_version_is_another_registry() -> None:
    """As is another platform."""
    keeping.keep(KEY, "a:443", BODY)
    for change in ({"bios": "2.2"}, {"platform": "y"}, {"registry": "z"}):
        other = Key(**{"registry": KEY.registry, "bios": "2.1", "platform": "x", **change})
        assert keeping.find(other, "a:443") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b",
        b"not packed",
        gzip.compress(b"{"),
        gzip.compress(b"[]"),
        gzip.compress(b"[" * 100_000),
        gzip.compress(json.dumps({"schema": "other", "witnesses": ["a:443"]}).encode()),
        gzip.compress(bytes(64 << 20)),
        gzip.compress(b'{"schema": "bareiron.kept-registry/1", "witnesses": 3, "registry": []}'),
        gzip.compress(json.dumps(BODY).encode())[:-9],
    ],
    ids=lambda content: f"{len(content)} bytes",  # gzip's date differs by worker
)
def test_a_damaged_file_is_as_good_as_none(state: Path, content: bytes) -> None:
    """It is read from the BMC again, and the file is replaced."""
    keeping.keep(KEY, "a:443", BODY)
    (state / "registries" / KEY.name).write_bytes(content)
    assert keeping.find(KEY, "a:443") is None
    keeping.keep(KEY, "a:443", BODY)
    assert keeping.find(KEY, "a:443") == BODY


def test_only_so_many_are_kept(state: Path) -> None:
    """The disk does not fill up, whatever ids BMCs make up."""
    for number in range(keeping.MOST + 10):
        keeping.keep(Key(registry=str(number), bios="1", platform="x"), "a:443", BODY)
    assert len(list((state / "registries").iterdir())) == keeping.MOST


def test_a_disk_that_takes_nothing_is_no_error(state: Path) -> None:
    """What cannot be kept is read again."""
    state.mkdir()
    (state / "registries").write_text("in the way")
    keeping.keep(KEY, "a:443", BODY)
    assert keeping.find(KEY, "a:443") is None
