"""What verbs read of recorded BMCs: every tree is read, and what it tells is safe to print."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from provision.bmc import (
    accounts,
    firmware,
    firmware_plan,
    indicator,
    logs,
    recorded,
    secure_boot,
    sessions,
)
from provision.bmc.errors import BmcError, NotSupported
from provision.bmc.logs import Wanted
from provision.bmc.recorded import Recording
from provision.bmc.service import Bmc
from provision.core.errors import ProvisionError
from tests.corpus.test_redfish_trees import EXPECTED, TREES

pytestmark = pytest.mark.skipif(
    not TREES.is_dir(), reason=f"RECORDED TREES LEFT OUT: {TREES} is not there"
)

Read = Callable[[Bmc], Awaitable[Any]]
READS: dict[str, Read] = {
    "firmware": firmware.components,
    "secureboot": secure_boot.state,
    "accounts": accounts.accounts,
    "sessions": lambda bmc: sessions.sessions(bmc, "root"),
    "logs": lambda bmc: logs.read(bmc, Wanted()),
    "light": indicator.light,
    "plan": lambda bmc: firmware_plan.plan(
        bmc, firmware_plan.Wanted(url="https://10.0.0.1/image.bin")
    ),
}

#: Parts with firmware, Secure Boot for the next boot, users, sessions, the light; None: not told.
TOLD: dict[str, tuple[object, ...]] = {
    "libredfish-dell": (29, False, 3, 3, "lit"),
    "redfishctl-dell_xr8620t-tree": (34, False, 3, 0, "off"),
    "iloemu-DL360": (23, False, 2, 3, "off"),
    "iloemu-DL380a": (34, False, 2, 2, "off"),
    "libredfish-lenovo": (43, False, 1, 3, "off"),
    "libredfish-supermicro": (106, False, 2, 2, "off"),
    "crayrie-Gigabyte": (3, False, 2, 0, "off"),
    "crayrie-EX4252": (29, None, 3, 0, None),
    "libredfish-nvidia_gb200": (30, False, 4, 2, "off"),
    "crayrie-OpenBMC-stock": (1, None, 1, 0, "off"),
}
#: How an image by HTTPS would be fetched: the words of the plan; None: it cannot be.
FETCHED: dict[str, set[str] | None] = {
    "libredfish-dell": {"ImageURI", "TransferProtocol"},
    "redfishctl-dell_xr8620t-tree": {"ImageURI", "TransferProtocol"},
    "iloemu-DL360": {"ImageURI", "TransferProtocol"},
    "iloemu-DL380a": {"ImageURI", "TransferProtocol"},
    "libredfish-lenovo": {"ImageURI", "TransferProtocol"},
    "libredfish-supermicro": {"ImageURI", "TransferProtocol"},
    "crayrie-Gigabyte": None,  # HTTP and FTP alone
    "crayrie-EX4252": {"ImageURI", "TransferProtocol"},
    "libredfish-nvidia_gb200": None,  # it is pushed
    "crayrie-OpenBMC-stock": None,
}


async def bmc_of(name: str) -> Bmc:
    """The recorded BMC, as the verbs see it."""
    path = TREES / f"{name}.json"
    return (await recorded.read(recorded.parse(path.read_bytes(), path.name), path.name))[0].bmc


async def told(bmc: Bmc, read: Read) -> Any:
    """What a read tells; None where the BMC says that it has no such thing."""
    try:
        return await read(bmc)
    except NotSupported:
        return None


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_a_tree(name: str) -> None:
    """The list of firmware, Secure Boot, users, sessions and the light are those of the machine."""
    bmc = await bmc_of(name)
    found = {word: await told(bmc, read) for word, read in READS.items()}
    boot, light = found["secureboot"], found["light"]
    assert TOLD[name] == (
        len(found["firmware"]),
        boot.wanted if boot else None,
        len(found["accounts"]),
        len(found["sessions"] or []),
        light.state if light else None,
    )
    plan = found["plan"]
    assert FETCHED[name] == (set(plan.body) if plan else None)
    for each in (*found["firmware"], *found["accounts"], *(found["sessions"] or [])):
        assert all(str(value).isprintable() for value in each.as_dict().values())


@pytest.mark.parametrize("name", sorted(EXPECTED))
async def test_damaged_trees(name: str) -> None:
    """With fields of any resource replaced by nonsense there is a result or an error of ours."""
    tree = json.loads((TREES / f"{name}.json").read_text(encoding="utf-8"))
    dice = random.Random(name)  # noqa: S311 - a test that can be repeated
    parts = ("UpdateService", "SecureBoot", "Accounts", "Sessions", "LogServices", "Systems")
    paths = [path for path in tree if any(part.lower() in path.lower() for part in parts)]
    for _ in range(6):
        damaged = dict(tree)
        for path in paths:
            if isinstance(tree[path], dict) and dice.random() < 0.5:
                damaged[path] = _damaged(tree[path], dice)
        bmc = Recording(damaged, name, "reading").bmc()
        for read in READS.values():
            try:
                await read(bmc)
            except (BmcError, ProvisionError):
                continue


def _damaged(body: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    nonsense: tuple[Any, ...] = (
        None,
        7,
        -1e300,
        True,
        [],
        {},
        [None, 7],
        "\x1b[2J\u202e",
        "x" * 3000,
        {"a": []},
    )
    return {
        key: dice.choice(nonsense) if dice.random() < 0.3 else value for key, value in body.items()
    }


def test_every_recording_is_expected() -> None:
    """A recording that is added gets its rows here."""
    names = {Path(path).stem for path in TREES.glob("*.json")}
    assert names == set(TOLD) == set(FETCHED)
