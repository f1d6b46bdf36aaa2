"""A BMC whose resources lead in circles, elsewhere, nowhere, or say what cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provision.bmc import inventory
from provision.bmc.client import Access, Bmc
from tests.bmc.hostile import (
    SYSTEM,
    THING,
    HostileBmc,
    Request,
    answer,
)
from tests.bmc.suffering import THIEF, Case, bounded, handler, judge, suffer

pytestmark = pytest.mark.campaign

Reach = Callable[..., Access]
BAD: dict[str, Any] = {"code": "bad-reply", "status": 5}
FINE: dict[str, Any] = {}
THINGS = "/redfish/v1/Things"
INFO = "@Message.ExtendedInfo"


async def walk(bmc: Bmc) -> object:
    """Read a collection with all its members."""
    return await bmc.members(THINGS)


def things(name: str, told: object, expected: dict[str, Any]) -> Case:
    """A collection."""
    return Case(name=name, raw=answer(told), where=("GET", THINGS), use=walk, **expected)


def to(target: object) -> dict[str, object]:
    """Return a collection with one member, which is there."""
    return {"Members": [{"@odata.id": target}]}


def following(target: object) -> dict[str, object]:
    """Return a page that names the next one."""
    return {"Members": [], "Members@odata.nextLink": target}


LOST: dict[str, Any] = {"code": "not-supported", "status": 5}
WALKS = [
    things("no members", {}, FINE),
    things("members are null", {"Members": None}, FINE),
    things("members are one", {"Members": {"@odata.id": THING}}, FINE),
    things("members are a text", {"Members": THING}, FINE),
    things("members are numbers", {"Members": [1, None, "x", [], True]}, FINE),
    things("a member without a link", {"Members": [{"Id": "x"}]}, FINE),
    things("a member's link is a number", to(7), FINE),
    things("a member that is not there", to("/redfish/v1/Nowhere"), LOST),
    things("a member is the collection", to(THINGS), FINE),
    things("a member twice", {"Members": [{"@odata.id": THING}] * 500}, FINE),
    things("3000 members", {"Members": [{"@odata.id": f"/x/{n}"} for n in range(3000)]}, BAD),
    things("a member on another host", to(f"https://{THIEF}{THING}"), BAD),
    things("a member on another host, bare", to(f"//{THIEF}{THING}"), BAD),
    things("a member in clear", to(f"http://{THIEF}{THING}"), BAD),
    things("a member with a password", to(f"https://a:b@{THIEF}/"), BAD),
    things("a member above", to("/redfish/v1/../../etc/passwd"), BAD),
    things("a member above, hidden", to("/redfish/%252e%252e/x"), BAD),
    things("a member with a blank", to("/redfish/v1/a b"), BAD),
    things("a member with a line", to("/redfish/v1/a\r\nX-Evil: 1"), BAD),
    things("a member with an escape", to("/redfish/v1/\x1b[2J"), BAD),
    things("a member that looks alike", to("/redfish/v1/Syst\u0435ms/1"), BAD),
    things("a member of 5000 signs", to("/" + "x" * 5000), BAD),
    things("a member that is relative", to("Thing"), BAD),
    things("a member that is empty", to(""), BAD),
    things("a member that is a script", to("javascript:alert(1)"), BAD),
    things("a member that is a file", to("file:///etc/passwd"), BAD),
    things("the next page is this one", following(THINGS), FINE),
    things("the next page is a number", following(7), FINE),
    things("the next page is null", following(None), FINE),
    things("the next page is elsewhere", following(f"https://{THIEF}/"), BAD),
    things("the next page is not there", following("/redfish/v1/Nowhere"), LOST),
    things("the next page is above", following("/redfish/v1/../x"), BAD),
]


@pytest.mark.parametrize("case", WALKS, ids=lambda case: case.name)
async def test_collections(bmc: HostileBmc, access: Reach, thief: HostileBmc, case: Case) -> None:
    """Whatever a collection lists: bounded, on this host alone, and never a traceback."""
    bmc.tree[THING] = {"Id": "x"}
    bmc.on[case.where] = handler(case, thief)
    judge(case, await suffer(access(), case.use), bmc, thief)
    assert len(bmc.requests) < 20


LINKS = ("Processors", "Memory", "EthernetInterfaces", "SimpleStorage", "Storage", "SecureBoot")
ABSURD: dict[str, Any] = {
    "null": None,
    "true": True,
    "a number": 7,
    "a negative number": -(2**70),
    "a huge number": 1e308,
    "a text": "x",
    "an empty text": "",
    "escapes": "\x1b]0;owned\x07\x1b[2J",
    "bidi": "\u202egnp.exe\u2066",
    "a formula": "=cmd|'/c calc'!A1",
    "lines": "a\r\nb\u2028c",
    "a lone surrogate": "\ud800",
    "10 000 signs": "x" * 10_000,
    "an empty list": [],
    "a list of lists": [[[[]]]],
    "a list of everything": [None, True, 7, "x", [], {}],
    "an empty object": {},
    "an object of everything": {"a": None, "@odata.id": 7, "Members": "x", "Status": []},
    "a link to itself": {"@odata.id": SYSTEM},
    "a link elsewhere": {"@odata.id": f"https://{THIEF}{SYSTEM}"},
}
OF_PARTS = [
    "Model",
    "Manufacturer",
    "ProcessorId",
    "ProcessorType",
    "TotalCores",
    "Status",
    "CapacityMiB",
    "Drives",
    "CapacityBytes",
    "SpeedMbps",
    "Devices",
    "MemoryDeviceType",
    "Attributes",
    "Name",
    "Location",
]
FIELDS = [
    "Manufacturer",
    "Model",
    "SerialNumber",
    "SKU",
    "UUID",
    "BiosVersion",
    "PowerState",
    "Boot",
    "Status",
    "MemorySummary",
    "ProcessorSummary",
    "TrustedModules",
    "Links",
    "Bios",
    "VirtualMedia",
    "Processors",
    "Memory",
    "Storage",
    "EthernetInterfaces",
    "SimpleStorage",
    "SecureBoot",
    "Actions",
]


@pytest.mark.parametrize("absurd", ABSURD)
async def test_absurd_systems(
    bmc: HostileBmc, access: Reach, thief: HostileBmc, absurd: str
) -> None:
    """Each property of a system is absurd in the same way: fewer facts, safe ones, no traceback."""
    value = ABSURD[absurd]
    address = f"127.0.0.1:{thief.port}"
    if isinstance(value, dict) and THIEF in str(value):
        value = {"@odata.id": f"https://{address}{SYSTEM}"}
    bmc.tree[SYSTEM] = dict.fromkeys(FIELDS, value)
    found: list[object] = []

    async def use(client: Bmc) -> None:
        facts = await inventory.read_facts(client)
        found.extend(str(fact.value) for fact in facts.values())

    error = await suffer(access(), use)
    assert error is None or (error.code, int(error.status)) == ("bad-reply", 5)
    assert all(str(each).isprintable() and len(str(each)) < 2000 for each in found), found
    assert thief.requests == []
    assert len(bmc.requests) < 40


@pytest.mark.parametrize("absurd", ABSURD)
async def test_absurd_members(bmc: HostileBmc, access: Reach, absurd: str) -> None:
    """The same of everything a system is made of."""
    value = ABSURD[absurd]
    bmc.tree[SYSTEM] |= {name: {"@odata.id": f"{SYSTEM}/{name}"} for name in (*LINKS, "Bios")}
    for name in (*LINKS, "Bios"):
        bmc.tree[f"{SYSTEM}/{name}"] = to(f"{SYSTEM}/{name}/1") | {"Attributes": value}
        bmc.tree[f"{SYSTEM}/{name}/1"] = dict.fromkeys(OF_PARTS, value)

    async def use(client: Bmc) -> None:
        facts = await inventory.read_facts(client)
        told = " ".join(str(fact.value) for fact in facts.values())
        assert told.isprintable(), told

    error = await suffer(access(), use)
    assert error is None or (error.code, int(error.status)) == ("bad-reply", 5)


async def test_pages_and_members_without_end(bmc: HostileBmc, access: Reach) -> None:
    """A collection that grows as it is read: ended by pages, members or bytes, in bounds."""

    async def more(request: Request) -> bytes:
        number = int(request.path.rpartition("/")[2])
        page = {"Members": [{"@odata.id": f"/m/{number}/{n}"} for n in range(50)]}
        return answer(page | {"Members@odata.nextLink": f"/p/{number + 1}"})

    for number in range(200):
        bmc.on["GET", f"/p/{number}"] = more

    async def use(client: Bmc) -> None:
        await client.members("/p/0")

    with bounded():
        error = await suffer(access(timeout=5), use)
    assert error is not None
    assert error.code == "bad-reply"
    assert len(bmc.requests) < 110
