"""BMCs that must not be talked to: wrong password, wrong identity, nobody there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.lab.conftest import Lab
from tests.lab.emulator import Emulator, emulator
from tests.lab.processes import provision

pytestmark = pytest.mark.lab


@pytest.fixture
def stranger(lab: Lab, ca: trustme.CA, tmp_path: Path) -> Iterator[Emulator]:
    """A BMC whose certificate, by the right CA, is another host's."""
    with emulator(lab.libvirt, tmp_path / "stranger", ca, host="bmc7.example.org") as bmc:
        yield bmc


def test_a_wrong_password_is_said_once(lab: Lab, tmp_path: Path) -> None:
    """Exit status 7, what to do, and no second guess that might lock the account."""
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("not the password\n")
    before = len(lab.emulator.requests("GET", r"/redfish/v1/Systems\S*"))
    done = provision(
        *("power", lab.url, "--user", "admin", "--password-file", wrong),
        *("--ca-file", lab.emulator.ca_file),
        state=tmp_path,
        expect=7,
    )
    assert "→" in done.stderr
    assert "not the password" not in done.stderr
    assert len(lab.emulator.requests("GET", r"/redfish/v1/Systems\S*")) <= before + 1


def test_another_hosts_certificate_is_refused(lab: Lab, stranger: Emulator, tmp_path: Path) -> None:
    """Exit status 8, and the password never leaves: nothing but the handshake was seen."""
    done = provision("power", stranger.url, *lab.access, state=tmp_path, expect=8)
    assert "→" in done.stderr
    assert not stranger.requests(r"\S+", r"\S+")


def test_a_power_cycle_needs_the_right_bmc(lab: Lab, stranger: Emulator, tmp_path: Path) -> None:
    """A command that changes something is stopped as early as one that only looks."""
    before = lab.emulator.resets()
    provision("power", stranger.url, "on", *lab.access, state=tmp_path, expect=8)
    assert (lab.emulator.resets(), stranger.resets()) == (before, 0)


def test_nobody_there_is_said_soon(lab: Lab, tmp_path: Path) -> None:
    """Exit status 10 for an address where nothing listens."""
    provision("power", "https://127.0.0.1:9", *lab.access, state=tmp_path, expect=10)
