"""What is wanted of a BIOS, as attributes and values of one machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from hwprofiles.platforms import Scalar, Setting, SettingWord
from provision.bmc import changes
from provision.bmc.bios_values import Names, Unfit
from provision.bmc.changes import Obstacle

#: Every setting word.
WORDS: tuple[SettingWord, ...] = get_args(SettingWord)


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Setting words, as attributes and values of this machine."""

    values: Mapping[str, Scalar]
    attributes: Mapping[str, str]
    obstacles: tuple[Obstacle, ...]


def resolve(
    wanted: Mapping[str, Scalar],
    known: Mapping[str, Setting],
    fixed: Mapping[str, str],
    names: Names,
) -> Resolved:
    """Return what ``wanted`` (words or attributes, and what they shall be) means here.

    ``known`` are the switches by our words, ``fixed`` why some have none.
    """
    values: dict[str, Scalar] = {}
    attributes: dict[str, str] = {}
    obstacles: list[Obstacle] = []
    for word, state in wanted.items():
        try:
            if word in WORDS:
                attribute, new = _switched(known.get(word), state, fixed.get(word))
            else:
                attribute, new = names.read(word, state)
            if values.setdefault(attribute, new) != new:
                raise Unfit(f"the same attribute, {attribute}, is wanted otherwise")
        except Unfit as error:
            hint = error.hint or changes.by_hand(word, state)
            obstacles.append(Obstacle(attribute=word, new=state, why=str(error), hint=hint))
            continue
        attributes[word] = attribute
    return Resolved(values=values, attributes=attributes, obstacles=tuple(obstacles))


def _switched(setting: Setting | None, state: Scalar, fixed: str | None) -> tuple[str, Scalar]:
    """Return the attribute that a word is here, and its value for ``state``."""
    if setting is None:
        raise Unfit(fixed or "nobody knows which attribute it is on this server")
    if state not in ("enabled", "disabled"):
        raise Unfit("it is either enabled or disabled")
    # What is so already keeps its spelling.
    if setting.state == state:
        return setting.attribute, setting.current
    return setting.attribute, setting.enabled if state == "enabled" else setting.disabled


def words_in(wanted: Mapping[str, Scalar]) -> list[SettingWord]:
    """Return those of ``wanted`` that are words of ours."""
    return [word for word in WORDS if word in wanted]
