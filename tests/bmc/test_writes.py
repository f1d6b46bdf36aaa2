"""Writes: sent once, with the tag that is wanted, over a connection of their own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import pytest

from provision.bmc import transport, wire
from provision.bmc.client import Access, connect
from provision.bmc.errors import NotSupported, SessionEnded
from provision.bmc.etags import Policy
from provision.core.errors import Conflict, CredentialsError, OutcomeUnknown
from tests.bmc.hostile import RESET, SESSION, SYSTEM, THING, HostileBmc, Request, answer, reply

Reach = Callable[..., Access]


def expire(bmc: HostileBmc) -> None:
    """End the session; the next login gets another one."""

    async def login(_request: Request) -> bytes:
        bmc.token = "token-fresh"
        return answer({}, 201, X_Auth_Token=bmc.token, Location=f"{SESSION}/8")

    bmc.token = "nobody's"
    bmc.on["POST", SESSION] = login


async def test_an_action_meets_an_ended_session(bmc: HostileBmc, access: Reach) -> None:
    """It is never sent twice: we log in again, and say that nothing was done."""
    async with connect(access()) as client:
        expire(bmc)
        with pytest.raises(SessionEnded, match="nothing was done") as caught:
            await client.post(RESET, {"ResetType": "On"})
        assert caught.value.status == 10
        assert bmc.count("POST", RESET) == 1
        assert (await client.post(RESET, {"ResetType": "On"})).status == 204
    assert bmc.count("POST", RESET) == 2
    assert bmc.count("DELETE", f"{SESSION}/8") == 1


async def test_after_silence_we_look_first(
    bmc: HostileBmc, access: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some end sessions after 30 seconds: before an action is asked for, a new one is opened."""
    monkeypatch.setattr(wire, "_IDLE", 0.0)
    async with connect(access()) as client:
        expire(bmc)
        assert (await client.post(RESET, {"ResetType": "On"})).status == 204
    assert bmc.count("POST", RESET) == 1


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_change_meets_an_ended_session(bmc: HostileBmc, access: Reach, method: str) -> None:
    """What was refused unread is sent again by a new session, once."""
    async with connect(access()) as client:
        expire(bmc)
        if method == "PATCH":
            await client.patch(SYSTEM, {})
        else:
            await client.delete(THING)
    assert bmc.count(method, SYSTEM if method == "PATCH" else THING) == 2


async def test_a_failed_renewal_is_not_the_end(bmc: HostileBmc, access: Reach) -> None:
    """A BMC without a place for us now has one later; until then nothing goes out unnamed."""
    async with connect(access()) as client:
        expire(bmc)
        login = bmc.on["POST", SESSION]
        bmc.on["POST", SESSION] = reply(answer({}, 503))
        for _ in range(2):
            with pytest.raises(Exception, match="503"):
                await client.get(SYSTEM)
        named = [each for each in bmc.requests if each.path == SYSTEM]
        assert all("x-auth-token" in each.headers for each in named)
        bmc.on["POST", SESSION] = login
        assert (await client.get(SYSTEM))["PowerState"] == "Off"


async def test_a_bmc_that_breaks_reused_connections(bmc: HostileBmc, access: Reach) -> None:
    """Reads get through, each over a new connection after two; writes are not lost to it."""
    bmc.refuse = lambda request: request.served > 0
    bmc.tree[THING] = {"Id": "x"}
    async with connect(access()) as client:
        for _ in range(8):
            assert (await client.get(THING))["Id"] == "x"
            assert (await client.post(RESET, {})).status == 204
            assert (await client.patch(SYSTEM, {})).status == 204
    assert bmc.count("POST", RESET) == bmc.count("PATCH", SYSTEM) == 8
    assert bmc.refused == 2


async def test_connections_are_kept(bmc: HostileBmc, access: Reach) -> None:
    """On a BMC that does not break them, reads share one."""
    async with connect(access()) as client:
        for _ in range(10):
            await client.get(SYSTEM)
    reads = {id(each.writer) for each in bmc.requests if each.path == SYSTEM}
    assert len(reads) == 1


async def test_one_write_at_a_time(bmc: HostileBmc, access: Reach) -> None:
    """Two changes do not meet at the BMC."""
    running = most = 0

    async def slow(_request: Request) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return answer(None, 204)

    bmc.on["PATCH", SYSTEM] = slow
    async with connect(access()) as client:
        await asyncio.gather(*(client.patch(SYSTEM, {}) for _ in range(5)))
    assert most == 1


@pytest.mark.parametrize(
    ("header", "body", "wanted"),
    [
        ('W/"1"', None, 'W/"1"'),
        (None, 'W/"1"', 'W/"1"'),
        ('"head"', '"body"', '"body"'),
        ('W/"1"', None, '"1"'),
        ('""1""', None, '"1"'),
        ('"1"', None, "1"),
        ('W/"1"', 'W/"2"', '"2"'),
        ('"1"', None, "*"),
    ],
)
async def test_the_spelling_a_bmc_wants(
    bmc: HostileBmc, access: Reach, header: str | None, body: str | None, wanted: str
) -> None:
    """Each spelling of a tag that some BMC insists on is found, and remembered."""
    thing = {"Id": "x"} | ({"@odata.etag": body} if body else {})
    bmc.on["GET", THING] = reply(answer(thing, ETag=header) if header else answer(thing))

    async def careful(request: Request) -> bytes:
        return answer({}, 200 if request.headers.get("if-match") == wanted else 412)

    bmc.on["PATCH", THING] = careful
    async with connect(access()) as client:
        assert (await client.patch(THING, {})).status == 200
        before = bmc.count("PATCH")
        assert (await client.patch(THING, {})).status == 200
    assert bmc.count("PATCH") - before == 2


@pytest.mark.parametrize(
    ("policy", "sent"),
    [
        (Policy(), [None, '"1"']),
        (Policy(always=True), ['"1"']),
        (Policy(never=True), [None]),
    ],
)
async def test_when_a_platform_wants_tags(
    bmc: HostileBmc, access: Reach, policy: Policy, sent: list[str | None]
) -> None:
    """Asked for, always, or never: as its file says."""
    bmc.on["GET", THING] = reply(answer({}, ETag='"1"'))

    async def careful(request: Request) -> bytes:
        return answer({}, 200 if "if-match" in request.headers else 428)

    bmc.on["PATCH", THING] = careful
    async with connect(access()) as client:
        client._wire.etags = policy  # type: ignore[attr-defined]
        with pytest.raises(Conflict) if policy.never else contextlib.nullcontext():
            await client.patch(THING, {"A": 1})
    tags = [each.headers.get("if-match") for each in bmc.requests if each.method == "PATCH"]
    assert tags == sent


async def test_a_tag_in_the_body(bmc: HostileBmc, access: Reach) -> None:
    """A few look for it there."""
    bmc.on["GET", THING] = reply(answer({}, ETag='"1"'))
    async with connect(access()) as client:
        client._wire.etags = Policy(always=True, in_body=True)  # type: ignore[attr-defined]
        await client.patch(THING, {"A": 1})
    (sent,) = [each.body for each in bmc.requests if each.method == "PATCH"]
    assert sent == b'{"A": 1, "@odata.etag": "\\"1\\""}'


async def test_actions_carry_no_tag(bmc: HostileBmc, access: Reach) -> None:
    """Some refuse them with it; and what would it mean?"""
    async with connect(access()) as client:
        client._wire.etags = Policy(always=True)  # type: ignore[attr-defined]
        await client.post(RESET, {})
        await client.delete(THING)
    assert not any("if-match" in each.headers for each in bmc.requests)


async def test_a_delete_without_an_answer_is_looked_after(bmc: HostileBmc, access: Reach) -> None:
    """Gone is gone, whoever confirms it; what is still there is deleted once more.

    (Each time aiohttp may repeat it once: deleting twice is deleting.)
    """
    bmc.on["DELETE", THING] = reply(None)
    async with connect(access()) as client:
        assert (await client.delete(THING)).status == 204
        assert bmc.count("DELETE", THING) <= 2
        bmc.tree[THING] = {"Id": "x"}
        with pytest.raises(OutcomeUnknown):
            await client.delete(THING)
    assert 3 <= bmc.count("DELETE", THING) <= 6


async def test_a_delete_of_nothing(bmc: HostileBmc, access: Reach) -> None:
    """What is not there is said not to be."""
    bmc.on["DELETE", THING] = reply(answer({}, 404))
    async with connect(access()) as client:
        with pytest.raises(NotSupported):
            await client.delete(THING)
    assert bmc.count("DELETE", THING) == 1


async def test_a_refused_renewal_ends_writes_too(bmc: HostileBmc, access: Reach) -> None:
    """A password changed under us is tried once."""
    async with connect(access()) as client:
        expire(bmc)
        bmc.on["POST", SESSION] = reply(answer({}, 401))
        for _ in range(3):
            with pytest.raises(CredentialsError):
                await client.patch(SYSTEM, {})
    assert bmc.count("POST", SESSION) == 2
    assert bmc.count("PATCH") == 1


def test_a_connection_is_idle_for_less_than_bmcs_keep_it() -> None:
    """Five seconds is what the hastiest of them wait."""
    assert transport._IDLE < 5
