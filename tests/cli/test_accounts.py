"""``provision accounts``: listed, and a password changed that nobody sees."""

from __future__ import annotations

from pathlib import Path

from provision.sim import faults
from provision.sim.rack import SimServer
from tests.cli.bmcs import Run, bmcs, one, reach, result, run, two

__all__ = ["bmcs", "one", "run", "two"]


def test_listed(run: Run, one: SimServer) -> None:
    """A table of users; JSON with all there is."""
    status, out, _ = run("accounts", "list", one.url, *reach(one))
    assert status == 0
    assert out.splitlines()[1].split() == ["1", "admin", "Administrator", "enabled"]
    (told,) = result(run("accounts", "list", one.url, *reach(one), "--output", "json")[1])
    assert told["user"] == "admin"


def test_made_for_each(run: Run, one: SimServer, two: SimServer, tmp_path: Path) -> None:
    """Each BMC gets a password of its own, kept in a file, and on no screen."""
    folder = tmp_path / "new"
    words = ["accounts", "rotate", one.url, two.url, *reach(one), "--generate-to", str(folder)]
    assert run(*words, "--dry-run")[1].count("would be changed") == 2
    assert not folder.exists()
    status, out, err = run(*words, "--output", "json")
    files = sorted(folder.iterdir())
    made = {file.read_text().strip() for file in files}
    assert (status, len(made)) == (0, 2)
    assert not any(password in out + err for password in made)
    assert one.count("PATCH", "Accounts") == two.count("PATCH", "Accounts") == 1
    for server in (one, two):  # as they were, for the next tests
        server.bmc.access.accounts[1].password = server.password


def test_given(run: Run, one: SimServer, tmp_path: Path) -> None:
    """From a file; done again there is nothing to do; a lie is told with what holds."""
    new = tmp_path / "new"
    new.write_text("a-New-passw0rd\n")
    new.chmod(0o600)
    words = ["accounts", "rotate", one.url, *reach(one), "--new-password-file", str(new)]
    one.faults.add(faults.lie("Accounts", method="PATCH", times=1))
    status, out, err = run(*words)
    assert (status, out) == (5, "")
    assert "the old password still holds" in err
    assert "a second login has shown it" in run(*words)[1]
    assert run(*words)[:2] == (0, "admin: the new password holds already (nothing to do)\n")
    assert run(*words[:3], *reach(one))[0] == 2
    new.chmod(0o644)
    assert run(*words)[0] == 13
    one.bmc.access.accounts[1].password = one.password
