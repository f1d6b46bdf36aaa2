"""A BMC that is hostile at the door, or when it is asked to do something."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provision.bmc import inventory
from provision.bmc.client import Access, Bmc
from tests.bmc.hostile import (
    RESET,
    SESSION,
    SYSTEM,
    THING,
    TOKEN,
    HostileBmc,
    Request,
    answer,
    never,
    reply,
)
from tests.bmc.suffering import THIEF, Case, handler, judge, part, stream, suffer

pytestmark = pytest.mark.campaign

Reach = Callable[..., Access]
BAD: dict[str, Any] = {"code": "bad-reply", "status": 5}
LOST: dict[str, Any] = {"code": "not-supported", "status": 5}
FINE: dict[str, Any] = {}
INFO = "@Message.ExtendedInfo"


async def learn(bmc: Bmc) -> object:
    """Read everything there is to know of a server."""
    return await inventory.read_facts(bmc)


def to(target: object) -> dict[str, object]:
    """Return a collection with one member, which is there."""
    return {"Members": [{"@odata.id": target}]}


ROOT = ("GET", "/redfish/v1/")
LOGIN = ("POST", SESSION)


def root(name: str, told: object, expected: dict[str, Any]) -> Case:
    """A service root; after it, the inventory is read."""
    return Case(name=name, raw=answer(told), where=ROOT, use=learn, **expected)


def opened(**headers: str) -> bytes:
    """Return the answer to a login."""
    return answer({}, 201, **headers)


BMCS = ("GET", "/redfish/v1/Systems")
DENIED: dict[str, Any] = {"code": "credentials", "status": 7}
LOGINS = [
    root("the root is empty", {}, BAD),
    root("the root is a list", [], BAD),
    root("the root is a page", b"<html>", BAD),
    root("the root links nowhere", {"RedfishVersion": "1", "Systems": 7, "Links": []}, DENIED),
    root("the root links to a list", {"Systems": [], "Links": {"Sessions": [1]}}, DENIED),
    root(
        "its sessions are elsewhere",
        {"Systems": {}, "Links": {"Sessions": {"@odata.id": f"https://{THIEF}{SESSION}"}}},
        BAD,
    ),
    root(
        "its sessions are above",
        {"Systems": {}, "Links": {"Sessions": {"@odata.id": "/../x"}}},
        BAD,
    ),
    root(
        "its systems are elsewhere",
        {
            "RedfishVersion": "1",
            "Systems": {"@odata.id": f"//{THIEF}/"},
            "Links": {"Sessions": {"@odata.id": SESSION}},
        },
        BAD,
    ),
    root(
        "its versions are lists",
        {
            "RedfishVersion": [],
            "ProtocolFeaturesSupported": [1],
            "Vendor": {},
            "Oem": 3,
            "Systems": {"@odata.id": "/redfish/v1/Systems"},
            "Links": {"Sessions": {"@odata.id": SESSION}},
        },
        FINE,
    ),
    Case(name="the root is silent", raw=never, where=ROOT, timeout=0.3, code="timeout", status=10),
    Case(
        name="the root drips",
        raw=stream(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.02),
        where=ROOT,
        timeout=0.3,
        code="timeout",
        status=10,
    ),
    Case(name="the root is flooded", raw=answer(b" " * (7 << 20)), where=ROOT, timeout=5, **BAD),
    Case(name="the root drops", raw=None, where=ROOT, code="unreachable", status=10),
    Case(name="the root is busy", raw=answer({}, 503), where=ROOT, code="bmc-busy", status=10),
    Case(name="the root is broken", raw=answer({}, 500), where=ROOT, code="bmc-error", status=5),
    Case(name="a login without a token", raw=opened(Location=f"{SESSION}/7"), where=LOGIN, **BAD),
    Case(name="a login without a place", raw=opened(X_Auth_Token=TOKEN), where=LOGIN, **BAD),
    Case(
        name="a login with an empty token",
        raw=opened(X_Auth_Token="", Location="/x"),
        where=LOGIN,
        **BAD,
    ),
    Case(
        name="a login with a token of 64 KiB",
        raw=opened(X_Auth_Token="x" * 65536, Location="/x"),
        where=LOGIN,
        code="unreachable",
        status=10,
    ),
    Case(
        name="a login whose token does not hold",
        raw=opened(X_Auth_Token="x" * 8190, Location="/x"),
        where=LOGIN,
        **DENIED,
    ),
    Case(
        name="a login with a token that is none",
        raw=opened(X_Auth_Token="a\xffb", Location="/x"),
        where=LOGIN,
        **BAD,
    ),
    Case(
        name="a login with a place above",
        raw=opened(X_Auth_Token=TOKEN, Location="/../x"),
        where=LOGIN,
        **BAD,
    ),
    Case(
        name="a login with a place of a script",
        raw=opened(X_Auth_Token=TOKEN, Location="javascript:x"),
        where=LOGIN,
        **BAD,
    ),
    Case(
        name="a login with a place elsewhere",
        raw=opened(X_Auth_Token=TOKEN, Location=f"https://{THIEF}{SESSION}/9"),
        where=LOGIN,
        use=learn,
        **FINE,
    ),
    Case(
        name="a login answered by a page",
        raw=answer(b"<html>Welcome</html>", 200, X_Auth_Token=TOKEN, Location="/x"),
        where=LOGIN,
        **BAD,
    ),
    Case(
        name="a login that hangs",
        raw=never,
        where=LOGIN,
        timeout=0.3,
        code="unreachable",
        status=10,
    ),
    Case(name="a login that drops", raw=None, where=LOGIN, code="unreachable", status=10),
    Case(
        name="a login that floods",
        raw=answer(b" " * (7 << 20), 201),
        where=LOGIN,
        timeout=5,
        code="unreachable",
        status=10,
    ),
    Case(name="a login refused", raw=answer({}, 401), where=LOGIN, **DENIED),
    Case(name="a login forbidden", raw=answer({}, 403), where=LOGIN, code="forbidden", status=7),
    Case(
        name="a login that is broken", raw=answer({}, 500), where=LOGIN, code="bmc-error", status=5
    ),
    Case(name="a login that is busy", raw=answer({}, 503), where=LOGIN, code="bmc-busy", status=10),
    Case(
        name="a login without a place for us",
        raw=answer({"error": {INFO: [{"MessageId": "Base.1.8.SessionLimitExceeded"}]}}, 503),
        where=LOGIN,
        code="sessions-full",
        status=10,
    ),
    Case(
        name="a password to be changed",
        raw=answer(
            {INFO: [{"MessageId": "Base.1.8.PasswordChangeRequired"}]},
            201,
            X_Auth_Token=TOKEN,
            Location=f"{SESSION}/7",
        ),
        where=LOGIN,
        code="password-change-required",
        status=7,
    ),
    Case(name="no systems", raw=answer({"Members": []}), where=BMCS, use=learn, **BAD),
    Case(
        name="2000 systems",
        raw=answer({"Members": [{"@odata.id": f"/s/{n}"} for n in range(2000)]}),
        where=BMCS,
        use=learn,
        **LOST,
    ),
    Case(
        name="systems on another host",
        raw=answer(to(f"https://{THIEF}{SYSTEM}")),
        where=BMCS,
        use=learn,
        **BAD,
    ),
    Case(
        name="a system that is not there",
        raw=answer({}, 404),
        where=("GET", SYSTEM),
        use=learn,
        **LOST,
    ),
    Case(
        name="a system that is forbidden",
        raw=answer({}, 403),
        where=("GET", SYSTEM),
        use=learn,
        code="forbidden",
        status=7,
    ),
    Case(
        name="a session that never holds",
        raw=answer({}, 401),
        where=("GET", SYSTEM),
        use=learn,
        **DENIED,
    ),
]


@pytest.mark.parametrize("case", LOGINS, ids=lambda case: case.name)
async def test_the_way_in(bmc: HostileBmc, access: Reach, thief: HostileBmc, case: Case) -> None:
    """From the service root to the system: no password elsewhere, and few logins whatever comes."""
    bmc.on[case.where] = handler(case, thief)
    judge(case, await suffer(access(timeout=case.timeout), case.use), bmc, thief)
    assert bmc.count("POST", SESSION) <= 3


ACTIONS = [
    Case(name="drops", raw=None, code="outcome-unknown", status=14),
    Case(name="hangs", raw=never, timeout=0.3, code="outcome-unknown", status=14),
    Case(
        name="half an answer",
        raw=part(b"HTTP/1.1 204"),
        timeout=0.3,
        code="outcome-unknown",
        status=14,
    ),
    Case(name="no HTTP", raw=b"OK\r\n\r\n", code="outcome-unknown", status=14),
    Case(
        name="a flood", raw=answer(b" " * (7 << 20)), timeout=5, code="outcome-unknown", status=14
    ),
    Case(name="a page", raw=answer(b"<html>Done</html>"), **FINE),
    Case(name="nested", raw=answer(b"[" * 200_000), **FINE),
    Case(name="refused", raw=answer({}, 400), code="bmc-error", status=5),
    Case(name="busy", raw=answer({}, 503, Retry_After="1"), code="bmc-busy", status=10),
    Case(name="in use", raw=answer({}, 409), code="conflict", status=11),
    Case(
        name="a licence",
        raw=answer({"error": {INFO: [{"MessageId": "S.1.OemLicenseNotPassed"}]}}, 403),
        code="licence-needed",
        status=5,
    ),
    Case(name="a redirect", raw=answer({}, 307, Location=RESET), **BAD),
    Case(name="the session ended", raw=answer({}, 401), code="session-ended", status=10),
]


@pytest.mark.parametrize("case", ACTIONS, ids=lambda case: case.name)
async def test_actions(bmc: HostileBmc, access: Reach, thief: HostileBmc, case: Case) -> None:
    """One intent, one request: whatever comes back, an action is not asked for twice."""

    async def use(client: Bmc) -> None:
        await client.post(RESET, {"ResetType": "ForceRestart"})

    bmc.on["POST", RESET] = handler(case, thief)
    judge(case, await suffer(access(timeout=case.timeout), use), bmc, thief)
    assert bmc.count("POST", RESET) == 1


async def test_a_session_that_never_holds(bmc: HostileBmc, access: Reach) -> None:
    """A BMC that forgets us after each login does not make us log in for ever."""

    async def forget(_request: Request) -> bytes:
        return answer({}, 401)

    bmc.on["GET", SYSTEM] = bmc.on["GET", f"{SESSION}/7"] = forget

    async def use(client: Bmc) -> None:
        for _ in range(5):
            await client.get(SYSTEM)

    error = await suffer(access(), use)
    assert error is not None
    assert int(error.status) == 7
    assert bmc.count("POST", SESSION) <= 3


async def test_no_proxy_sees_us(
    bmc: HostileBmc, access: Reach, thief: HostileBmc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says of proxies is not for BMCs."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{thief.port}")
    bmc.on["GET", THING] = reply(answer({"Id": "x"}))
    case = Case(name="", raw=b"", **FINE)
    judge(case, await suffer(access(), case.use), bmc, thief)
