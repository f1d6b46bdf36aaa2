"""Text that came from outside, made safe for a terminal, a log and a record."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

from provision.core.secrets import longest, redact

_LIMIT = 400


def clean(text: object, limit: int = _LIMIT) -> str:
    """Return ``text`` on one line, without control, bidi or invisible characters, cut at ``limit``.

    A BMC chooses its own model name and error messages; a terminal obeys escape sequences in them.
    Secrets that it repeats are taken out first: cut or collapsed, they would not be known again.
    """
    kept = "".join(
        " " if char in "\r\n\t" else char
        for char in _without_secrets(str(text), limit * 4)
        if char in "\r\n\t " or unicodedata.category(char)[0] != "C"
    )
    kept = redact(" ".join(kept.split()), data=True)  # what was hidden between its characters
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


#: Control, bidi and invisible characters, and halves of characters; JSON escapes only the first 32.
_UNSEEN: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def in_json(data: object, *, indent: int | None = None) -> str:
    """Return ``data`` as JSON that obeys nobody: what a terminal would act on is escaped."""
    told = json.dumps(data, indent=indent, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", told)


def _without_secrets(text: str, limit: int) -> str:
    """Return about ``limit`` characters of ``text``; a secret at the cut is not left in part."""
    most = longest()
    window = text[: limit + most]
    found = redact(window, data=True)
    return found[: len(found) - most] if len(text) > len(window) else found


def binary(count: float, unit: str = "B") -> str:
    """Return ``count`` with a binary prefix: ``binary(33554432)`` is ``32.0 MiB``."""
    for prefix in ("", "Ki", "Mi", "Gi", "Ti"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if not prefix else f"{count:.1f} {prefix}{unit}"
        count /= 1024
    return f"{count:.1f} Pi{unit}"
