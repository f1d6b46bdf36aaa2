"""The client among hostile BMCs: bounded in time and bytes, one login, one POST, always out."""

from __future__ import annotations

import asyncio
import logging
import resource
import time
import zlib
from collections.abc import Callable

import pytest

from provision.bmc.client import Access, connect
from provision.bmc.errors import (
    BadReply,
    BmcError,
    Busy,
    NotSupported,
    PasswordChangeRequired,
    SeveralSystems,
)
from provision.core.errors import Conflict, CredentialsError, OutcomeUnknown, Timeout, Unreachable
from tests.bmc.conftest import PASSWORD
from tests.bmc.hostile import RESET, SESSION, SYSTEM, TOKEN, HostileBmc, Request, answer

Reach = Callable[..., Access]
THING = "/redfish/v1/Thing"


def reply(raw: bytes | None) -> Callable[[Request], object]:
    """A handler that always sends ``raw`` (None: drops the connection)."""

    async def handler(_request: Request) -> bytes | None:
        return raw

    return handler


async def never(_request: Request) -> bytes | None:
    """A handler that does not answer."""
    await asyncio.sleep(60)
    return None


def get(bmc: HostileBmc, raw: bytes | None) -> None:
    """Let the BMC answer ``raw`` to reads of ``THING``."""
    bmc.on["GET", THING] = reply(raw)  # type: ignore[assignment]


async def test_logs_in_reads_and_logs_out(bmc: HostileBmc, access: Reach) -> None:
    """An honest BMC: one session, used for every read, deleted at the end."""
    async with connect(access()) as client:
        system = await client.system()
    assert system["PowerState"] == "Off"
    assert bmc.count("POST", SESSION) == 1
    assert bmc.count("DELETE", f"{SESSION}/7") == 1
    assert all("x-auth-token" in each.headers for each in bmc.requests if "/Systems" in each.path)


async def test_asks_for_plain_bodies_and_ignores_proxies(
    bmc: HostileBmc, access: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No compression is asked for, no cookie kept, and the environment's proxy is not ours."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    get(bmc, answer({}, Set_Cookie="a=b"))
    async with connect(access()) as client:
        await client.get(THING)
        await client.get(THING)
    assert {each.headers["accept-encoding"] for each in bmc.requests} == {"identity"}
    assert not any("cookie" in each.headers for each in bmc.requests)


async def test_a_gzip_bomb_stops_at_the_cap(bmc: HostileBmc, access: Reach) -> None:
    """A small body that unpacks to 100 MiB is refused; our memory does not follow it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()
    get(bmc, answer(bomb, Content_Encoding="gzip"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with connect(access(timeout=20)) as client:
        with pytest.raises(BadReply, match="larger than 16 MiB"):
            await client.get(THING)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


async def test_a_huge_body_is_refused(bmc: HostileBmc, access: Reach) -> None:
    """Plain bytes have the same cap."""
    get(bmc, answer(b" " * (17 << 20)))
    async with connect(access(timeout=20)) as client:
        with pytest.raises(BadReply, match="larger than 16 MiB"):
            await client.get(THING)


async def test_a_drip_ends_at_the_timeout(bmc: HostileBmc, access: Reach) -> None:
    """A body that comes byte by byte does not hold us longer than one request may take."""

    async def drip(request: Request) -> None:
        request.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            request.writer.write(b" ")
            await request.writer.drain()
            await asyncio.sleep(0.1)

    bmc.on["GET", THING] = drip
    began = time.monotonic()
    async with connect(access(timeout=0.6)) as client:
        with pytest.raises(Timeout):
            await client.get(THING)
    assert time.monotonic() - began < 3


async def test_a_bmc_that_never_answers_is_given_up(bmc: HostileBmc, access: Reach) -> None:
    """Silence ends at the timeout, and exit status 10 says so."""
    bmc.on["GET", "/redfish/v1/"] = never
    with pytest.raises(Timeout) as caught:
        async with connect(access(timeout=0.5)):
            pass
    assert caught.value.status == 10


async def test_the_deadline_bounds_all_requests_together(bmc: HostileBmc, access: Reach) -> None:
    """However patient one request is, the whole job ends at its deadline."""
    bmc.on["GET", THING] = never
    began = time.monotonic()
    with pytest.raises(Timeout):
        async with connect(access(timeout=30, deadline=0.7)) as client:
            await client.get(THING)
    assert time.monotonic() - began < 3
    assert bmc.count("DELETE", SESSION) == 1


async def test_redirects_are_not_followed(bmc: HostileBmc, access: Reach) -> None:
    """The token goes nowhere else, and the message names where it was meant to go."""
    get(bmc, answer({}, 302, Location="http://203.0.113.9/steal"))
    async with connect(access()) as client:
        with pytest.raises(BadReply, match=r"redirects to http://203\.0\.113\.9/steal"):
            await client.get(THING)


@pytest.mark.parametrize(
    "target",
    [
        "https://203.0.113.9/redfish/v1/Systems",
        "//203.0.113.9/x",
        "http://127.0.0.1/redfish/v1",
        "/redfish/v1/../../etc",
        "/redfish/%2e%2e/x",
        "/redfish/v1/a b",
        "relative",
        "",
        "/" + "x" * 5000,
        7,
        None,
    ],
)
async def test_links_that_lead_elsewhere_are_refused(
    bmc: HostileBmc, access: Reach, target: object
) -> None:
    """A collection cannot send us, with our session, to another host or out of its tree."""
    bmc.tree["/redfish/v1/Things"] = {"Members": [{"@odata.id": target}]}
    async with connect(access()) as client:
        before = len(bmc.requests)
        if isinstance(target, str):
            with pytest.raises(BadReply):
                await client.members("/redfish/v1/Things")
        else:
            assert await client.members("/redfish/v1/Things") == []
        assert len(bmc.requests) == before + 1


async def test_fragments_are_cut_off(bmc: HostileBmc, access: Reach) -> None:
    """A link into a resource is a link to the resource."""
    async with connect(access()) as client:
        assert (await client.get(f"{SYSTEM}#/Boot"))["PowerState"] == "Off"


async def test_a_dropped_post_is_sent_once_and_unknown(bmc: HostileBmc, access: Reach) -> None:
    """No answer to an action: nobody knows, and nobody sends it again."""
    bmc.on["POST", RESET] = reply(None)  # type: ignore[assignment]
    async with connect(access()) as client:
        with pytest.raises(OutcomeUnknown):
            await client.post(RESET, {"ResetType": "On"})
    assert bmc.count("POST", RESET) == 1


async def test_a_dropped_patch_is_sent_once_and_unknown(bmc: HostileBmc, access: Reach) -> None:
    """The same for changes, also over a connection that was used before."""
    bmc.on["PATCH", SYSTEM] = reply(None)  # type: ignore[assignment]
    async with connect(access()) as client:
        await client.system()
        with pytest.raises(OutcomeUnknown):
            await client.patch(SYSTEM, {})
    assert bmc.count("PATCH") == 1


async def test_a_post_that_times_out_is_unknown(bmc: HostileBmc, access: Reach) -> None:
    """Too late is as unknown as never."""
    bmc.on["POST", RESET] = never
    async with connect(access(timeout=0.5)) as client:
        with pytest.raises(OutcomeUnknown) as caught:
            await client.post(RESET, {})
    assert caught.value.status == 14
    assert bmc.count("POST", RESET) == 1


async def test_a_dropped_read_is_tried_again(bmc: HostileBmc, access: Reach) -> None:
    """Reads may be repeated, a few times."""
    failures = iter([None, None, answer({"Id": "x"})])

    async def flaky(_request: Request) -> bytes | None:
        return next(failures)

    bmc.on["GET", THING] = flaky
    async with connect(access()) as client:
        assert (await client.get(THING))["Id"] == "x"


async def test_a_read_that_always_drops_ends(bmc: HostileBmc, access: Reach) -> None:
    """A few times, and not for ever."""
    get(bmc, None)
    async with connect(access()) as client:
        with pytest.raises(Unreachable):
            await client.get(THING)
    assert 3 <= bmc.count("GET", THING) <= 6  # aiohttp repeats once on a reused connection


async def test_503_waits_as_long_as_asked(bmc: HostileBmc, access: Reach) -> None:
    """Retry-After is honoured for reads."""
    replies = iter([answer({}, 503, Retry_After="0"), answer({"Id": "x"})])

    async def busy(_request: Request) -> bytes:
        return next(replies)

    bmc.on["GET", THING] = busy
    async with connect(access()) as client:
        assert (await client.get(THING))["Id"] == "x"


async def test_503_for_hours_is_not_waited_for(bmc: HostileBmc, access: Reach) -> None:
    """Retry-After is capped, and never waits beyond the deadline."""
    get(bmc, answer({}, 503, Retry_After="86400"))
    began = time.monotonic()
    async with connect(access(deadline=3)) as client:
        with pytest.raises(Busy):
            await client.get(THING)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"[" * 200_000, "too deep"),
        (b'{"a":' * 100_000, "too deep"),
        (b"<html><body>It works!</body></html>", "not JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": Infinity}', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"a": [' + b"0," * 600_000 + b"0]}", "more values"),
    ],
)
async def test_answers_that_break_the_rules(
    bmc: HostileBmc, access: Reach, raw: bytes, why: str
) -> None:
    """Depth, NaN, lists, pages and floods become one clear error that does not quote them all."""
    get(bmc, answer(raw))
    async with connect(access(timeout=10)) as client:
        with pytest.raises(BadReply, match=why) as caught:
            await client.get(THING)
    assert len(str(caught.value)) < 400


async def test_something_that_is_no_http(bmc: HostileBmc, access: Reach) -> None:
    """An answer from another protocol is named as such."""
    get(bmc, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    async with connect(access()) as client:
        with pytest.raises(BadReply, match="no HTTP"):
            await client.get(THING)


async def test_a_web_server_that_is_no_bmc_gets_no_password(bmc: HostileBmc, access: Reach) -> None:
    """What does not look like Redfish is not told who we are."""
    for page in (answer(b"<html>hello</html>"), answer({}, 404), answer({"hello": "world"})):
        bmc.on["GET", "/redfish/v1/"] = reply(page)  # type: ignore[assignment]
        with pytest.raises(BadReply):
            async with connect(access()):
                pass
    assert not any(PASSWORD.encode() in each.body for each in bmc.requests)
    assert bmc.count("POST") == 0


async def test_a_wrong_password_is_tried_once(bmc: HostileBmc, access: Reach) -> None:
    """One login, then stop: a lockout is nearer with every try."""
    bmc.on["POST", SESSION] = reply(answer({}, 401))  # type: ignore[assignment]
    with pytest.raises(CredentialsError) as caught:
        async with connect(access()):
            pass
    assert caught.value.status == 7
    assert bmc.count("POST", SESSION) == 1
    assert not any("authorization" in each.headers for each in bmc.requests)


async def test_a_refusal_in_other_words_is_one(bmc: HostileBmc, access: Reach) -> None:
    """Some refuse a password with status 400 and a message."""
    body = {"error": {"@Message.ExtendedInfo": [{"MessageId": "X.1.0.UnauthorizedLoginAttempt"}]}}
    bmc.on["POST", SESSION] = reply(answer(body, 400))  # type: ignore[assignment]
    with pytest.raises(CredentialsError):
        async with connect(access()):
            pass


async def test_a_full_session_table_is_said(bmc: HostileBmc, access: Reach) -> None:
    """503 at login is not a wrong password."""
    body = {"error": {"@Message.ExtendedInfo": [{"Message": "All sessions are in use."}]}}
    bmc.on["POST", SESSION] = reply(answer(body, 503))  # type: ignore[assignment]
    with pytest.raises(Busy, match="All sessions are in use"):
        async with connect(access()):
            pass


async def test_a_password_that_must_be_changed(bmc: HostileBmc, access: Reach) -> None:
    """It has its own error, and the session it came with is closed."""
    body = {"@Message.ExtendedInfo": [{"MessageId": "Base.1.8.PasswordChangeRequired"}]}
    login = answer(body, 201, X_Auth_Token=TOKEN, Location=f"{SESSION}/7")
    bmc.on["POST", SESSION] = reply(login)  # type: ignore[assignment]
    with pytest.raises(PasswordChangeRequired):
        async with connect(access()):
            pass
    assert bmc.count("DELETE", f"{SESSION}/7") == 1


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_no_sessions_means_basic(bmc: HostileBmc, access: Reach, status: int) -> None:
    """A BMC without sessions gets Basic authentication, tried on one resource."""
    bmc.on["POST", SESSION] = reply(answer({}, status))  # type: ignore[assignment]
    bmc.on["GET", "/redfish/v1/Systems"] = reply(  # type: ignore[assignment]
        answer({"Members": [{"@odata.id": SYSTEM}]})
    )
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


async def test_a_refused_renewal_is_the_end(bmc: HostileBmc, access: Reach) -> None:
    """A password changed under us is tried once, not once for every read."""
    async with connect(access()) as client:
        bmc.on["GET", THING] = reply(answer({}, 401))  # type: ignore[assignment]
        bmc.on["POST", SESSION] = reply(answer({}, 401))  # type: ignore[assignment]
        for _ in range(5):
            with pytest.raises(CredentialsError):
                await client.get(THING)
    assert bmc.count("POST", SESSION) == 2


async def test_a_location_by_another_name_is_ours(bmc: HostileBmc, access: Reach) -> None:
    """A BMC may call itself what it likes: only the path of its session counts."""
    login = answer({}, 201, X_Auth_Token=TOKEN, Location=f"http://idrac-xyz{SESSION}/9")
    bmc.on["POST", SESSION] = reply(login)  # type: ignore[assignment]
    async with connect(access()):
        pass
    assert bmc.count("DELETE", f"{SESSION}/9") == 1


async def test_the_session_ends_when_the_body_fails(bmc: HostileBmc, access: Reach) -> None:
    """Our error is the one that is seen, even when the logout fails too."""
    bmc.on["DELETE", f"{SESSION}/7"] = reply(answer({}, 500))  # type: ignore[assignment]
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


async def test_if_match_is_sent_when_asked_for(bmc: HostileBmc, access: Reach) -> None:
    """428 means: say which state you mean; the tag just read is the answer, once."""
    bmc.tree[SYSTEM]["@odata.etag"] = 'W/"42"'

    async def careful(request: Request) -> bytes:
        good = request.headers.get("if-match") == 'W/"42"'
        return answer({}, 200 if good else 428)

    bmc.on["PATCH", SYSTEM] = careful
    async with connect(access()) as client:
        await client.patch(SYSTEM, {"Boot": {}})
        bmc.tree[SYSTEM]["@odata.etag"] = "another"
        with pytest.raises(Conflict):
            await client.patch(SYSTEM, {"Boot": {}})
    assert bmc.count("PATCH") == 4


@pytest.mark.parametrize(
    ("status", "error", "exit_status"),
    [
        (400, BmcError, 5),
        (401, CredentialsError, 7),
        (403, CredentialsError, 7),
        (404, NotSupported, 5),
        (405, NotSupported, 5),
        (409, Conflict, 11),
        (423, Conflict, 11),
        (500, BmcError, 5),
        (501, NotSupported, 5),
        (503, Busy, 10),
    ],
)
async def test_every_refusal_has_its_error(
    bmc: HostileBmc, access: Reach, status: int, error: type[Exception], exit_status: int
) -> None:
    """Statuses become our errors, with the BMC's words made safe to print."""
    message = "No \x1b[31mpower\u202e supply\r\nleft"
    body = {"error": {"@Message.ExtendedInfo": {"Message": message}}}
    bmc.on["POST", RESET] = reply(answer(body, status))  # type: ignore[assignment]
    async with connect(access()) as client:
        with pytest.raises(error, match=r"No \[31mpower supply left") as caught:
            await client.post(RESET, {})
    assert getattr(caught.value, "status", None) == exit_status
    assert bmc.count("POST", RESET) == 1


async def test_collections_that_do_not_end(bmc: HostileBmc, access: Reach) -> None:
    """Pages that loop end; pages without end, and members without number, are refused."""
    loop = {"Members": [{"@odata.id": SYSTEM}], "Members@odata.nextLink": "/redfish/v1/Loop"}
    bmc.tree["/redfish/v1/Loop"] = loop
    crowd = [{"@odata.id": f"/redfish/v1/Systems/{n}"} for n in range(3000)]
    bmc.tree["/redfish/v1/Crowd"] = {"Members": crowd}

    async def more(request: Request) -> bytes:
        number = int(request.path.rpartition("/")[2])
        return answer({"Members": [], "Members@odata.nextLink": f"/redfish/v1/More/{number + 1}"})

    for number in range(200):
        bmc.on["GET", f"/redfish/v1/More/{number}"] = more
    async with connect(access()) as client:
        assert await client.links("/redfish/v1/Loop") == [SYSTEM]
        with pytest.raises(BadReply, match="does not end"):
            await client.links("/redfish/v1/Crowd")
        with pytest.raises(BadReply, match="does not end"):
            await client.links("/redfish/v1/More/0")


async def test_never_more_than_four_at_once(bmc: HostileBmc, access: Reach) -> None:
    """BMCs are small: four requests in flight, whatever we have in mind."""
    running = most = 0

    async def slow(_request: Request) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return answer({})

    bmc.on["GET", THING] = slow
    async with connect(access()) as client:
        await asyncio.gather(*(client.get(THING) for _ in range(20)))
    assert most == 4


async def test_several_systems_want_a_choice(bmc: HostileBmc, access: Reach) -> None:
    """Ambiguity refuses; the address chooses; what cannot be started is no server."""
    node = "/redfish/v1/Systems/2"
    bmc.tree["/redfish/v1/Systems"]["Members"].append({"@odata.id": node})
    bmc.tree[node] = {"PowerState": "On"}
    async with connect(access()) as client:
        assert (await client.system())["@odata.id"] == SYSTEM
    bmc.tree[node] = bmc.tree[SYSTEM] | {"PowerState": "On"}
    async with connect(access()) as client:
        with pytest.raises(SeveralSystems) as caught:
            await client.system()
    assert caught.value.status == 6
    async with connect(access(url=f"https://127.0.0.1:{bmc.port}{node}")) as client:
        assert (await client.system())["PowerState"] == "On"


async def test_nothing_listens_there(access: Reach) -> None:
    """A closed port is unreachable, at once."""
    with pytest.raises(Unreachable) as caught:
        async with connect(access(url="https://127.0.0.1:1")):
            pass
    assert caught.value.status == 10


async def test_no_secret_reaches_the_log(
    bmc: HostileBmc, access: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    """With everything logged, neither password nor token shows, nor in any repr."""
    caplog.set_level(logging.DEBUG)
    bmc.on["DELETE", f"{SESSION}/7"] = reply(answer({}, 500))  # type: ignore[assignment]
    wanted = access()
    async with connect(wanted) as client:
        told = repr(wanted) + repr(await client.fetch(SYSTEM))
    told += caplog.text
    assert PASSWORD not in told
    assert TOKEN not in told
