"""What a recording is made of: bytes, or text in one of the encodings that tools write."""

from __future__ import annotations

import codecs
from typing import Final

from provision.host.errors import DumpDamaged

#: Enough of a file to tell text from binary, and one kind of recording from another.
HEAD: Final = 256 << 10

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE: Final = 512


def normalised(data: bytes) -> bytes:
    """Return a text as UTF-8 with bare line feeds and no mark; binary data as it is.

    Windows tools write UTF-16 and CRLF, old ones the machine's code page. Text that is no UTF-8 is
    taken as Latin-1, in which every byte is a character: what matters in these files is ASCII.
    """
    encoding, skip = _encoding(data)
    if encoding is None:
        return data
    body = data[skip:]
    if encoding == "utf-8":
        try:
            body.decode()
        except UnicodeDecodeError:
            body = body.decode("latin-1").encode()
    else:
        body = body.decode(encoding, "replace").encode()
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def is_text(data: bytes) -> bool:
    """Tell whether normalised ``data`` is text: no NUL in its head."""
    return b"\0" not in data[:HEAD]


def _encoding(data: bytes) -> tuple[str | None, int]:
    """Return the encoding of a text and the length of its mark; None for binary data."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    sample = data[:_SAMPLE]
    if len(sample) >= 2 and b"\0" in sample:
        even, odd = sample[0::2].rstrip(b"\0"), sample[1::2].rstrip(b"\0")
        if even and not odd:
            return "utf-16-le", 0
        if odd and not even:
            return "utf-16-be", 0
    return ("utf-8", 0) if is_text(data) else (None, 0)


def whole_lines(data: bytes) -> str:
    """Return the text without a last line that has no end: it may have been cut."""
    return data[: data.rfind(b"\n") + 1].decode("utf-8", "replace")


def bounded(data: bytes, limit: int, where: str, name: str) -> None:
    """Raise ``DumpDamaged`` for a recording larger than one of its kind can be."""
    if len(data) > limit:
        raise DumpDamaged(
            f"{where} begins like {name}, but is larger than {limit >> 20} MiB, and no such "
            "recording of one machine is."
        )
