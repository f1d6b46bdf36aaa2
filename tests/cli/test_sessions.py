"""``provision sessions``: listed, and closed where that is allowed."""

from __future__ import annotations

import json
import ssl
import urllib.request
from dataclasses import replace

from provision.sim.rack import SimServer
from tests.cli.bmcs import Run, bmcs, one, reach, result, run

__all__ = ["bmcs", "one", "run"]


def test_listed(run: Run, one: SimServer) -> None:
    """The session of the command itself is there, and marked."""
    status, out, _ = run("sessions", "list", one.url, *reach(one))
    assert status == 0
    assert "(this command)" in out
    (told,) = result(run("sessions", "list", one.url, *reach(one), "--output", "json")[1])
    assert (told["user"], told["mine"], told["this"]) == ("admin", True, True)


def left_behind(server: SimServer) -> str:
    """Log in as a program that is killed afterwards; return the session's id."""
    login = {"UserName": server.user, "Password": server.password.reveal()}
    request = urllib.request.Request(  # noqa: S310 - our own simulator
        f"{server.url}/redfish/v1/SessionService/Sessions", json.dumps(login).encode()
    )
    context = ssl.create_default_context(cafile=str(server.ca_file))
    with urllib.request.urlopen(request, context=context) as reply:  # noqa: S310
        return str(json.load(reply)["Id"])


def test_closed(run: Run, one: SimServer) -> None:
    """Which has to be said; what our user left behind goes, once; nothing to close is no error."""
    words = ["sessions", "close", one.url, *reach(one)]
    assert run(*words)[0] == 2
    assert run(*words, "--mine")[:2] == (0, "nothing to close\n")
    assert "not there" in run(*words, "--id", "999")[1]
    left = left_behind(one)
    assert run(*words, "--mine", "--dry-run")[1] == f"{left} of admin: would be closed\n"
    assert run(*words, "--mine")[:2] == (0, f"{left} of admin: closed\n")
    assert one.count("DELETE", f"Sessions/{left}") == 1


def test_somebody_else_stays(run: Run, one: SimServer) -> None:
    """A session of another user is refused with exit 6, and closed with --yes."""
    one.bmc.access.accounts[1].user = "other"
    left = left_behind(replace(one, user="other"))
    one.bmc.access.accounts[1].user = "admin"
    words = ["sessions", "close", one.url, *reach(one), "--id", left]
    status, out, err = run(*words)
    assert (status, out) == (6, "")
    assert "[session-of-another]" in err
    assert one.count("DELETE", f"Sessions/{left}") == 0
    assert run(*words, "--yes")[:2] == (0, f"{left} of other: closed\n")
