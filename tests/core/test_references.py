"""Where a password is kept: descriptors, commands and systemd's credentials."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provision.core import references
from provision.core.errors import ConfigError
from provision.core.secrets import read_secret

SECRET = "hunter2-canary"


def test_a_descriptor_is_read_once_for_all_servers() -> None:
    """A run asks for it once for each server; a pipe tells it once."""
    out, into = os.pipe()
    os.write(into, f"{SECRET}\nmore".encode())
    os.close(into)
    references._descriptor.cache_clear()
    try:
        assert read_secret(f"fd:{out}").reveal() == SECRET
        assert read_secret(f"fd:{out}").reveal() == SECRET
    finally:
        os.close(out)
        references._descriptor.cache_clear()


def test_a_command_prints_it(tmp_path: Path) -> None:
    """The words go to the program as they are, no shell in between; it runs once."""
    count = tmp_path / "count"
    script = f"import sys; open({str(count)!r}, 'a').write('x'); print(sys.argv[1])"
    reference = f"cmd:python3 -c \"{script}\" '{SECRET};$HOME'"
    assert read_secret(reference).reveal() == f"{SECRET};$HOME"
    assert read_secret(reference).reveal() == f"{SECRET};$HOME"
    assert count.read_text() == "x"


def test_a_command_that_goes_on_is_not_waited_for() -> None:
    """Its line is here; an endless one is cut off and refused."""
    assert read_secret("cmd:sh -c 'echo endless-canary; sleep 600'").reveal() == "endless-canary"
    with pytest.raises(ConfigError, match="longer than"):
        read_secret("cmd:sh -c 'while :; do printf 0123456789012345; done'")


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("cmd:no-such-program-here", "does not start"),
        (f"cmd:false {SECRET}", "false ended with status 1"),
        ("cmd:true", "it is empty"),
        ("cmd:printf '\\377\\n'", "UTF-8"),
        ("fd:987", "Bad file descriptor"),
        ("fd:three", "number of an open descriptor"),
        ("credential:bmc", "CREDENTIALS_DIRECTORY"),
        ("credential:../../etc/passwd", "without slashes"),
    ],
)
def test_what_stands_in_the_way_is_told(
    reference: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a remedy, and without what the command was given."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match=words) as caught:
        read_secret(reference)
    assert caught.value.hint
    assert SECRET not in str(caught.value) + caught.value.hint


def test_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mode shows the group bits of an access list; systemd guards the directory."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "bmc").write_text(f"{SECRET}\n")
    (tmp_path / "bmc").chmod(0o440)
    assert read_secret("credential:bmc").reveal() == SECRET
    with pytest.raises(ConfigError, match="No such file"):
        read_secret("credential:other")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=r"no file|directory"):
        read_secret("credential:folder")
