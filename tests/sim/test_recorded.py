"""A recorded tree served as a BMC: it answers as recorded and keeps what is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from provision.core.errors import ConfigError
from provision.sim import personalities, recorded, running
from tests.sim.client import Client, client

HOME = "/redfish/v1"
SYSTEM = f"{HOME}/Systems/A"
SLOT = f"{HOME}/Managers/M/VirtualMedia/1"

TREE: dict[str, Any] = {
    f"{HOME}/": {
        "@odata.id": f"{HOME}/",
        "Vendor": "Somebody",
        "Systems": {"@odata.id": f"{HOME}/Systems"},
    },
    f"{HOME}/Systems": {"@odata.id": f"{HOME}/Systems", "Members": [{"@odata.id": SYSTEM}]},
    SYSTEM: {
        "@odata.id": SYSTEM,
        "@odata.etag": 'W/"7"',
        "PowerState": "Off",
        "AssetTag": "",
        "Boot": {
            "BootSourceOverrideEnabled": "Disabled",
            "BootSourceOverrideTarget": "None",
            "BootOrder": ["Boot0001", "Boot0002"],
        },
        "Bios": {"@odata.id": f"{HOME}/systems/a/bios/"},
        "Actions": {"#ComputerSystem.Reset": {"target": f"{SYSTEM}/Actions/Reset"}},
    },
    f"{HOME}/systems/a/bios/": {
        "@odata.id": f"{HOME}/systems/a/bios/",
        "Attributes": {"Virt": "Disabled", "Sriov": "Enabled"},
    },
    f"{HOME}/systems/a/bios/settings/": {"Attributes": {"Virt": "Disabled"}},
    SLOT: {
        "@odata.id": SLOT,
        "Image": "",
        "Inserted": False,
        "Actions": {
            "#VirtualMedia.InsertMedia": {"target": f"{SLOT}/Actions/Insert"},
            "#VirtualMedia.EjectMedia": {"target": f"{SLOT}/Actions/Eject"},
        },
    },
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A recorded tree."""
    path = tmp_path / "tree.json"
    path.write_text(json.dumps(TREE), encoding="utf-8")
    return path


@pytest.fixture
async def bmc(file: Path) -> AsyncIterator[Client]:
    """A BMC that serves it."""
    specs = personalities.specs([], [file])
    async with running(specs, scale=0) as rack, client(rack.servers[0]) as one:
        yield one


async def test_it_reads_as_recorded(bmc: Client) -> None:
    """Bodies, ETags among them, at URIs whose case and last slash do not count."""
    assert await bmc.get(SYSTEM) == TREE[SYSTEM]
    assert (await bmc.ask("GET", SYSTEM)).headers["ETag"] == 'W/"7"'
    for uri in (f"{HOME}/Systems/A/Bios", f"{HOME}/systems/a/bios/"):
        assert (await bmc.get(uri))["Attributes"]["Sriov"] == "Enabled"
    assert (await bmc.ask("GET", f"{HOME}/Nothing")).status == 404
    root = await bmc.ask("GET", f"{HOME}/", anonymous=True)
    assert root.body["Vendor"] == "Somebody"
    assert (await bmc.ask("GET", SYSTEM, anonymous=True)).status == 401


async def test_one_logs_in_and_out(bmc: Client) -> None:
    """Sessions are the simulator's own."""
    root = await bmc.get(f"{HOME}/")
    sessions = root["Links"]["Sessions"]["@odata.id"]
    login = {"UserName": bmc.server.user, "Password": bmc.server.password.reveal()}
    answer = await bmc.ask("POST", sessions, login, anonymous=True)
    token = {"X-Auth-Token": answer.headers["X-Auth-Token"]}
    assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 200
    uri = answer.headers["Location"]
    assert (await bmc.ask("DELETE", uri, headers=token, anonymous=True)).status == 204
    assert (await bmc.ask("GET", SYSTEM, headers=token, anonymous=True)).status == 401


async def test_writes_merge_and_change_the_tag(bmc: Client) -> None:
    """What is sent changes, the rest stays; an old tag is stale; the unknown is refused."""
    change = {"Boot": {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": "Pxe"}}
    headers = {"If-Match": 'W/"7"'}
    assert (await bmc.ask("PATCH", SYSTEM, change, headers=headers)).status == 200
    system = await bmc.get(SYSTEM)
    assert system["Boot"]["BootSourceOverrideTarget"] == "Pxe"
    assert system["Boot"]["BootOrder"] == ["Boot0001", "Boot0002"]
    assert system["@odata.etag"] != 'W/"7"'
    assert (await bmc.ask("PATCH", SYSTEM, change, headers=headers)).status == 412
    assert (await bmc.ask("PATCH", SYSTEM, {"Colour": "red"})).status == 400


async def test_a_reset_applies_what_waits(bmc: Client) -> None:
    """Power, BIOS settings and an override that is for once."""
    settings = f"{HOME}/systems/a/bios/settings"
    await bmc.patch(settings, {"Attributes": {"Virt": "Enabled"}})
    await bmc.patch(SYSTEM, {"Boot": {"BootSourceOverrideEnabled": "Once"}})
    assert (await bmc.get(f"{HOME}/systems/a/bios"))["Attributes"]["Virt"] == "Disabled"
    action = f"{SYSTEM}/Actions/Reset"
    assert (await bmc.ask("POST", action, {})).status == 400
    assert (await bmc.ask("POST", action, {"ResetType": "On"})).status == 204
    system = await bmc.get(SYSTEM)
    assert system["PowerState"] == "On"
    assert system["Boot"]["BootSourceOverrideEnabled"] == "Disabled"
    assert (await bmc.get(f"{HOME}/systems/a/bios"))["Attributes"] == {
        "Virt": "Enabled",
        "Sriov": "Enabled",
    }
    assert (await bmc.ask("POST", action, {"ResetType": "PushPowerButton"})).status == 204
    assert (await bmc.get(SYSTEM))["PowerState"] == "Off"


async def test_media_by_action(bmc: Client) -> None:
    """In and out."""
    image = {"Image": "http://192.0.2.1/x.iso"}
    assert (await bmc.ask("POST", f"{SLOT}/Actions/Insert", image)).status == 204
    assert (await bmc.get(SLOT))["Inserted"] is True
    assert (await bmc.ask("POST", f"{SLOT}/Actions/Eject", {})).status == 204
    assert (await bmc.get(SLOT))["Image"] is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"/redfish/v1/Systems": {}}', '{"a": 1'])
def test_what_is_no_tree(tmp_path: Path, text: str) -> None:
    """An error that says so, before anything is started."""
    path = tmp_path / "tree.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="recorded tree"):
        recorded.read(path)
    with pytest.raises(ConfigError):
        recorded.read(tmp_path / "none.json")
