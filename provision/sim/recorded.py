"""A recorded tree as a simulated BMC: reads answer as recorded, writes change what was recorded.

The file is a JSON object of URI -> body. A PATCH merges into the body (of a settings resource, too:
it comes in force at the next reset), a reset changes PowerState, InsertMedia and EjectMedia fill
and empty the slot. URIs match whatever their case and with or without a slash at the end. Accounts
and sessions are the simulator's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from provision.core.errors import ConfigError
from provision.sim.bmc import Bmc
from provision.sim.manners import Manners
from provision.sim.messages import Json, Problem, Reply
from provision.sim.standard import sessions, uris
from provision.sim.tree import Resource, Tree, etag

_OFF: Final = ("ForceOff", "GracefulShutdown", "Off")
#: What is staged in a settings resource.
_STAGED: Final = ("Attributes", "Boot")
#: Where settings wait, when no link says so.
_SETTINGS: Final = ("settings", "sd", "pending")


class _LooseTree(Tree):
    """Finds a resource whatever the case of its URI."""

    def __init__(self) -> None:
        super().__init__()
        self._spelt: dict[str, str] = {}

    def __setitem__(self, uri: str, found: Resource) -> None:
        """Plant a resource."""
        super().__setitem__(uri, found)
        self._spelt[_bare(uri)] = uri

    def get(self, uri: str, default: Any = None) -> Any:
        """Return the resource at ``uri``."""
        return super().get(self._spelt.get(_bare(uri), uri), default)


class _RecordedManners(Manners):
    """Tags resources as they were when they were recorded, and not at all where they were not."""

    def tag(self, body: Json, headers: Mapping[str, str]) -> str:
        """Return the recorded ETag, or one of our own: headers were not recorded."""
        return str(body.get("@odata.etag") or etag(body))

    def body_tag(self, body: Json) -> str:
        """Return the recorded ETag."""
        return str(body.get("@odata.etag", ""))

    def match(self, body: Json, wanted: str) -> None:
        """Refuse a change to something else."""
        if wanted not in ("*", self.tag(body, {})):
            raise Problem("PreconditionFailed")


def plant(bmc: Bmc, file: Path) -> None:
    """Put the recorded tree in place of the standard's."""
    bodies = {uri.rstrip("/"): dict(body) for uri, body in read(file).items()}
    bmc.tree, bmc.manners = _LooseTree(), _RecordedManners()
    sessions.plant(bmc)
    root = bodies.pop(uris.ROOT, {})
    bmc.tree[uris.ROOT] = Resource(body=lambda: root, public=True)
    for uri, body in bodies.items():
        if _bare(uri) not in (_bare(uris.SESSIONS), _bare(uris.SESSION_SERVICE)):
            bmc.tree[uri] = Resource(body=partial(dict, body), patch=partial(_patch, body))
    recording = _Recording(bodies)
    for uri, body in bodies.items():
        for name, target in _actions(body):
            bmc.tree[target.rstrip("/")] = Resource(post=partial(recording.act, uri, name))
    bmc.tree[uris.ROOT] = Resource(body=partial(_with_sessions, root), public=True)


def read(file: Path) -> dict[str, Json]:
    """Read a recorded tree; ``ConfigError`` when it is none."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"reading the recorded tree {file}: {error}",
            hint="A JSON object of URI and body is wanted.",
        ) from error
    if not isinstance(tree, dict) or not any(_bare(uri) == uris.ROOT for uri in tree):
        raise ConfigError(
            f"reading the recorded tree {file}: it has no service root",
            hint="A JSON object of URI and body is wanted, with /redfish/v1 among them.",
        )
    return {uri: body for uri, body in tree.items() if isinstance(body, dict)}


def _bare(uri: str) -> str:
    return uri.rstrip("/").lower()


def _with_sessions(root: Json) -> Json:
    """Return the root with a link to where one logs in, should the recording lack it."""
    links = root.get("Links")
    known = links if isinstance(links, dict) else {}
    return root | {"Links": {"Sessions": {"@odata.id": uris.SESSIONS}} | known}


def _actions(body: Json) -> Iterator[tuple[str, str]]:
    actions = body.get("Actions")
    for name, action in actions.items() if isinstance(actions, dict) else ():
        target = action.get("target") if isinstance(action, dict) else None
        if name.startswith("#") and isinstance(target, str):
            yield name[1:], target


def _patch(body: Json, change: Json) -> None:
    """Merge a PATCH into a body; a property that is not there is refused."""
    wanted = {key: value for key, value in change.items() if "@" not in key}
    if not wanted:
        raise Problem("EmptyJSON")
    for key in wanted:
        if key not in body and key not in ("Attributes", "Boot", "Image", "Inserted"):
            raise Problem("PropertyUnknown", key, related=(f"#/{key}",))
    _merge(body, wanted)
    if "@odata.etag" in body:
        body["@odata.etag"] = etag(body)


def _merge(body: Json, change: Json) -> None:
    for key, value in change.items():
        inner = body.get(key)
        if isinstance(value, dict) and isinstance(inner, dict):
            body[key] = dict(inner)
            _merge(body[key], value)  # type: ignore[arg-type]
        else:
            body[key] = value


class _Recording:
    """The bodies, and what actions do to them."""

    def __init__(self, bodies: Mapping[str, Json]) -> None:
        self._bodies = bodies
        self._by_bare = {_bare(uri): body for uri, body in bodies.items()}

    async def act(self, uri: str, name: str, sent: Json) -> Reply:
        """Carry an action out on the resource at ``uri``; one we do not know changes nothing."""
        body = self._bodies[uri]
        if name == "ComputerSystem.Reset":
            self._reset(body, sent)
        elif name == "VirtualMedia.InsertMedia":
            image = sent.get("Image")
            if not isinstance(image, str):
                raise Problem("ActionParameterMissing", name, "Image")
            body |= {"Image": image, "Inserted": True, "ConnectedVia": "URI"}
        elif name == "VirtualMedia.EjectMedia":
            body |= {"Image": None, "Inserted": False, "ConnectedVia": "NotConnected"}
        return Reply(status=204)

    def _reset(self, system: Json, sent: Json) -> None:
        kind = sent.get("ResetType")
        if not isinstance(kind, str):
            raise Problem("ActionParameterMissing", "ComputerSystem.Reset", "ResetType")
        off = system.get("PowerState") == "Off"
        if kind == "PushPowerButton":
            kind = "On" if off else "GracefulShutdown"
        if kind in _OFF:
            system["PowerState"] = "Off"
        elif kind != "Nmi":
            system["PowerState"] = "On"
            self._boot(system)

    def _boot(self, system: Json) -> None:
        """Bring staged settings in force, and spend an override that is for once."""
        boot = system.get("Boot")
        if isinstance(boot, dict) and boot.get("BootSourceOverrideEnabled") == "Once":
            system["Boot"] = boot | {
                "BootSourceOverrideEnabled": "Disabled",
                "BootSourceOverrideTarget": "None",
            }
        for uri in (_link(system.get("Bios")), _link(system)):
            body = self._by_bare.get(uri)
            if not uri or body is None:
                continue
            for name in _SETTINGS:
                waiting = self._by_bare.get(f"{uri}/{name}", {})
                staged: Json = {
                    key: waiting[key] for key in ("Attributes", "Boot") if key in waiting
                }
                _merge(body, staged)


def _link(value: object) -> str:
    return _bare(str(value.get("@odata.id", ""))) if isinstance(value, dict) else ""
