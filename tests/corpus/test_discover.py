"""Service roots of real machines, found by a sweep; and the same roots with every field damaged."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from provision.bmc.address import Address
from provision.bmc.discover import Pace, Seen, Verdict, sweep
from tests.bmc.hostile import Certificates, HostileBmc, answer, reply

ODD: tuple[Any, ...] = (None, 7, True, "", "\x1b[2J\u202e", [], {}, [[]], {"a": None}, 1e300)


def roots(folder: Path) -> dict[str, dict[str, Any]]:
    """Each recording's service root, by the recording's name."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        tree = json.loads(path.read_bytes())
        root = tree.get("/redfish/v1", tree.get("/redfish/v1/"))
        if root:
            found[path.stem] = root
    return found


async def looked_at(bmc: HostileBmc, root: object) -> Seen:
    """What a sweep tells of a BMC that shows ``root``."""
    bmc.on["GET", "/redfish/v1/"] = reply(answer(root))
    seen: list[Seen] = []
    pace = Pace(timeout=5.0, rate=1000.0)
    await sweep([Address(host="127.0.0.1", port=bmc.port)], pace, seen.append)
    return seen[0]


async def test_every_recorded_root_is_known_for_a_bmc(redfish: Path) -> None:
    """Whoever made it; with the version it tells."""
    async with HostileBmc(Certificates().leaf()).listening() as bmc:
        for name, root in roots(redfish).items():
            seen = await looked_at(bmc, root)
            assert seen.verdict is Verdict.BMC, name
            assert seen.root.redfish_version == root["RedfishVersion"]
            for vendor in ("dell", "lenovo", "supermicro"):
                if name.startswith(f"libredfish-{vendor}"):
                    assert seen.root.platform.startswith(vendor)


async def test_every_field_of_every_root_may_be_odd(redfish: Path) -> None:
    """Nothing ends the sweep, and what is shown is clean."""
    odd = itertools.cycle(ODD)
    async with HostileBmc(Certificates().leaf()).listening() as bmc:
        for root in roots(redfish).values():
            for key in root:
                seen = await looked_at(bmc, root | {key: next(odd)})
                shown = (seen.root.product, seen.root.vendor, seen.root.uuid, seen.why)
                assert all(text.isprintable() for text in shown)
