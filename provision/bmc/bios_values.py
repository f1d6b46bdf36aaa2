"""Values for BIOS attributes: read as the registry wants them, refused before they are sent.

People write ``enabled``, a registry lists ``1`` and menus show ``Enable``: what is meant is found
by either name, whatever its case, and sent as the attribute itself spells its values.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Final

from hwprofiles.platforms import Scalar
from provision.bmc.dependencies import Registry
from provision.bmc.values import integer, objects

_TRUE: Final = frozenset({"true", "yes", "on", "enabled", "enable", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "disabled", "disable", "0"})
_LONGEST: Final = 1000


class Unfit(ValueError):
    """The value does not fit the attribute; the message says why, ``hint`` what to do."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.hint = hint


def read(registry: Registry, name: str, given: Scalar, current: Scalar | None) -> Scalar:
    """Return ``given`` as the attribute ``name`` takes it; raise ``Unfit``.

    Where the registry does not know the attribute, the type of its ``current`` value decides.
    """
    if type(given) is type(current) and given == current:
        return given  # whatever the registry makes of it: some machines hold what theirs forbids
    entry = registry.entry(name)
    kind = entry.get("Type")
    if kind == "Password":
        raise Unfit("it is a password", "Set passwords in the firmware's setup.")
    if kind == "Boolean" or (kind is None and isinstance(current, bool)):
        return _boolean(given)
    if kind == "Integer" or (kind is None and isinstance(current, int)):
        return _integer(registry, name, given)
    if kind == "Enumeration" and objects(entry, "Value"):
        return _choice(registry, name, given, current)
    return _text(registry, name, given)


class Names:
    """The attributes of one server: by whatever case their names are written in."""

    def __init__(self, registry: Registry, here: Mapping[str, Scalar]) -> None:
        self._registry = registry
        self._here = here
        self._folded = {name.casefold(): name for name in (*registry, *here)}

    def read(self, name: str, given: Scalar) -> tuple[str, Scalar]:
        """Return the attribute's own name, and ``given`` as it takes it; raise ``Unfit``."""
        known = self._folded.get(name.casefold())
        if known is None or known not in self._here:
            why = "the server has no such attribute" if known is None else "it has no value here"
            raise Unfit(why, near_to(name, self._here))
        return known, read(self._registry, known, given, self._here.get(known))


def _boolean(given: Scalar) -> bool:
    word = str(given).strip().lower()
    if word not in _TRUE | _FALSE:
        raise Unfit("it can only be true or false")
    return word in _TRUE


def _integer(registry: Registry, name: str, given: Scalar) -> int:
    entry = registry.entry(name)
    try:
        number = int(str(given).strip(), 0) if not isinstance(given, bool) else int(given)
    except ValueError:
        raise Unfit("it takes a whole number") from None
    low, high = integer(entry, "LowerBound"), integer(entry, "UpperBound")
    if (low is not None and number < low) or (high is not None and number > high):
        raise Unfit(f"it takes {_range(low, high)}")
    step = integer(entry, "ScalarIncrement")
    if step and low is not None and (number - low) % step:
        raise Unfit(f"it takes steps of {step} from {low}")
    return number


def _range(low: int | None, high: int | None) -> str:
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}"


def _choice(registry: Registry, name: str, given: Scalar, current: Scalar | None) -> Scalar:
    values = objects(registry.entry(name), "Value")
    word = _plain(given)
    for field in ("ValueName", "ValueDisplayName"):
        for each in values:
            own = each.get("ValueName")
            if not isinstance(own, bool | int | str):
                continue
            if _plain(each.get(field)) == word:
                return own if current is None else registry.spelt(name, own, like=current)
    shown = [_both(each.get("ValueName"), each.get("ValueDisplayName")) for each in values]
    near = near_to(str(given), [str(each.get("ValueName")) for each in values])
    raise Unfit(f"it can only be {', '.join(shown[:12])}", near)


def _plain(value: object) -> str:
    """Return a value as it is compared: some menus pad theirs with spaces."""
    return " ".join(str(value).split()).casefold()


def _both(own: object, label: object) -> str:
    return f"{own} ({label})" if isinstance(label, str) and label != str(own) else str(own)


def _text(registry: Registry, name: str, given: Scalar) -> str:
    entry, text = registry.entry(name), str(given)
    low, high = integer(entry, "MinLength"), integer(entry, "MaxLength") or _LONGEST
    if len(text) > high or (low is not None and len(text) < low):
        raise Unfit(f"it takes {low or 0} to {high} characters")
    if not text.isprintable():
        raise Unfit("it takes printable characters")
    return text


def near_to(word: str, known: Iterable[str]) -> str:
    """Return a hint that names what is spelt much like ``word``, or nothing."""
    folded = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(word.casefold(), folded, 3)
    return f"Near are: {', '.join(folded[each] for each in found)}." if found else ""
