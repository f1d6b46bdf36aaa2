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

INSERT, EJECT = "VirtualMedia.InsertMedia", "VirtualMedia.EjectMedia"
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
    bmc.tree[uri] = Resource(body=lambda: show(uri, slot))
    bmc.tree[f"{uri}/Actions/{INSERT}"] = Resource(post=lambda body: insert(slot, body))
    bmc.tree[f"{uri}/Actions/{EJECT}"] = Resource(post=lambda body: eject(slot, body))


def show(uri: str, slot: Slot) -> Json:
    """Return the body of a slot."""
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
            f"#{INSERT}": {"target": f"{uri}/Actions/{INSERT}"},
            f"#{EJECT}": {"target": f"{uri}/Actions/{EJECT}"},
        },
    )


async def insert(slot: Slot, body: Json) -> Reply:
    """Put an image into a slot, as InsertMedia is told to."""
    checks.parameters(INSERT, body, _PARAMETERS)
    image = checks.parameter(INSERT, body, "Image")
    if not _is_web_address(image):
        raise Problem("ActionParameterValueFormatError", image, "Image", INSERT)
    if body.get("TransferMethod", "Stream") != "Stream":
        raise Problem("ActionParameterNotSupported", "TransferMethod", INSERT)
    if body.get("Inserted", True) is not True:
        raise Problem("ActionParameterNotSupported", "Inserted", INSERT)
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


async def eject(slot: Slot, body: Json) -> Reply:
    """Empty a slot."""
    checks.parameters(EJECT, body, [])
    await slot.eject()
    return Reply(status=204)
