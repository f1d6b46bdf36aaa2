"""One intent, at most one request that changes something: every verb, whatever goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from provision.bmc import (
    bios,
    bios_reset,
    boot,
    boot_order,
    boot_writing,
    intents,
    system,
    virtual_media,
)
from provision.bmc.client import Bmc
from provision.core.errors import ProvisionError
from provision.sim import faults
from provision.sim.faults import Fault
from provision.sim.rack import SimServer
from provision.sim.spec import ServerSpec

pytestmark = pytest.mark.campaign

OFF = ServerSpec(name="u01", virtualization=False)
RUNNING = ServerSpec(name="u01", powered_on=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow at once, and are few."""
    for module in (boot_writing, virtual_media, bios, bios_reset):
        monkeypatch.setattr(module, "_BETWEEN_LOOKS", 0.01)
        monkeypatch.setattr(module, "_LOOKS", 3)


@pytest.fixture
async def image() -> AsyncIterator[str]:
    """The address of an image on a web server."""

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=bytes(4096))

    app = web.Application()
    app.router.add_get("/a/{name}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/a/xen.iso"
    await runner.cleanup()


@dataclass(frozen=True, kw_only=True)
class Verb:
    """A verb: how to ask for it, and where its one request goes."""

    method: str
    path: str
    ask: Callable[[Bmc, str], Awaitable[Any]]
    prepare: Callable[[Bmc, str], Awaitable[Any]] | None = None
    spec: ServerSpec = OFF


VERBS = {
    "power-on": Verb(
        method="POST", path="Reset", ask=lambda bmc, _: system.set_power(bmc, "on", 0.3)
    ),
    "power-off": Verb(
        method="POST",
        path="Reset",
        ask=lambda bmc, _: system.set_power(bmc, "force-off", 0.3),
        spec=RUNNING,
    ),
    "power-cycle": Verb(
        method="POST",
        path="Reset",
        ask=lambda bmc, _: system.set_power(bmc, "cycle", 0.3),
        spec=RUNNING,
    ),
    "boot-once": Verb(
        method="PATCH",
        path="Systems/1",
        ask=lambda bmc, _: boot.set_boot(bmc, "usb", once=True, mode="uefi"),
    ),
    "boot-clear": Verb(
        method="PATCH",
        path="Systems/1",
        ask=lambda bmc, _: boot.clear_boot(bmc),
        prepare=lambda bmc, _: boot.set_boot(bmc, "usb", once=True, mode="uefi"),
    ),
    "boot-order": Verb(
        method="PATCH",
        path="Systems/1",
        ask=lambda bmc, _: boot_order.set_order(bmc, ["pxe"]),
    ),
    "media-insert": Verb(method="POST", path="InsertMedia", ask=virtual_media.insert),
    "media-eject": Verb(
        method="POST",
        path="EjectMedia",
        ask=lambda bmc, _: virtual_media.eject(bmc),
        prepare=virtual_media.insert,
    ),
    "bios-set": Verb(
        method="PATCH",
        path="Bios/Settings",
        ask=lambda bmc, _: bios.stage(bmc, {"virtualization": "enabled"}),
    ),
    "bios-reset": Verb(
        method="POST", path="ResetBios", ask=lambda bmc, _: bios_reset.reset_bios(bmc)
    ),
}
FAULTS: dict[str, Callable[[Verb], Fault]] = {
    "drop": lambda verb: faults.drop(verb.path, method=verb.method),
    "busy": lambda verb: faults.busy(verb.path, method=verb.method, retry_after=0),
    "conflict": lambda verb: faults.conflict(verb.path, method=verb.method),
    "lie": lambda verb: faults.lie(verb.path, method=verb.method, times=1),
}


@pytest.mark.parametrize(
    ("server", "verb"),
    [pytest.param(verb.spec, verb, id=name) for name, verb in VERBS.items()],
    indirect=["server"],
)
@pytest.mark.parametrize("fault", sorted(FAULTS))
async def test_one_request_for_one_intent(
    server: SimServer, client: Bmc, image: str, verb: Verb, fault: str
) -> None:
    """Dropped, refused, lied to: the journal holds one such request, and the verb tells the truth.

    What was done is found out by looking; what was not is an error of ours, never a guess.
    """
    if verb.prepare:
        await verb.prepare(client, image)
    before = server.count(verb.method, verb.path)
    server.faults.add(FAULTS[fault](verb))
    error: ProvisionError | None = None
    try:
        await verb.ask(client, image)
    except ProvisionError as caught:
        error = caught
    assert server.count(verb.method, verb.path) == before + 1
    if fault == "drop":
        assert error is None
    elif fault in ("busy", "conflict"):
        assert error is not None
        assert error.hint


#: These show nothing by which to tell, and are wanted each time anew.
SILENT = {"power-cycle", "bios-reset"}


@pytest.mark.parametrize("name", sorted(set(VERBS) - SILENT))
@pytest.mark.parametrize("server", [OFF], indirect=True)
async def test_lied_to_then_done_then_so_already(
    server: SimServer, client: Bmc, image: str, name: str
) -> None:
    """Success without effect is no success; asked again it is done; a third time it is so."""
    verb = VERBS[name]
    if verb.spec is RUNNING:
        await system.set_power(client, "on", 5)
    if verb.prepare:
        await verb.prepare(client, image)
    before = server.count(verb.method, verb.path)
    server.faults.add(faults.lie(verb.path, method=verb.method, times=1))
    with pytest.raises(ProvisionError):
        await verb.ask(client, image)
    for _ in range(2):
        await verb.ask(client, image)
    assert server.count(verb.method, verb.path) == before + 2


async def test_dry_runs(server: SimServer, client: Bmc, image: str) -> None:
    """Each verb tells its request, and the BMC receives nothing but reads and the login."""
    inserted = await virtual_media.insert(client, image, dry_run=True)
    assert inserted.requests[0].body == {"Image": image}
    reset = await bios_reset.reset_bios(client, dry_run=True)
    assert reset.requests[0].uri.endswith("Bios.ResetBios")
    power = await system.set_power(client, "on", 5, dry_run=True)
    assert power.requests[0].body == {"ResetType": "On"}
    assert (power.sent, power.after) == ("", "Off")
    planned = await bios.plan(client, {"virtualization": "disabled"})
    assert planned.request.body["Attributes"] == {"ProcVirtualization": "Disabled"}
    changes = [each for each in server.requests if each.method not in ("GET", "HEAD")]
    assert [each.path for each in changes] == ["/redfish/v1/SessionService/Sessions"]


def test_a_request_is_told_without_passwords() -> None:
    """What is shown of a request holds no password, however deep."""
    request = intents.Request(
        method="POST", uri="/x", body={"Image": "http://h/i", "User": [{"Password": "s3cret"}]}
    )
    assert request.as_dict()["body"] == {"Image": "http://h/i", "User": [{"Password": "***"}]}
    assert "s3cret" not in repr(request)
