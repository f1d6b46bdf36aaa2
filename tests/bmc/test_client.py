"""Requests to hostile BMCs: bounded in time, reads repeated a little, one POST."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from provision.bmc.client import Access, connect
from provision.bmc.errors import (
    Busy,
)
from provision.bmc.replies import retry_after
from provision.core.errors import Conflict, OutcomeUnknown, Timeout, Unreachable
from tests.bmc.hostile import (
    RESET,
    SESSION,
    SYSTEM,
    THING,
    HostileBmc,
    Request,
    answer,
    get,
    never,
    reply,
)

Reach = Callable[..., Access]


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


async def test_a_dropped_post_is_sent_once_and_unknown(bmc: HostileBmc, access: Reach) -> None:
    """No answer to an action: nobody knows, and nobody sends it again."""
    bmc.on["POST", RESET] = reply(None)
    async with connect(access()) as client:
        with pytest.raises(OutcomeUnknown):
            await client.post(RESET, {"ResetType": "On"})
    assert bmc.count("POST", RESET) == 1


async def test_a_dropped_patch_is_sent_once_and_unknown(bmc: HostileBmc, access: Reach) -> None:
    """The same for changes, also over a connection that was used before."""
    bmc.on["PATCH", SYSTEM] = reply(None)
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


async def test_503_until_a_time_of_day(bmc: HostileBmc, access: Reach) -> None:
    """It counts by the BMC's own clock, which may stand in another year."""
    clock = {
        "Date": "Thu, 01 Jan 1970 00:00:10 GMT",
        "Retry_After": "Thu, 01 Jan 1970 00:00:10 GMT",
    }
    replies = iter([answer({}, 503, **clock), answer({"Id": "x"})])

    async def busy(_request: Request) -> bytes:
        return next(replies)

    bmc.on["GET", THING] = busy
    async with connect(access()) as client:
        assert (await client.get(THING))["Id"] == "x"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "86400"}, 30.0),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "1e999"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:15 GMT"}, None),
        (
            {
                "Retry-After": "Thu, 01 Jan 1970 00:00:15 GMT",
                "Date": "Thu, 01 Jan 1970 00:00:10 GMT",
            },
            5.0,
        ),
        ({"Retry-After": "Thu, 99 Foo 1970 00:00:15 GMT", "Date": "x"}, None),
        ({}, None),
    ],
)
def test_how_long_a_bmc_asks_for(told: dict[str, str], seconds: float | None) -> None:
    """Seconds or a date, within bounds; nonsense is as good as nothing."""
    assert retry_after(told) == seconds


async def test_if_match_is_sent_when_asked_for(bmc: HostileBmc, access: Reach) -> None:
    """428 means: say which state you mean; the tag just read is the answer, as it is spelt."""
    bmc.tree[SYSTEM]["@odata.etag"] = 'W/"42"'

    async def careful(request: Request) -> bytes:
        good = request.headers.get("if-match") == 'W/"42"'
        return answer({}, 200 if good else 428)

    bmc.on["PATCH", SYSTEM] = careful
    async with connect(access()) as client:
        await client.patch(SYSTEM, {"Boot": {}})
        assert bmc.count("PATCH") == 2
        bmc.tree[SYSTEM]["@odata.etag"] = "another"
        with pytest.raises(Conflict):
            await client.patch(SYSTEM, {"Boot": {}})
    tags = [each.headers.get("if-match") for each in bmc.requests if each.method == "PATCH"]
    assert tags == [None, 'W/"42"', None, "another", '"another"', "*"]


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


async def test_nothing_listens_there(access: Reach) -> None:
    """A closed port is unreachable, at once."""
    with pytest.raises(Unreachable) as caught:
        async with connect(access(url="https://127.0.0.1:1")):
            pass
    assert caught.value.status == 10
