"""Resets as a personality has them: which there are, where they are listed, when they fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from provision.sim import checks
from provision.sim.bmc import Bmc
from provision.sim.machine import Power, Progress, Reset, WrongState
from provision.sim.messages import Json, Problem, Reply
from provision.sim.personalities.model import Power as Ways
from provision.sim.personalities.refusals import Refused
from provision.sim.standard import uris
from provision.sim.tree import Resource, resource

_RESET: Final = "ComputerSystem.Reset"
_URI: Final = f"{uris.SYSTEM}/Actions/{_RESET}"
_INFO: Final = f"{uris.SYSTEM}/ResetActionInfo"
_CONFLICT: Final = "Base.1.19.ActionParameterValueConflict"


def plant(bmc: Bmc, ways: Ways) -> None:
    """Put the personality's reset in place of the standard's."""
    standard = bmc.tree[uris.SYSTEM]
    show = standard.body
    if show is None:
        raise ValueError("the standard system can be read")

    def system() -> Json:
        action: Json = {"target": _URI}
        if ways.offered == "list":
            action |= checks.allowable(ways.resets, "ResetType")
        else:
            action["@Redfish.ActionInfo"] = _INFO
        return show() | {"Actions": {f"#{_RESET}": action}}

    async def reset(body: Json) -> Reply:
        return _reset(bmc, ways, body)

    bmc.tree[uris.SYSTEM] = replace(standard, body=system)
    bmc.tree[_URI] = Resource(post=reset)
    if ways.offered == "action-info":
        bmc.tree[_INFO] = Resource(body=lambda: _info(ways))


def _info(ways: Ways) -> Json:
    parameter = {
        "Name": "ResetType",
        "Required": True,
        "DataType": "String",
        "AllowableValues": list(ways.resets),
    }
    return resource(_INFO, "ActionInfo.v1_4_2", "Reset Action Info", Parameters=[parameter])


def _reset(bmc: Bmc, ways: Ways, body: Json) -> Reply:
    checks.parameters(_RESET, body, ["ResetType"])
    word = checks.parameter(_RESET, body, "ResetType", ways.resets)
    machine = bmc.machine
    off = machine.power is Power.OFF
    what = ways.resets[word]
    if what == "Button":
        what = str(Reset.ON if off else Reset.GRACEFUL_SHUTDOWN)
    if what == "Nothing":
        return Reply(status=204)
    kind = Reset(what)
    if ways.already and kind is (Reset.FORCE_OFF if off else Reset.ON):
        raise Refused(ways.already, _CONFLICT, f"The server is already in the state of {word}.")
    if kind is Reset.ON and _off_since(bmc) < ways.settle * machine.timing.second:
        raise Refused(409, _CONFLICT, "The server was switched off a moment ago.")
    try:
        machine.reset(kind)
    except WrongState as error:
        raise Problem("ActionParameterValueConflict", "ResetType", word) from error
    return Reply(status=204)


def _off_since(bmc: Bmc) -> float:
    """Return for how many seconds the machine has been off; it counts as long before its first."""
    machine = bmc.machine
    if machine.progress is not Progress.NONE or machine.progress_at is None:
        return float("inf")
    return (datetime.now(UTC) - machine.progress_at).total_seconds()
