"""Collections by ``$expand``: only where it is promised, and only once it was seen to work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provision.bmc import inventory
from provision.bmc.client import Access, Bmc, connect
from provision.bmc.errors import BadReply
from provision.sim.rack import SimServer
from tests.bmc.hostile import HostileBmc, Request, answer

Reach = Callable[..., Access]
THINGS = "/redfish/v1/Things"
QUERY = f"{THINGS}?$expand=.($levels=1)"
BODIES: list[dict[str, Any]] = [
    {"@odata.id": f"{THINGS}/{n}", "@odata.type": "#Thing.v1", "Id": str(n), "Name": "thing"}
    for n in (1, 2, 3)
]


def promise(bmc: HostileBmc, **features: object) -> None:
    """Let the BMC say that it expands, and have three things."""
    features = features or {"NoLinks": True, "Levels": True, "MaxLevels": 1}
    bmc.tree["/redfish/v1"]["ProtocolFeaturesSupported"] = {"ExpandQuery": features}
    links = [{"@odata.id": each["@odata.id"]} for each in BODIES]
    bmc.tree[THINGS] = {"Members": links}
    bmc.tree |= {each["@odata.id"]: each for each in BODIES}


async def read_twice(access: Access) -> list[list[dict[str, Any]]]:
    """Read the things two times over one connection."""
    async with connect(access) as client:
        return [await client.members(THINGS) for _ in range(2)]


async def test_one_request_and_one_to_compare(bmc: HostileBmc, access: Reach) -> None:
    """What a member has alone it also had in the collection: from then on one request is enough."""
    promise(bmc)
    bmc.tree[QUERY] = {"Members": BODIES}
    assert await read_twice(access()) == [BODIES, BODIES]
    asked = [each.path for each in bmc.requests if "Things" in each.path]
    assert asked == [QUERY, f"{THINGS}/1", QUERY]


@pytest.mark.parametrize(
    ("features", "query"),
    [
        ({"NoLinks": True}, "?$expand=."),
        ({"ExpandAll": True, "Levels": True}, "?$expand=*($levels=1)"),
        ({"NoLinks": False, "ExpandAll": False, "Levels": True}, ""),
        ({"Links": True}, ""),
        ({"NoLinks": "yes"}, ""),
    ],
)
async def test_what_was_promised_is_asked_for(
    bmc: HostileBmc, access: Reach, features: dict[str, object], query: str
) -> None:
    """In the words of the service root, and not at all where it promises nothing."""
    promise(bmc, **features)
    bmc.tree[f"{THINGS}?$expand=."] = bmc.tree[f"{THINGS}?$expand=*($levels=1)"] = {
        "Members": BODIES
    }
    assert (await read_twice(access()))[1] == BODIES
    asked = {
        each.path for each in bmc.requests if "Things" in each.path and "/Things/" not in each.path
    }
    assert asked == {THINGS + query}


@pytest.mark.parametrize(
    "told",
    [
        answer({}, 400),
        answer({}, 404),
        answer({}, 500),
        answer({}, 501),
        answer(b"<html>"),
        answer(b" " * (9 << 20)),
        answer({"Members": [{"@odata.id": each["@odata.id"]} for each in BODIES]}),
        answer({"Members": [{"@odata.id": each["@odata.id"], "Id": "1"} for each in BODIES]}),
        answer({"Members": [{"@odata.id": e["@odata.id"], "@odata.type": "x"} for e in BODIES]}),
    ],
    ids=["400", "404", "500", "501", "page", "flood", "links", "cut short", "links with a type"],
)
async def test_a_promise_that_is_not_kept(bmc: HostileBmc, access: Reach, told: bytes) -> None:
    """It is tried once in a connection; every member is read all the same."""
    promise(bmc)

    async def broken(_request: Request) -> bytes:
        return told

    bmc.on["GET", QUERY] = broken
    assert await read_twice(access(timeout=10)) == [BODIES, BODIES]
    assert bmc.count("GET", QUERY) == 1


async def test_members_that_did_not_come_along_are_read(bmc: HostileBmc, access: Reach) -> None:
    """A link among whole members is followed."""
    promise(bmc)
    bmc.tree[QUERY] = {"Members": [*BODIES[:2], {"@odata.id": f"{THINGS}/3"}]}
    assert await read_twice(access()) == [BODIES, BODIES]
    assert bmc.count("GET", f"{THINGS}/3") == 2


async def test_members_that_weigh_too_much_together(bmc: HostileBmc, access: Reach) -> None:
    """Pages that each are small enough do not add up to more than a collection may be."""
    promise(bmc, NoLinks=False)
    for number in range(9):
        page = {"Members": [], "x": "y" * (2 << 20)}
        bmc.tree[f"/redfish/v1/Heavy/{number}"] = page | {
            "Members@odata.nextLink": f"/redfish/v1/Heavy/{number + 1}"
        }
    async with connect(access(timeout=10)) as client:
        with pytest.raises(BadReply, match="does not end"):
            await client.members("/redfish/v1/Heavy/0")


async def test_a_provisioning_inventory_is_few_requests(server: SimServer, client: Bmc) -> None:
    """At most forty of them, login and all; the simulated BMC expands."""
    await inventory.read_facts(client)
    assert len(server.requests) <= 20


async def test_what_hypervisors_need_is_ten_requests(server: SimServer, client: Bmc) -> None:
    """What decides over virtualization is read without the rest."""
    facts = await inventory.read_facts(client, inventory.VIRTUALIZATION)
    assert {"cpu.virt.state", "iommu.state", "memory.total", "firmware.secure_boot"} <= set(facts)
    assert "storage.largest" not in facts
    assert len(server.requests) <= 10
