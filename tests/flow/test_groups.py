"""Groups of a run: who failed, as its records say."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.core.errors import ConfigError
from provision.core.selectors import BadSelector, select
from provision.core.servers import Server, read_servers
from provision.flow import groups
from provision.flow.records import RunDirectory


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Server]:
    """Four servers, in a state directory of this test's own."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))
    rows = "".join(f"u{n},10.0.0.{n},xen-4.17,h,22\n" for n in range(1, 5))
    path = tmp_path / "servers.csv"
    path.write_text(f"name,bmc,profile,evidence.tcp.host,evidence.tcp.port\n{rows}")
    return read_servers(path)


def test_the_latest_run_says_who_failed(servers: list[Server]) -> None:
    """An earlier one has no say unless it is named; no record, no group."""
    old = RunDirectory.create(servers, Path("servers.csv"))
    old.write_record("u1", {"verdict": "FAIL"})
    new = RunDirectory.create(servers, Path("servers.csv"))
    for name, verdict in (("u1", "PASS"), ("u2", "FAIL"), ("u3", "UNKNOWN")):
        new.write_record(name, {"verdict": verdict})
    latest = max(old.name, new.name)
    found = {
        group: [one.name for one in select(servers, group, groups=groups.of_run(new.name))]
        for group in ("@passed", "@failed", "@unknown", "!@passed")
    }
    assert found == {
        "@passed": ["u1"],
        "@failed": ["u2"],
        "@unknown": ["u3"],
        "!@passed": ["u2", "u3", "u4"],
    }
    named = select(servers, "@failed", groups=groups.of_run(latest))
    assert select(servers, "@failed", groups=groups.of_run()) == named
    with pytest.raises(BadSelector, match="no group is called @stuck"):
        select(servers, "@stuck", groups=groups.of_run())


def test_without_a_run_there_is_no_failed(servers: list[Server]) -> None:
    """Told, and not taken for nobody."""
    with pytest.raises(ConfigError, match="no run yet") as caught:
        select(servers, "@failed", groups=groups.of_run())
    assert caught.value.hint
