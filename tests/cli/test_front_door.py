"""The front door: quick, and honest about what it does not know."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from provision.cli import COMMANDS, cli

HEAVY = (
    "redfish",
    "dbos",
    "fastapi",
    "pydantic",
    "aiohttp",
    "rich",
    "usb",
    "sqlalchemy",
    "asyncio",
)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_imports_nothing_heavy(argument: str) -> None:
    """--help answers under 100 ms because it imports click and nothing else of weight."""
    code = (
        "import sys; sys.argv = ['provision', sys.argv[1]]\n"
        "from provision.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n"
        f"    assert not end.code, end\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, argument], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_command_has_help(name: str) -> None:
    """Every command in the list can be asked what it does, and says what the list says."""
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    command = cli.get_command(None, name)  # type: ignore[arg-type]
    assert command is not None
    assert command.get_short_help_str(limit=200) == COMMANDS[name][1]
    assert command.name in (name, "command")


def test_an_unknown_command_is_a_usage_error() -> None:
    """Exit status 2, and where to look."""
    result = CliRunner().invoke(cli, ["valdate"])
    assert result.exit_code == 2
    assert "No such command" in result.output
