"""Sessions: seen, told apart, and closed where that is allowed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provision.bmc import sessions
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import NotApplied
from provision.bmc.sessions import NotOurs, OwnSession, Which
from provision.core.secrets import Secret
from provision.sim import faults
from provision.sim.rack import SimServer
from tests.bmc.hostile import SESSION, HostileBmc

Reach = Callable[..., Access]


def left_behind(server: SimServer, user: str = "admin") -> str:
    """Leave a session on the BMC, as a program that was killed; return its id."""
    access = server.bmc.access
    if user != "admin":
        access.add(user, Secret("other-pw-1"), "ReadOnly")
        return str(access.login(user, "other-pw-1").number)
    return str(access.login(user, server.password.reveal()).number)


async def enter(server: SimServer, client: Bmc) -> None:
    """Put the sessions that were left behind into the tree."""
    from provision.sim.standard import uris
    from provision.sim.tree import Resource, resource

    for number, session in server.bmc.access.sessions.items():
        uri = f"{uris.SESSIONS}/{number}"

        def leave(number: int = number, uri: str = uri) -> None:
            server.bmc.access.logout(number)
            server.bmc.tree.pop(uri, None)

        server.bmc.tree.setdefault(
            uri,
            Resource(
                body=lambda uri=uri, user=session.user: resource(  # type: ignore[misc]
                    uri, "Session.v1_7_2", "Session", UserName=user
                ),
                delete=leave,
            ),
        )


async def test_mine_others_and_this(server: SimServer, client: Bmc) -> None:
    """What our user left behind goes; somebody else's stays; ours stays till the end."""
    mine, other = left_behind(server), left_behind(server, "other")
    await enter(server, client)
    found = {each.id: each for each in await sessions.sessions(client, "admin")}
    assert (found[mine].mine, found[mine].this) == (True, False)
    assert not found[other].mine
    assert sum(each.this for each in found.values()) == 1
    dry = await sessions.close(client, "admin", Which(mine=True), dry_run=True)
    assert server.count("DELETE", "Sessions") == 0
    done = await sessions.close(client, "admin", Which(mine=True))
    assert [each.id for each in done.closed] == [mine] == [each.id for each in dry.closed]
    assert other in {each.id for each in await sessions.sessions(client, "admin")}
    assert server.count("DELETE", "Sessions") == 1


async def test_somebody_else_is_not_thrown_out_unasked(server: SimServer, client: Bmc) -> None:
    """Refused with nothing closed; with the word that says so it is done."""
    mine, other = left_behind(server), left_behind(server, "other")
    await enter(server, client)
    with pytest.raises(NotOurs, match="other"):
        await sessions.close(client, "admin", Which(ids=(mine, other)))
    assert server.count("DELETE", "Sessions") == 0
    done = await sessions.close(client, "admin", Which(ids=(other,), others=True))
    assert [each.user for each in done.closed] == ["other"]


async def test_our_own_and_one_that_is_not_there(server: SimServer, client: Bmc) -> None:
    """The session we speak through is refused; one that is gone is no error."""
    (this,) = [each for each in await sessions.sessions(client, "admin") if each.this]
    with pytest.raises(OwnSession):
        await sessions.close(client, "admin", Which(ids=(this.id,), others=True))
    done = await sessions.close(client, "admin", Which(ids=("99",)))
    assert (done.closed, done.missing) == ((), ("99",))
    assert server.count("DELETE", "Sessions") == 0


async def test_a_lie_and_a_lost_answer(server: SimServer, client: Bmc) -> None:
    """A session that is still there was not closed; one that is gone was, answer or not."""
    mine = left_behind(server)
    await enter(server, client)
    server.faults.add(faults.lie(f"Sessions/{mine}", method="DELETE", times=1))
    with pytest.raises(NotApplied, match="still open"):
        await sessions.close(client, "admin", Which(ids=(mine,)))
    server.faults.add(faults.drop(f"Sessions/{mine}", method="DELETE", times=2))
    done = await sessions.close(client, "admin", Which(ids=(mine,)))
    assert [each.id for each in done.closed] == [mine]


@pytest.mark.parametrize("value", [None, 7, [], {}, "\x1b[2J\u202e", "x" * 10_000])
async def test_absurd_sessions(bmc: HostileBmc, access: Reach, value: object) -> None:
    """Every field may be nonsense: the list stands, and is safe to print."""
    bmc.tree[SESSION] = {"Members": [{"@odata.id": f"{SESSION}/a"}, {"@odata.id": value}, value]}
    names = ("Id", "UserName", "SessionType", "CreatedTime", "ClientOriginIPAddress")
    bmc.tree[f"{SESSION}/a"] = dict.fromkeys(names, value)
    async with connect(access()) as there:
        if isinstance(value, str):  # a link that leads nowhere is not followed
            bmc.tree[SESSION]["Members"].pop(1)
        (found,) = await sessions.sessions(there, "admin")
    assert all(str(each).isprintable() for each in found.as_dict().values())
    assert not found.mine
