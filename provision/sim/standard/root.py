"""The service root, the OData documents and the task service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from provision.sim.bmc import Bmc
from provision.sim.messages import Json
from provision.sim.standard import uris
from provision.sim.tree import OK, Resource, Tree, collection, link, resource

_SERVICES: Final = {
    "Systems": uris.SYSTEMS,
    "Chassis": uris.CHASSES,
    "Managers": uris.MANAGERS,
    "SessionService": uris.SESSION_SERVICE,
    "AccountService": uris.ACCOUNT_SERVICE,
    "Registries": uris.REGISTRIES,
    "UpdateService": uris.UPDATE_SERVICE,
}
_NAMESPACE: Final = "http://docs.oasis-open.org/odata/ns/edm"


def plant(bmc: Bmc) -> None:
    """Plant what every Redfish service begins with."""
    tree = bmc.tree
    tree["/redfish"] = Resource(body=lambda: {"v1": f"{uris.ROOT}/"}, public=True)
    tree[uris.ROOT] = Resource(body=lambda: _root(bmc), public=True)
    tree[f"{uris.ROOT}/odata"] = Resource(body=_odata, public=True)
    tree[f"{uris.ROOT}/$metadata"] = Resource(text=lambda: metadata(tree), public=True)
    tree[uris.TASK_SERVICE] = Resource(body=_tasks)
    tree[f"{uris.TASK_SERVICE}/Tasks"] = Resource(
        body=lambda: collection(f"{uris.TASK_SERVICE}/Tasks", "Task", "Tasks", [])
    )


def _root(bmc: Bmc) -> Json:
    return resource(
        f"{uris.ROOT}/",
        "ServiceRoot.v1_16_1",
        "Root Service",
        Id="RootService",
        RedfishVersion="1.18.0",
        UUID=bmc.spec.uuid,
        Vendor="bareiron",
        Product="bareiron simulator",
        ServiceIdentification=bmc.spec.name,
        ProtocolFeaturesSupported={
            "ExcerptQuery": False,
            "FilterQuery": False,
            "SelectQuery": False,
            "OnlyMemberQuery": False,
            "MultipleHTTPRequests": True,
            "ExpandQuery": {
                "ExpandAll": True,
                "Levels": True,
                "MaxLevels": 1,
                "Links": True,
                "NoLinks": True,
            },
        },
        Links={"Sessions": link(uris.SESSIONS)},
        Tasks=link(uris.TASK_SERVICE),
        **{name: link(uri) for name, uri in _SERVICES.items()},
    )


def _odata() -> Json:
    entries: list[Json] = [{"name": "Service", "kind": "Singleton", "url": f"{uris.ROOT}/"}]
    entries += [{"name": name, "kind": "Singleton", "url": uri} for name, uri in _SERVICES.items()]
    return {"@odata.context": f"{uris.ROOT}/$metadata", "value": list(entries)}


def metadata(tree: Tree) -> str:
    """Return the metadata document: a reference to every schema the tree uses."""
    kinds = set()
    for found in tree.values():
        kind = found.body().get("@odata.type") if found.body else None
        if isinstance(kind, str):
            kinds.add(kind.removeprefix("#").rsplit(".", 1)[0])
    kinds |= {"Message.v1_2_1", "Settings.v1_3_5"}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">',
        *_references(kinds),
        " <edmx:DataServices>",
        f'  <Schema xmlns="{_NAMESPACE}" Namespace="Service">',
        '   <EntityContainer Name="Service" Extends="ServiceRoot.v1_16_1.ServiceContainer"/>',
        "  </Schema>",
        " </edmx:DataServices>",
        "</edmx:Edmx>",
    ]
    return "\n".join(lines) + "\n"


def _references(kinds: set[str]) -> list[str]:
    lines = []
    for schema in sorted({kind.split(".")[0] for kind in kinds}):
        versions = sorted(kind for kind in kinds if kind.startswith(f"{schema}.v"))
        url = f"http://redfish.dmtf.org/schemas/v1/{schema}_v1.xml"
        lines.append(f' <edmx:Reference Uri="{url}">')
        lines += [f'  <edmx:Include Namespace="{name}"/>' for name in (schema, *versions)]
        lines.append(" </edmx:Reference>")
    url = "http://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml"
    lines.append(f' <edmx:Reference Uri="{url}">')
    lines.append('  <edmx:Include Namespace="RedfishExtensions.v1_0_0" Alias="Redfish"/>')
    lines.append(" </edmx:Reference>")
    return lines


def _tasks() -> Json:
    return resource(
        uris.TASK_SERVICE,
        "TaskService.v1_2_1",
        "Task Service",
        ServiceEnabled=True,
        DateTime=now(),
        Status=OK,
        Tasks=link(f"{uris.TASK_SERVICE}/Tasks"),
    )


def now() -> str:
    """Return the time as Redfish writes it."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Return ``moment`` as Redfish writes it, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
