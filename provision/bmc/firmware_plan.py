"""Planning a firmware update from what the BMC's own update service advertises."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from provision.bmc import address as addresses
from provision.bmc import firmware
from provision.bmc.errors import BmcError, NotSupported
from provision.bmc.firmware import Component
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.upload import opened
from provision.bmc.values import at, integer, objects, text, words
from provision.core.errors import ConfigError, ImageError
from provision.core.text import binary, clean

_SIMPLE: Final = "#UpdateService.SimpleUpdate"
_TRANSFERS: Final = {"SMB": "CIFS"}
_SCHEMES: Final = ("http", "https", "ftp", "sftp", "tftp", "nfs", "cifs", "smb", "scp")
_APPLY: Final = "@Redfish.OperationApplyTime"

How = Literal["simple", "multipart", "push"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An update that is wished for: an image the BMC fetches (``url``) or is sent (``file``).

    ``targets`` are components by id, name or path; ``version`` is what they are to say afterwards.
    """

    url: str = ""
    file: Path | None = None
    targets: tuple[str, ...] = ()
    apply_time: str = ""
    version: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What is going to be sent, and where; empty ``path``: it is so already, and nothing is."""

    how: How
    path: str
    body: JsonObject = field(default_factory=dict)
    size: int | None = None
    before: tuple[Component, ...] = ()
    targets: tuple[Component, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """Return the plan as ``--output json`` prints it."""
        return {
            "how": self.how,
            "path": self.path or None,
            "body": self.body,
            "bytes": self.size,
            "targets": [each.id for each in self.targets],
            "notes": list(self.notes),
        }


async def plan(bmc: Bmc, wanted: Wanted) -> Planned:
    """Plan the update, or say why this BMC cannot do it; nothing is sent."""
    doing = f"updating firmware at {bmc.name}"
    if wanted.url:
        _check(wanted.url, doing)
    about = await firmware.service(bmc)
    if about.get("ServiceEnabled") is False:
        raise NotSupported(f"{doing}: its update service is disabled")
    before = await firmware.components(bmc, about)
    targets = [_target(bmc, each, before, doing) for each in wanted.targets]
    planner = _Planner(bmc, about, wanted, targets, doing)
    how, path, body, notes = await (planner.fetched() if wanted.url else planner.pushed())
    if wanted.version and targets and all(each.version == wanted.version for each in targets):
        path, notes = "", [f"{', '.join(each.id for each in targets)} is at {wanted.version}"]
    return Planned(
        how=how,
        path=path,
        body=body,
        size=planner.size,
        before=tuple(before),
        targets=tuple(targets),
        notes=tuple(notes),
    )


def _check(url: str, doing: str) -> None:
    try:
        parts = urlsplit(url)
        fetchable = parts.scheme.lower() in _SCHEMES and bool(parts.hostname) and url.isprintable()
    except ValueError:
        fetchable = False
    if not fetchable:
        raise ConfigError(
            f"{doing}: {clean(url, 200)} is no address the BMC could fetch from",
            hint="Give a URL that the BMC reaches, or --file to send a file from here.",
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigError(
            f"{doing}: a user or password in the address ends up in logs",
            hint="Serve the image where the BMC needs no password, or send it with --file.",
        )


def _target(bmc: Bmc, name: str, there: list[Component], doing: str) -> Component:
    """Return the component called ``name``: by path or id, else by its name if it is the one.

    Some BMCs update what is no component, such as a manager: any path on the BMC will do.
    """
    for spelt in (lambda each: (each.path, each.id), lambda each: (each.name,)):
        found = [each for each in there if name.lower() in (word.lower() for word in spelt(each))]
        if len(found) == 1:
            return found[0]
    if name.startswith("/redfish/"):
        path = addresses.resource(name, bmc.address.authority)
        return Component(path=path, id=path, name=path)
    near = difflib.get_close_matches(name, [each.id for each in there], n=3, cutoff=0.3)
    hint = f"Near are: {', '.join(near)}." if near else "Look at: provision firmware list BMC"
    why = "several are called so" if found else "no such component"
    raise ConfigError(f"{doing}: {clean(name, 80)}: {why}", hint=hint)


class _Planner:
    """One plan in the making."""

    def __init__(
        self,
        bmc: Bmc,
        about: JsonObject,
        wanted: Wanted,
        targets: list[Component],
        doing: str,
    ) -> None:
        self._bmc = bmc
        self._about = about
        self._wanted = wanted
        self._targets = [each.path for each in targets]
        self._doing = doing
        self.size: int | None = None

    async def fetched(self) -> tuple[How, str, JsonObject, list[str]]:
        """Plan a SimpleUpdate: the BMC fetches the image itself."""
        action = at(self._about, "Actions", _SIMPLE)
        path = at(action, "target")
        if not isinstance(path, str):
            raise NotSupported(
                f"{self._doing}: the BMC fetches no images by URL (no SimpleUpdate)",
                hint="Send the file from here: --file PATH.",
            )
        url = self._wanted.url
        body: JsonObject = {"ImageURI": url}
        if protocols := await self._allowed(action, "TransferProtocol"):
            scheme = urlsplit(url).scheme.upper()
            protocol = next(
                (each for each in (scheme, _TRANSFERS.get(scheme)) if each in protocols), None
            )
            if protocol is None:
                raise NotSupported(
                    f"{self._doing}: the BMC fetches images by {', '.join(protocols)}, and not by "
                    f"{scheme}",
                    hint="Serve the image by one of these, or send it with --file.",
                )
            body["TransferProtocol"] = protocol
        if self._targets:
            allowed = await self._allowed(action, "Targets")
            self._must_allow(self._targets, allowed, "target")
            body["Targets"] = self._targets
        body |= self._apply_time(at(action, "@Redfish.OperationApplyTimeSupport"))
        return "simple", path, body, []

    async def _allowed(self, action: object, name: str) -> list[str]:
        """Return what a parameter may be, from the action or from its ActionInfo."""
        if found := words(action, f"{name}@Redfish.AllowableValues"):
            return found
        info = at(action, "@Redfish.ActionInfo")
        if not isinstance(info, str):
            return []
        try:
            about = await self._bmc.get(info)
        except BmcError:
            return []
        parameters = objects(about, "Parameters")
        return next(
            (words(each, "AllowableValues") for each in parameters if each.get("Name") == name), []
        )

    def _must_allow(self, values: list[str], allowed: list[str], what: str) -> None:
        for value in values if allowed else []:
            if value not in allowed:
                raise NotSupported(
                    f"{self._doing}: {clean(value, 120)} is no {what} the BMC takes",
                    hint=f"It takes: {clean(', '.join(allowed), 300)}",
                )

    def _apply_time(self, support: object) -> JsonObject:
        wish = self._wanted.apply_time
        if not wish:
            return {}
        allowed = words(support, "SupportedValues")
        if not allowed:
            raise NotSupported(
                f"{self._doing}: the BMC does not let us choose when an update takes effect",
                hint="Leave --apply-time out.",
            )
        self._must_allow([wish], allowed, "apply time")
        return {_APPLY: wish}

    async def pushed(self) -> tuple[How, str, JsonObject, list[str]]:
        """Plan an upload, as a form where the BMC takes one."""
        file = self._wanted.file
        if file is None:
            raise ConfigError(f"{self._doing}: neither a URL nor a file is given")
        self.size = self._fitting(file)
        path = self._about.get("MultipartHttpPushUri")
        if isinstance(path, str) and path:
            support = self._about.get("MultipartHttpPushUri@Redfish.OperationApplyTimeSupport")
            body: JsonObject = {"Targets": self._targets} if self._targets else {}
            return "multipart", path, body | self._apply_time(support), []
        path = self._about.get("HttpPushUri")
        if not (isinstance(path, str) and path):
            raise NotSupported(
                f"{self._doing}: the BMC takes no files over Redfish",
                hint="Serve the image from a web server and give its URL with --image.",
            )
        return "push", path, {}, list(self._unsaid())

    def _unsaid(self) -> Iterator[str]:
        """Refuse what a bare upload cannot say; yield what is to be known of it."""
        if self._targets:
            raise NotSupported(
                f"{self._doing}: the BMC takes a bare file only, which names no target",
                hint="Leave --target out; the BMC chooses by the image.",
            )
        options = self._about.get("HttpPushUriOptions")
        when = text(options, "HttpPushUriApplyTime", "ApplyTime")
        if self._wanted.apply_time and self._wanted.apply_time != when:
            raise NotSupported(
                f"{self._doing}: the BMC applies what is pushed {when or 'when it chooses'}",
                hint="Leave --apply-time out, or change it in the BMC's update service.",
            )
        if when:
            yield f"the BMC applies what is pushed: {when}"

    def _fitting(self, file: Path) -> int:
        with opened(file) as image:
            most = integer(self._about, "MaxImageSizeBytes")
            if most and image.size > most:
                raise ImageError(
                    f"{self._doing}: {clean(file.name, 80)} has {binary(image.size)}, and the BMC "
                    f"takes {binary(most)} at most",
                    hint="Check that it is the right file for this BMC.",
                )
            return image.size
