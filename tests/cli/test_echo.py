"""A BMC that repeats our password everywhere does not get it onto the screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from provision.cli import cli
from provision.core.errors import ProvisionError
from provision.core.secrets import redact
from tests.bmc.hostile import SYSTEM, Certificates, HostileBmc, answer, reply

PASSWORD = 'pa"ss\\wörd  x<9'
#: Any of these on the screen is a part of it.
PARTS = ('pa"ss', "ss\\\\w", "w\\u00f6rd", "wörd", "rd x<9", "rd  x<9", "x&lt;9", "x<9")
BIOS = f"{SYSTEM}/Bios"
BOOT = {
    "BootSourceOverrideTarget": PASSWORD,
    "BootSourceOverrideEnabled": f"Once {PASSWORD}",
    "BootSourceOverrideMode": PASSWORD,
    "BootSourceOverrideTarget@Redfish.AllowableValues": ["Usb", f"x{PASSWORD}"],
}

Run = Callable[..., "asyncio.Future[str]"]


@pytest.fixture
async def bmc() -> AsyncIterator[HostileBmc]:
    """A BMC that repeats the password in all it says."""
    server = HostileBmc(Certificates().leaf())
    media = f"{SYSTEM}/VirtualMedia"
    server.tree[SYSTEM] |= {
        "Manufacturer": PASSWORD,
        "Model": f"{'long ' * 38}{PASSWORD}",
        "SerialNumber": json.dumps(PASSWORD),
        "BiosVersion": repr(PASSWORD),
        "PowerState": PASSWORD,
        "Boot": BOOT,
        "Bios": {"@odata.id": BIOS},
        "VirtualMedia": {"@odata.id": media},
    }
    server.tree[BIOS] = {
        "Attributes": {
            "BootMode": PASSWORD,
            f"Named {PASSWORD}": "x",
            "Wide": f"{'w' * 40} {PASSWORD} {'w' * 50}",
            "Cut": f"{'w' * 395}{PASSWORD}",
            "Hidden": PASSWORD.replace("ss", "s\u200bs"),
            "Json": json.dumps({"Password": PASSWORD}),
        }
    }
    server.tree[media] = {"Members": [{"@odata.id": f"{media}/1"}]}
    server.tree[f"{media}/1"] = {
        "Id": PASSWORD,
        "Image": f"https://a/{PASSWORD}",
        "Inserted": True,
        "MediaTypes": ["CD", PASSWORD],
    }
    async with server.listening():
        yield server


@pytest.fixture
def run(bmc: HostileBmc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against the BMC; return all that a person would see."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)

    def invoke(command: str, *words: str) -> str:
        reach = ["--user", "admin", "--password-file", str(file), "--tls", "insecure"]
        line = [command, f"127.0.0.1:{bmc.port}", *words, *reach]
        result = CliRunner().invoke(cli, line)
        error = result.exception
        if isinstance(error, ProvisionError):
            return result.output + redact(f"{error} {error.hint}")
        assert error is None or isinstance(error, SystemExit), error
        return result.output

    async def provision(command: str, *words: str) -> str:
        return await asyncio.to_thread(invoke, command, *words)

    return provision  # type: ignore[return-value]


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    "words",
    [
        ["bios", "get"],
        ["bios", "get", "BootMode"],
        ["inventory"],
        ["boot", "get"],
        ["media", "list"],
        ["power", "status"],
        ["validate", "--profile", "xen-4.17", "--facts"],
    ],
    ids=" ".join,
)
async def test_values_are_printed_without_it(run: Run, words: list[str], output: str) -> None:
    """However it is quoted, cut, wrapped or spread with invisible characters."""
    shown = await run(*words, "--output", output)
    assert "***" in shown
    assert not [part for part in PARTS if part in shown], shown


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500])
@pytest.mark.parametrize(
    "said",
    [
        PASSWORD,
        f"{'x' * 190}{PASSWORD}",
        f"wrong body {json.dumps({'Password': PASSWORD})}",
        json.dumps(json.dumps(PASSWORD)),
        repr(PASSWORD),
    ],
    ids=["plain", "cut", "json", "json in json", "repr"],
)
async def test_errors_are_told_without_it(
    bmc: HostileBmc, run: Run, said: str, status: int
) -> None:
    """In messages too; with 200 the answer is no JSON, and its beginning is quoted."""
    body: object = {"error": {"message": said, "@Message.ExtendedInfo": [{"Message": said}]}}
    bmc.on["GET", BIOS] = reply(answer(said.encode() if status == 200 else body, status))
    shown = await run("bios", "get")
    assert "***" in shown or status == 200  # which quotes but little
    assert not [part for part in PARTS if part in shown], shown


async def test_a_setting_that_is_called_like_the_password_stays(
    bmc: HostileBmc, run: Run, tmp_path: Path
) -> None:
    """A short password is not looked for in values, or ``Enabled`` would turn settings into ***."""
    (tmp_path / "password").write_text("Enabled\n")
    bmc.tree[BIOS]["Attributes"]["Hidden"] = "Enabled"
    bmc.tree[BIOS]["Attributes"]["Long"] = "Enabled for all"
    shown = await run("bios", "get", "Hidden", "Long", "--output", "json")
    (told,) = json.loads(shown[shown.index("[\n") :])
    assert told["result"] == {"Hidden": "Enabled", "Long": "Enabled for all"}
