"""Registries: DMTF's messages, which are referred to, and the BIOS attributes, which are served."""

from __future__ import annotations

from provision.sim.bmc import Bmc
from provision.sim.messages import REGISTRY, Json
from provision.sim.standard import bios, uris
from provision.sim.tree import Resource, collection, resource

_BASE = f"{uris.REGISTRIES}/Base"
_BIOS = f"{uris.REGISTRIES}/{uris.BIOS_REGISTRY}"
_BIOS_FILE = f"{_BIOS}/en.json"


def plant(bmc: Bmc) -> None:
    """Plant the registry files."""
    bmc.tree[uris.REGISTRIES] = Resource(
        body=lambda: collection(
            uris.REGISTRIES, "MessageRegistryFile", "Registries", [_BASE, _BIOS]
        )
    )
    published = f"https://redfish.dmtf.org/registries/{REGISTRY}.0.json"
    bmc.tree[_BASE] = Resource(
        body=lambda: _file(_BASE, "Base Message Registry", REGISTRY, {"PublicationUri": published})
    )
    bmc.tree[_BIOS] = Resource(
        body=lambda: _file(
            _BIOS, "BIOS Attribute Registry", uris.BIOS_REGISTRY, {"Uri": _BIOS_FILE}
        )
    )
    bmc.tree[_BIOS_FILE] = Resource(body=lambda: bios.registry(bmc, _BIOS_FILE))


def _file(uri: str, name: str, registry: str, location: Json) -> Json:
    return resource(
        uri,
        "MessageRegistryFile.v1_1_4",
        name,
        Languages=["en"],
        Registry=registry,
        Location=[{"Language": "en", **location}],
    )
