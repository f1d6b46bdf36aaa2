"""Personalities: simulated BMCs that behave as those of a vendor do.

Each is a YAML file here (``model.py`` says what can be in one); the code beside it interprets them
around the standard personality. A file may extend another (``extends``) and then says only what is
different. Nothing but what is known of the real ones is in them; where nothing is known they
follow the standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from hwprofiles.documents import read_document
from hwprofiles.validation import validate
from provision.sim.bmc import Bmc
from provision.sim.personalities.dressing import dress_as
from provision.sim.personalities.model import Personality
from provision.sim.recorded import plant as plant_recorded
from provision.sim.spec import Cpu, ServerSpec, standard_mix

__all__ = ["Dressed", "Personality", "dress", "dressed", "load", "names", "recorded", "specs"]

STANDARD: Final = "standard"
#: Parts of a file that are JSON merge patches themselves.
_PATCHES: Final = ("bodies", "while_off", "adds")

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Dressed(ServerSpec):
    """A server whose BMC has a personality, or answers as a recorded tree does."""

    personality: Personality | None = None
    tree: Path | None = None
    licensed: bool = True


def names() -> list[str]:
    """Return the names of all personalities."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@cache
def load(name: str) -> Personality:
    """Return the personality called ``name``; ``KeyError`` when there is none."""
    if name not in names():
        raise KeyError(name)
    document = read_document(_FOLDER / f"{name}.yaml")
    document.data = _completed(document.data)
    return validate(document, Personality)


def _completed(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a file says, on top of what the one says that it extends."""
    own = dict(data)
    base = own.pop("extends", None)
    if base is None:
        return own
    return _over(_completed(read_document(_FOLDER / f"{base}.yaml").data), own)


def _over(base: dict[str, Any], own: dict[str, Any], *, patches: bool = False) -> dict[str, Any]:
    """Return ``base`` with ``own`` over it: objects are merged, null takes away, the rest replaces.

    In ``patches`` a null stays: there it has a meaning of its own.
    """
    result = dict(base)
    for key, value in own.items():
        inner = result.get(key)
        if value is None and not patches:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(inner, dict):
            result[key] = _over(inner, value, patches=patches or key in _PATCHES)
        else:
            result[key] = value
    return result


def dressed(spec: ServerSpec, name: str, *, licensed: bool = True) -> Dressed:
    """Return ``spec`` as a server of the personality's vendor."""
    personality = load(name)
    cpu = personality.cpu
    machine = Cpu(
        model=cpu.model,
        vendor=cpu.vendor,
        signature=cpu.signature,
        cores=cpu.cores,
        threads=cpu.threads,
        mhz=cpu.mhz,
    )
    spec = replace(
        spec,
        vendor=personality.vendor,
        model=personality.model,
        cpu=machine,
        sockets=personality.sockets,
    )
    return Dressed(**vars(spec), personality=personality, licensed=licensed)


def recorded(spec: ServerSpec, tree: Path) -> Dressed:
    """Return ``spec`` as a server whose BMC answers as the recorded ``tree`` does."""
    return Dressed(**vars(spec), tree=tree)


def dress(bmc: Bmc) -> None:
    """Give the BMC, whose tree is the standard's, what its server's description asks for."""
    spec = bmc.spec
    if not isinstance(spec, Dressed):
        return
    if spec.tree:
        plant_recorded(bmc, spec.tree)
    elif spec.personality:
        dress_as(bmc, spec.personality, licensed=spec.licensed)


def specs(
    wanted: Sequence[tuple[str, int]],
    trees: Sequence[Path] = (),
    *,
    licensed: bool = True,
    powered_on: bool = False,
) -> list[ServerSpec]:
    """Return the servers of a rack: each personality as often as it says, then the trees.

    The name ``standard`` is a server that follows the standard. ``KeyError`` for a name that is
    none.
    """
    order = [name for name, count in wanted for _ in range(count)]
    plain = standard_mix(len(order) + len(trees), powered_on=powered_on)
    mixed = [
        spec if name == STANDARD else dressed(spec, name, licensed=licensed)
        for spec, name in zip(plain, order, strict=False)
    ]
    return mixed + [
        recorded(spec, tree) for spec, tree in zip(plain[len(order) :], trees, strict=True)
    ]
