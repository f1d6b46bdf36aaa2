"""URIs in a BMC's own spelling: renamed segments, moved files, lower case, slashes at the end."""

from __future__ import annotations

from typing import Final

from provision.sim.messages import Json
from provision.sim.personalities.model import Spelling
from provision.sim.standard.uris import ROOT

_NOWHERE: Final = f"{ROOT}/-"


class Speller:
    """Turns the standard's URIs into a BMC's, and back."""

    def __init__(self, spelling: Spelling) -> None:
        self._names = {f"{ROOT}/{uri}": name for uri, name in spelling.names.items()}
        self._back = {
            (uri.rsplit("/", 1)[0], name): uri.rsplit("/", 1)[1]
            for uri, name in self._names.items()
        }
        self._moved = {f"{ROOT}/{uri}": path for uri, path in spelling.moved.items()}
        self._moved_back = {path: uri for uri, path in self._moved.items()}
        self._lower = tuple(f"{ROOT}/{uri}" for uri in spelling.lower)

    def outward(self, uri: str) -> str:
        """Return the BMC's spelling of a standard URI; its fragment stays."""
        path, mark, fragment = uri.partition("#")
        if path in self._moved:
            return self._moved[path] + mark + fragment
        shown, walked = "", ""
        for segment in path.split("/")[1:]:
            walked = f"{walked}/{segment}"
            shown = f"{shown}/{self._names.get(walked, segment)}"
        if self._is_lower(path):
            shown = shown.lower().rstrip("/") + "/"
        return shown + mark + fragment

    def inward(self, path: str) -> str:
        """Return the standard's spelling of a URI; one that leads nowhere for a wrong one."""
        bare = path.rstrip("/")
        if bare in self._moved_back:
            return self._moved_back[bare]
        for area in self._lower:
            if bare.lower().startswith(self.outward(area).rstrip("/")):
                return self._restored(area, bare)
        walked = ""
        for segment in bare.split("/")[1:]:
            original = self._back.get((walked, segment), segment)
            if original == segment and f"{walked}/{segment}" in self._names:
                return _NOWHERE  # the standard's name, which this BMC does not use
            walked = f"{walked}/{original}"
        return walked

    def _restored(self, area: str, bare: str) -> str:
        """Return what lies below ``area``, where case does not count."""
        rest = bare[len(self.outward(area).rstrip("/")) :]
        known = {
            "settings": "Settings",
            "actions": "Actions",
            "bios.resetbios": "Bios.ResetBios",
        }
        parts = [known.get(part.lower(), part) for part in rest.split("/")]
        return area + "/".join(parts)

    def _is_lower(self, path: str) -> bool:
        return any(path == area or path.startswith(f"{area}/") for area in self._lower)

    def respelt(self, value: object) -> object:
        """Return a JSON value with every URI in the BMC's spelling, and Ids that follow."""
        if isinstance(value, str):
            return self.outward(value) if value.startswith(f"{ROOT}/") else value
        if isinstance(value, list):
            return [self.respelt(item) for item in value]
        if not isinstance(value, dict):
            return value
        shown: Json = {key: self.respelt(inner) for key, inner in value.items()}
        uri, own = str(value.get("@odata.id", "")), value.get("Id")
        if own is not None and uri.rsplit("/", 1)[-1] == own and uri in self._names:
            shown["Id"] = self._names[uri]
        return shown
