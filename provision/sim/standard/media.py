"""Virtual media, reachable from the manager and from the system: the same slots twice."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.media import MediaError, Slot
from provision.sim.messages import Json, Problem, Reply
from provision.sim.standard import uris
from provision.sim.tree import Resource, collection, resource

_INSERT, _EJECT = "VirtualMedia.InsertMedia", "VirtualMedia.EjectMedia"
_PARAMETERS = (
    "Image",
    "Inserted",
    "WriteProtected",
    "TransferMethod",
    "TransferProtocolType",
    "MediaType",
    "UserName",
    "Password",
)


def plant(bmc: Bmc) -> None:
    """Plant the slots below the manager and below the system."""
    for owner in (uris.MANAGER, uris.SYSTEM):
        uri = f"{owner}/VirtualMedia"
        members = [f"{uri}/{slot.name}" for slot in bmc.machine.slots]
        bmc.tree[uri] = Resource(
            body=partial(collection, uri, "VirtualMedia", "Virtual Media", members)
        )
        for slot in bmc.machine.slots:
            _plant_slot(bmc, f"{uri}/{slot.name}", slot)


def _plant_slot(bmc: Bmc, uri: str, slot: Slot) -> None:
    bmc.tree[uri] = Resource(body=lambda: _slot(uri, slot))
    bmc.tree[f"{uri}/Actions/{_INSERT}"] = Resource(post=lambda body: _insert(slot, body))
    bmc.tree[f"{uri}/Actions/{_EJECT}"] = Resource(post=lambda body: _eject(slot, body))


def _slot(uri: str, slot: Slot) -> Json:
    image = slot.image
    return resource(
        uri,
        "VirtualMedia.v1_6_3",
        f"Virtual Media {slot.name}",
        MediaTypes=list(slot.types),
        Image=image,
        ImageName=urlsplit(image).path.rsplit("/", 1)[-1] if image else None,
        Inserted=slot.inserted,
        ConnectedVia="URI" if image else "NotConnected",
        TransferMethod="Stream" if image else None,
        TransferProtocolType=urlsplit(image).scheme.upper() if image else None,
        WriteProtected=slot.write_protected,
        VerifyCertificate=False,
        Status=dict(State="Enabled", Health="OK"),
        Actions={
            f"#{_INSERT}": {"target": f"{uri}/Actions/{_INSERT}"},
            f"#{_EJECT}": {"target": f"{uri}/Actions/{_EJECT}"},
        },
    )


async def _insert(slot: Slot, body: Json) -> Reply:
    checks.parameters(_INSERT, body, _PARAMETERS)
    image = checks.parameter(_INSERT, body, "Image")
    if not _is_web_address(image):
        raise Problem("ActionParameterValueFormatError", image, "Image", _INSERT)
    if body.get("TransferMethod", "Stream") != "Stream":
        raise Problem("ActionParameterNotSupported", "TransferMethod", _INSERT)
    if body.get("Inserted", True) is not True:
        raise Problem("ActionParameterNotSupported", "Inserted", _INSERT)
    if slot.inserted:
        raise Problem("ResourceInUse")
    protected = checks.boolean(body, "WriteProtected", True)
    try:
        await slot.insert(image, write_protected=protected)
    except MediaError as error:
        raise Problem("CouldNotEstablishConnection", image) from error
    return Reply(status=204)


def _is_web_address(url: str) -> bool:
    """Whether the image lies on a web server: a path on the simulator's own machine does not."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


async def _eject(slot: Slot, body: Json) -> Reply:
    checks.parameters(_EJECT, body, [])
    slot.eject()
    return Reply(status=204)
