"""Words for power, and the resets of a BMC that do them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from provision.bmc.errors import UNTOLD, NotSupported
from provision.bmc.replies import JsonObject
from provision.bmc.service import Bmc
from provision.bmc.values import at, objects, text, words

_RESET: Final = "#ComputerSystem.Reset"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a power word means: the ResetType values that do it, best first, and how it ends.

    ``parts`` are the words that do it one after the other where none of ``types`` is on offer.
    """

    types: tuple[str, ...]
    ends: str
    restarts: bool = False
    graceful: bool = False
    parts: tuple[str, ...] = ()


WISHES: Final = {
    "on": Wish(types=("On", "ForceOn"), ends="On"),
    # Off is from before the standard; beside ForceOff it is the graceful one.
    "off": Wish(types=("GracefulShutdown", "Off"), ends="Off", graceful=True),
    "force-off": Wish(types=("ForceOff",), ends="Off"),
    "restart": Wish(types=("GracefulRestart",), ends="On", restarts=True, graceful=True),
    "reset": Wish(types=("ForceRestart", "PowerCycle"), ends="On", restarts=True),
    "force-restart": Wish(types=("ForceRestart", "PowerCycle"), ends="On", restarts=True),
    "cycle": Wish(types=("PowerCycle",), ends="On", restarts=True, parts=("force-off", "on")),
}


def state(system: JsonObject) -> str:
    """Return ``On``, ``Off``, ``PoweringOn`` …, or ``Unknown`` where the BMC does not say."""
    return text(system, "PowerState") or "Unknown"


def target(system: JsonObject, doing: str) -> str:
    """Return where resets are asked for; ``NotSupported`` where there is no such place."""
    found = at(system, "Actions", _RESET, "target")
    if not isinstance(found, str):
        raise NotSupported(f"{doing}: the BMC offers no reset action")
    return found


async def offered(bmc: Bmc, system: JsonObject) -> list[str]:
    """Return the ResetType values on offer, as the action or its ActionInfo lists them.

    Nothing where neither does: then all may be, and the BMC's own answer decides.
    """
    action = at(system, "Actions", _RESET)
    listed = words(action, "ResetType@Redfish.AllowableValues")
    info = at(action, "@Redfish.ActionInfo")
    if listed or not isinstance(info, str):
        return listed
    try:
        parameters = objects(await bmc.get(info), "Parameters")
    except UNTOLD:
        return []
    found = (words(each, "AllowableValues") for each in parameters if each.get("Name") == _NAME)
    return next(found, [])


_NAME: Final = "ResetType"


def choose(bmc: Bmc, wish: Wish, allowed: Sequence[str], doing: str) -> str:
    """Return the ResetType for a wish; nothing where its parts have to do it."""
    if wish is WISHES["restart"] and bmc.platform.quirks.restart_is_hard:
        raise NotSupported(
            f"{doing}: this BMC's graceful restart does not ask the operating system",
            hint="Use off, then on; or reset, if the loss of what runs there is acceptable.",
        )
    fitting = [kind for kind in wish.types if kind in allowed or not allowed]
    if fitting:
        return fitting[0]
    if wish.parts:
        return ""
    raise NotSupported(
        f"{doing}: the BMC can only {', '.join(allowed)}",
        hint="Use the forced form of the word, if the loss of what runs there is acceptable.",
    )
