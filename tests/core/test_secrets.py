"""Secrets reach the place that needs them, and nothing else."""

from __future__ import annotations

import json
import logging
import pickle
from pathlib import Path

import pytest

from provision.core.errors import ConfigError
from provision.core.secrets import RedactingFilter, Secret, read_secret, redact


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
