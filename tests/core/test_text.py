"""Text from outside is safe to show."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from provision.core.text import binary, clean


@given(st.text(max_size=2000))
def test_clean_text_is_one_line_without_control_characters(text: str) -> None:
    """A model name must not move the cursor, reverse the line or fill the screen."""
    result = clean(text)
    assert len(result) <= 400
    assert all(unicodedata.category(char)[0] != "C" for char in result)
    assert clean(result) == result


def test_an_escape_sequence_is_disarmed() -> None:
    """Without its ESC, a sequence is mere text."""
    assert clean("ok\x1b[2J\nnext\u202egnp") == "ok[2J nextgnp"


def test_binary_units() -> None:
    """Sizes are shown in binary units, as the image's limit is stated."""
    assert binary(33_554_432) == "32.0 MiB"
    assert binary(512) == "512 B"
