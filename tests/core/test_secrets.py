"""Secrets reach the place that needs them, and nothing else."""

from __future__ import annotations

import html
import io
import json
import logging
import os
import pickle
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from provision.core import reading
from provision.core.errors import ConfigError
from provision.core.secrets import RedactingFilter, Secret, read_secret, redact
from provision.core.text import clean


def test_a_secret_shows_itself_to_nobody() -> None:
    """repr, str, format and containers are how secrets leak into logs."""
    secret = Secret("hunter2-canary")
    for text in (repr(secret), str(secret), f"{secret}", repr({"password": secret})):
        assert "hunter2" not in text


def test_a_secret_cannot_be_stored() -> None:
    """Workflow state is written to a database; a secret in it must fail loudly."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2-canary"))
    with pytest.raises(TypeError):
        json.dumps(Secret("hunter2-canary"))


def test_log_records_are_redacted(caplog: pytest.LogCaptureFixture) -> None:
    """Known secrets and token headers do not reach a handler."""
    Secret("hunter2-canary")
    record = logging.LogRecord(
        "x", logging.DEBUG, "f", 1, "sent %s X-Auth-Token: %s", ("hunter2-canary", "abc123"), None
    )
    assert RedactingFilter().filter(record)
    assert "hunter2" not in record.getMessage()
    assert "abc123" not in record.getMessage()


def test_a_password_in_json_is_redacted() -> None:
    """Bodies are logged as JSON."""
    assert "tiger" not in redact('{"UserName": "admin", "Password": "tiger"}')


def test_a_private_file_is_read(tmp_path: Path) -> None:
    """The first line, without its newline."""
    path = tmp_path / "password"
    path.write_text("s3cret\nignored\n")
    path.chmod(0o600)
    assert read_secret(f"file:{path}").reveal() == "s3cret"
    assert read_secret(str(path)).reveal() == "s3cret"


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"s3cret\n", 0o644, "others may read it"),
        (b"\n", 0o600, "empty"),
        (b"\xff\xfe\n", 0o600, "UTF-8"),
    ],
)
def test_a_bad_password_file_is_refused(
    tmp_path: Path, content: bytes, mode: int, words: str
) -> None:
    """With the reason, and status 13."""
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=words) as caught:
        read_secret(str(path))
    assert caught.value.hint


def test_a_missing_password_file_is_named(tmp_path: Path) -> None:
    """The path stands in the message."""
    with pytest.raises(ConfigError, match="nowhere"):
        read_secret(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "text",
    [
        "reading the password: a reference is wanted",
        "the password: it is empty",
        "Wrong password: try again",
        "the cookie jar",
    ],
)
def test_prose_about_passwords_stays(text: str) -> None:
    """Our own messages are not eaten."""
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"Password": "ti\\"ger in tank", "a": 1}', '{"Password": "***", "a": 1}'),
        ("{'NewPassword': 'tiger'}", "{'NewPassword': '***'}"),
        ("user=a&password=tiger", "user=a&password=***"),
        ("Authorization: Basic dGlnZXI6dGlnZXI=", "Authorization: Basic ***"),
        ("{'Authorization': 'Basic dGlnZXI='}", "{'Authorization': '***'}"),
        ("X-Auth-Token: tiger", "X-Auth-Token: ***"),
        ('"X-Auth-Token": "tiger", "x": 1', '"X-Auth-Token": "***", "x": 1'),
    ],
)
def test_passwords_and_tokens_go_by_their_names(text: str, shown: str) -> None:
    """Also those this process does not know; what is around them stays readable."""
    assert redact(text) == shown


ODD = 'ca"na\\ry-wörd  x<9'


@pytest.mark.parametrize(
    "text",
    [
        ODD,
        repr(ODD),
        json.dumps(ODD),
        json.dumps(json.dumps(ODD)),
        json.dumps(ODD, ensure_ascii=False),
        repr(clean(ODD)),
        quote(ODD),
        html.escape(ODD),
        "x" * 395 + ODD,
        "x" * 1590 + ODD + "y" * 99,
        " " * 1590 + ODD + "y" * 99,
        (ODD + " ") * 200,
        ODD.replace("na", "n\u200ba"),
    ],
)
def test_a_password_is_known_however_it_is_written(text: str) -> None:
    """Quoted, cut, collapsed, with something invisible in it."""
    Secret(ODD)
    for shown in (
        redact(clean(text)),
        redact(repr(clean(text, 60))),
        redact(json.dumps(clean(text))),
    ):
        assert not [part for part in ('ca"na', "na\\", "ry-w", "x<9", "wörd") if part in shown]


def test_short_secrets_are_not_looked_for() -> None:
    """Under 4 characters nowhere, under 8 not in values: they are ordinary words."""
    for value in ("abc", "Enabled", "canary-long"):
        Secret(value)
    assert redact("abc: Enabled, canary-long") == "abc: ***, ***"
    assert redact("abc: Enabled, canary-long", data=True) == "abc: Enabled, ***"
    assert clean("Enabled") == "Enabled"


def test_process_substitution() -> None:
    """``--password-file <(pass show bmc)``: a pipe under /dev/fd, slow or without a newline."""
    for written in (b"s3cret\nmore\n", b"s3cret"):
        ours, theirs = os.pipe()

        def write(theirs: int = theirs, written: bytes = written) -> None:
            time.sleep(0.2)
            os.write(theirs, written)
            os.close(theirs)

        writer = threading.Thread(target=write)
        writer.start()
        assert read_secret(f"/dev/fd/{ours}").reveal() == "s3cret"
        writer.join()
        os.close(ours)


def test_a_pipe_that_stays_open_is_not_waited_for() -> None:
    """The first line is all that is wanted."""
    ours, theirs = os.pipe()
    os.write(theirs, b"s3cret\n")
    assert read_secret(f"/dev/fd/{ours}").reveal() == "s3cret"
    os.close(ours)
    os.close(theirs)


def test_a_pipe_nobody_writes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends in words, not in waiting for ever; so does one whose writer says nothing."""
    monkeypatch.setattr(reading, "_NOBODY", 0.1)
    monkeypatch.setattr(reading, "_SLOW", 0.1)
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="nothing came out of it"):
        read_secret(str(tmp_path / "pipe"))
    ours, theirs = os.pipe()
    with pytest.raises(ConfigError, match="nothing came out of it"):
        read_secret(f"/dev/fd/{ours}")
    os.close(theirs)
    with pytest.raises(ConfigError, match="empty"):
        read_secret(f"/dev/fd/{ours}")
    os.close(ours)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("/dev/zero", "a device"),
        ("/dev/null", "a device"),
        ("/", "a directory"),
        ("a\0b", "NUL"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_what_is_no_file_is_refused(reference: str, words: str) -> None:
    """A device may have no end; the rest are slips."""
    with pytest.raises(ConfigError, match=words) as caught:
        read_secret(reference)
    assert caught.value.hint
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize("reference", ["-", "/dev/stdin"])
def test_standard_input(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first line; without an end, or with bytes that are no text, it is refused."""
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret\nmore\n"))
    assert read_secret(reference).reveal() == "s3cret"
    for bad, words in (("\0" * 9, "not text"), ("x" * 9999, "longer than"), ("", "empty")):
        monkeypatch.setattr("sys.stdin", io.StringIO(bad))
        with pytest.raises(ConfigError, match=words):
            read_secret(reference)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8"))
    with pytest.raises(ConfigError, match="UTF-8"):
        read_secret(reference)


def test_a_file_without_an_end_of_line(tmp_path: Path) -> None:
    """A disc image named by mistake is not sent as a password."""
    path = tmp_path / "image"
    path.write_bytes(b"x" * 100_000)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="longer than"):
        read_secret(str(path))
