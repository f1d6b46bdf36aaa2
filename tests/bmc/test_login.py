"""Logging in and out: once, by session or else by Basic, and out again whatever happens."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pytest

from provision.bmc.client import Access, connect
from provision.bmc.errors import (
    BadReply,
    BmcError,
    Busy,
    PasswordChangeRequired,
    SessionsFull,
)
from provision.bmc.values import text
from provision.core.errors import CredentialsError
from tests.bmc.conftest import PASSWORD
from tests.bmc.hostile import (
    SESSION,
    SYSTEM,
    THING,
    TOKEN,
    HostileBmc,
    Request,
    answer,
    reply,
)

Reach = Callable[..., Access]


async def test_logs_in_reads_and_logs_out(bmc: HostileBmc, access: Reach) -> None:
    """An honest BMC: one session, used for every read, deleted at the end."""
    async with connect(access()) as client:
        system = await client.system()
    assert system["PowerState"] == "Off"
    assert bmc.count("POST", SESSION) == 1
    assert bmc.count("DELETE", f"{SESSION}/7") == 1
    assert all("x-auth-token" in each.headers for each in bmc.requests if "/Systems" in each.path)


async def test_a_web_server_that_is_no_bmc_gets_no_password(bmc: HostileBmc, access: Reach) -> None:
    """What does not look like Redfish is not told who we are."""
    for page in (answer(b"<html>hello</html>"), answer({}, 404), answer({"hello": "world"})):
        bmc.on["GET", "/redfish/v1/"] = reply(page)
        with pytest.raises(BadReply):
            async with connect(access()):
                pass
    assert not any(PASSWORD.encode() in each.body for each in bmc.requests)
    assert bmc.count("POST") == 0


async def test_a_wrong_password_is_tried_once(bmc: HostileBmc, access: Reach) -> None:
    """One login, then stop: a lockout is nearer with every try."""
    bmc.on["POST", SESSION] = reply(answer({}, 401))
    with pytest.raises(CredentialsError) as caught:
        async with connect(access()):
            pass
    assert caught.value.status == 7
    assert bmc.count("POST", SESSION) == 1
    assert not any("authorization" in each.headers for each in bmc.requests)


async def test_a_refusal_in_other_words_is_one(bmc: HostileBmc, access: Reach) -> None:
    """Some refuse a password with status 400 and a message."""
    body = {"error": {"@Message.ExtendedInfo": [{"MessageId": "X.1.0.UnauthorizedLoginAttempt"}]}}
    bmc.on["POST", SESSION] = reply(answer(body, 400))
    with pytest.raises(CredentialsError):
        async with connect(access()):
            pass


async def test_a_full_session_table_is_said(bmc: HostileBmc, access: Reach) -> None:
    """503 at login is not a wrong password; it is tried a few times, and says what to do."""
    body = {"error": {"@Message.ExtendedInfo": [{"Message": "All sessions are in use."}]}}
    bmc.on["POST", SESSION] = reply(answer(body, 503))
    with pytest.raises(SessionsFull, match="All sessions are in use") as caught:
        async with connect(access()):
            pass
    assert "session timeout" in caught.value.hint
    assert (caught.value.code, caught.value.status) == ("sessions-full", 10)
    assert bmc.count("POST", SESSION) == 3


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (503, {"MessageId": "Base.1.8.SessionLimitExceeded"}),
        (400, {"MessageId": "IDRAC.2.8.RAC0218"}),
        (403, {"Message": "The maximum number of user sessions is reached."}),
        (409, {"Message": "Session limit exceeded"}),
        (500, {"Message": "All sessions are in use"}),
    ],
)
async def test_a_full_session_table_in_many_words(
    bmc: HostileBmc, access: Reach, status: int, told: dict[str, str]
) -> None:
    """Whatever the status: it has its own error, and is no wrong password."""
    body = {"error": {"@Message.ExtendedInfo": [told]}}
    bmc.on["POST", SESSION] = reply(answer(body, status))
    with pytest.raises(SessionsFull):
        async with connect(access()):
            pass


async def test_a_place_that_gets_free_is_taken(bmc: HostileBmc, access: Reach) -> None:
    """The BMC says when to come back, and we do."""
    replies = iter([answer({}, 503, Retry_After="0.2")])

    async def full_at_first(_request: Request) -> bytes:
        login = answer({}, 201, X_Auth_Token=TOKEN, Location=f"{SESSION}/7")
        return next(replies, login)

    bmc.on["POST", SESSION] = full_at_first
    began = time.monotonic()
    async with connect(access()) as client:
        await client.system()
    assert time.monotonic() - began >= 0.2
    assert bmc.count("POST", SESSION) == 2


async def test_a_full_table_is_not_waited_for_beyond_the_deadline(
    bmc: HostileBmc, access: Reach
) -> None:
    """However long the BMC asks for."""
    bmc.on["POST", SESSION] = reply(answer({}, 503, Retry_After="86400"))
    began = time.monotonic()
    with pytest.raises(Busy):
        async with connect(access(deadline=2)):
            pass
    assert time.monotonic() - began < 2


async def test_a_password_that_must_be_changed(bmc: HostileBmc, access: Reach) -> None:
    """It has its own error, and the session it came with is closed."""
    body = {"@Message.ExtendedInfo": [{"MessageId": "Base.1.8.PasswordChangeRequired"}]}
    login = answer(body, 201, X_Auth_Token=TOKEN, Location=f"{SESSION}/7")
    bmc.on["POST", SESSION] = reply(login)
    with pytest.raises(PasswordChangeRequired):
        async with connect(access()):
            pass
    assert bmc.count("DELETE", f"{SESSION}/7") == 1


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_no_sessions_means_basic(bmc: HostileBmc, access: Reach, status: int) -> None:
    """A BMC without sessions gets Basic authentication, tried on one resource."""
    bmc.on["POST", SESSION] = reply(answer({}, status))
    bmc.on["GET", "/redfish/v1/Systems"] = reply(answer({"Members": [{"@odata.id": SYSTEM}]}))
    async with connect(access()) as client:
        assert await client.links("/redfish/v1/Systems") == [SYSTEM]
    assert any("authorization" in each.headers for each in bmc.requests)
    assert bmc.count("DELETE") == 0


async def test_a_wrong_basic_password_is_tried_once(bmc: HostileBmc, access: Reach) -> None:
    """Basic sends the password with every request: the first refusal is the last."""
    del bmc.tree["/redfish/v1"]["Links"]
    with pytest.raises(CredentialsError):
        async with connect(access()):
            pass
    assert sum("authorization" in each.headers for each in bmc.requests) == 1


async def test_an_expired_session_is_renewed_once_for_all(bmc: HostileBmc, access: Reach) -> None:
    """Ten reads that meet an expired session log in once together."""
    async with connect(access()) as client:
        expired, fresh = TOKEN, "token-fresh"

        async def read(request: Request) -> bytes:
            known = request.headers.get("x-auth-token") == fresh
            return answer({"Id": "x"}) if known else answer({}, 401)

        async def login(_request: Request) -> bytes:
            return answer({}, 201, X_Auth_Token=fresh, Location=f"{SESSION}/8")

        bmc.on["GET", THING] = read
        bmc.on["POST", SESSION] = login
        found = await asyncio.gather(*(client.get(THING) for _ in range(10)))
    assert [each["Id"] for each in found] == ["x"] * 10
    assert expired != fresh
    assert bmc.count("POST", SESSION) == 2


async def test_one_resource_that_always_says_401(bmc: HostileBmc, access: Reach) -> None:
    """Some mean forbidden by it: our session lives, and no other is opened for it."""
    bmc.tree[f"{SESSION}/7"] = {"Id": "7"}
    bmc.on["GET", THING] = reply(answer({}, 401))
    async with connect(access()) as client:
        for _ in range(5):
            with pytest.raises(CredentialsError):
                await client.get(THING)
        assert (await client.system())["PowerState"] == "Off"
    assert bmc.count("POST", SESSION) == 1
    assert bmc.count("GET", SESSION) == 1


async def test_a_refused_renewal_is_the_end(bmc: HostileBmc, access: Reach) -> None:
    """A password changed under us is tried once, not once for every read."""
    async with connect(access()) as client:
        bmc.on["GET", THING] = reply(answer({}, 401))
        bmc.on["POST", SESSION] = reply(answer({}, 401))
        for _ in range(5):
            with pytest.raises(CredentialsError):
                await client.get(THING)
    assert bmc.count("POST", SESSION) == 2


async def test_a_location_by_another_name_is_ours(bmc: HostileBmc, access: Reach) -> None:
    """A BMC may call itself what it likes: only the path of its session counts."""
    login = answer({}, 201, X_Auth_Token=TOKEN, Location=f"http://idrac-xyz{SESSION}/9")
    bmc.on["POST", SESSION] = reply(login)
    async with connect(access()):
        pass
    assert bmc.count("DELETE", f"{SESSION}/9") == 1


async def test_the_session_ends_when_the_body_fails(bmc: HostileBmc, access: Reach) -> None:
    """Our error is the one that is seen, even when the logout fails too."""
    bmc.on["DELETE", f"{SESSION}/7"] = reply(answer({}, 500))
    with pytest.raises(ZeroDivisionError):
        async with connect(access()):
            _ = 1 / 0
    assert bmc.count("DELETE", f"{SESSION}/7") == 1


async def test_the_session_ends_when_we_are_cancelled(bmc: HostileBmc, access: Reach) -> None:
    """Ctrl-C leaves no session behind."""
    inside = asyncio.Event()

    async def work() -> None:
        async with connect(access()):
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bmc.count("DELETE", f"{SESSION}/7") == 1


async def test_no_secret_reaches_the_log(
    bmc: HostileBmc, access: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    """With everything logged, neither password nor token shows, nor in any repr.

    Everything is every logger at DEBUG, asyncio's debug mode with each callback it calls, and a BMC
    that repeats our token and our password to us in what it serves and in what it refuses.
    """
    caplog.set_level(logging.DEBUG)
    for name in ("asyncio", "aiohttp", "aiohttp.client", "redfish", "provision"):
        caplog.set_level(logging.DEBUG, logger=name)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    echo = {"error": {"message": f"no, {TOKEN} may not, nor {PASSWORD}"}}
    bmc.on["PATCH", SYSTEM] = reply(answer(echo, 400))
    bmc.on["GET", THING] = reply(answer({"Model": TOKEN, "Name": PASSWORD}))
    bmc.on["DELETE", f"{SESSION}/7"] = reply(answer({}, 500))
    wanted = access()
    async with connect(wanted) as client:
        told = repr(wanted) + repr(await client.fetch(SYSTEM)) + repr(client.__dict__)
        with pytest.raises(BmcError) as refused:
            await client.patch(SYSTEM, {})
        thing = await client.get(THING)
    loop.set_debug(False)
    told += caplog.text + str(refused.value) + repr(refused.value.__cause__)
    told += f"{text(thing, 'Model')} {text(thing, 'Name')}"
    assert len(caplog.records) > 20
    assert PASSWORD not in told
    assert TOKEN not in told
