"""``provision validate`` as a process: its exit status, its two outputs, and its errors."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from provision.cli import cli
from provision.core.errors import ProvisionError
from provision.sim import Rack, SimServer
from provision.sim.machine import Reset
from tests.host import machines


class Validate:
    """The command with a state directory of its own."""

    def __init__(self, state: Path) -> None:
        self._env = {**os.environ, "PROVISION_STATE_DIR": str(state)}

    async def __call__(self, *words: str | Path) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "provision",
            "validate",
            *map(str, words),
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert "Traceback" not in err.decode()
        return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def validate(tmp_path: Path) -> Validate:
    """The command under test."""
    return Validate(tmp_path / "state")


def reach(server: SimServer) -> list[str | Path]:
    """The words that lead to a simulated BMC."""
    return [
        server.url,
        "--user",
        server.user,
        "--password-file",
        server.password_file,
        "--ca-file",
        server.ca_file,
    ]


async def test_over_redfish(rack: Rack, validate: Validate) -> None:
    """A failure exits 3 and names the attribute; a healthy server exits 0, strictly too."""
    off, well = rack.server("r1u01"), rack.server("r1u02")
    status, out, err = await validate(*reach(off), "--profile", "xen-4.17")
    assert status == 3
    assert "\nFAIL     Hardware virtualization is enabled" in out
    assert "ProcVirtualization" in out
    assert err.startswith("Error: validating ")
    assert "1 rule failed: cpu.virt [validation-failed]" in err
    status, out, err = await validate(*reach(well), "-p", "xen-4.17", "--strict")
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].startswith("PASS: ")


async def test_unknown_counts_only_when_strict(rack: Rack, validate: Validate) -> None:
    """What could not be judged is counted aloud; with --strict it is exit status 14."""
    words = [*reach(rack.server("r1u02")), "-p", "esxi-8.0", "--output", "json"]
    status, out, _ = await validate(*words)
    verdict = json.loads(out)
    assert (status, verdict["verdict"]) == (0, "UNKNOWN")
    assert verdict["counts"]["unknown"] > 0
    status, out, err = await validate(*words, "--strict")
    assert status == 14
    assert json.loads(out)["schema"] == "bareiron.validation/1"
    assert "could not be judged" in err


async def test_the_machine_below_a_directory(tmp_path: Path, validate: Validate) -> None:
    """In band, by files: facts on demand, and the failure with its words for hands."""
    root = tmp_path / "root"
    machines.cpuinfo(root, machines.XEON, machines.V3)
    machines.put(root, "proc/meminfo", "MemTotal:       66000000 kB\n")
    status, out, _ = await validate("--local", "--root", root, "-p", "xen-4.17", "--facts")
    assert status == 3
    assert "cpu.virt.state" in out.split("\n\n", maxsplit=1)[0]
    assert "off-or-hidden" in out
    assert "BIOS setup" in out


async def test_recordings_and_reports(tmp_path: Path, validate: Validate) -> None:
    """Two recordings of one machine, a fact by hand, two reports: one verdict, four forms of it."""
    cpus = tmp_path / "cpuinfo.txt"
    machines.cpuinfo(tmp_path, machines.XEON, machines.V3 + " vmx ept\nbogomips\t: 4000.00")
    cpus.write_bytes((tmp_path / "proc/cpuinfo").read_bytes())
    status, out, err = await validate("--from", cpus, "-p", "xen-4.17", "--output", "json")
    verdict = json.loads(out)
    assert (status, err, verdict["target"]) == (0, "", str(cpus))
    assert verdict["facts"]["cpu.virt.state"]["value"] == "capable"  # a flag proves no more
    saved = tmp_path / "saved.json"
    saved.write_text(out)
    reports = [tmp_path / name for name in ("r.xml", "r.html", "r.csv", "r.jsonl")]
    words: list[str | Path] = [each for path in reports for each in ("--report", path)]
    facts = ["memory.total=64 GiB", "cpu.virt.state=disabled", "firmware.boot_mode=bios"]
    words += [each for fact in facts for each in ("--fact", fact)]
    status, out, _ = await validate(
        "--from", saved, "--from", cpus, "--merge", *words, "-p", "xen-4.17"
    )
    assert status == 3
    assert "\nFAIL     Hardware virtualization is enabled" in out
    assert all("cpu.virt" in report.read_text() for report in reports)


async def test_several_machines(tmp_path: Path, validate: Validate) -> None:
    """One machine that cannot be read stops no other; the worst status speaks for all."""
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    machines.cpuinfo(tmp_path, machines.XEON, machines.V3 + " vmx ept")
    good.write_bytes((tmp_path / "proc/cpuinfo").read_bytes())
    bad.write_text("no machine at all\n")
    words: list[str | Path] = ["--from", good, "--from", bad, "-p", "xen-4.17"]
    status, out, err = await validate(*words, "--output", "json")
    assert [each["verdict"] for each in json.loads(out)] == ["ERROR", "UNKNOWN"]
    assert status == 13
    assert "[dump-unknown]" in err
    _, out, _ = await validate(*words)
    assert "good.txt" in out
    assert "bad.txt" in out
    status, out, err = await validate("--from", tmp_path / "gone", "-p", "xen-4.17")
    assert (status, out) == (13, "")
    assert "gone: No such file or directory" in err


def changes(server: SimServer) -> list[str]:
    """What was asked of the BMC beyond reading, logging in and logging out."""
    asked = [each for each in server.requests if each.method not in ("GET", "DELETE")]
    return [f"{each.method} {each.path}" for each in asked if "Session" not in each.path]


async def test_fix_shows_asks_and_mends(rack: Rack, validate: Validate) -> None:
    """A dry run sends nothing; nobody asked means nothing sent; --yes stages exactly the plan."""
    server = rack.server("r1u01")
    words = [*reach(server), "-p", "xen-4.17", "--fix"]
    status, out, _ = await validate(*words, "--dry-run")
    assert status == 3
    assert "ProcVirtualization: Disabled → Enabled" in out
    assert "PATCH /redfish/v1/Systems/1/Bios/Settings" in out
    assert changes(server) == []
    status, _, err = await validate(*words)
    assert (status, changes(server)) == (6, [])
    assert "Change the BIOS settings of 1 server?" in err
    status, out, err = await validate(*words, "--yes", "--output", "json")
    told = json.loads(out)
    assert (status, told["verdict"], told["fixed"]["ending"]) == (3, "FAIL", "staged")
    assert "staged and wait for a restart" in err
    assert changes(server) == ["PATCH /redfish/v1/Systems/1/Bios/Settings"]


async def test_fix_restarts_when_allowed(rack: Rack, validate: Validate) -> None:
    """A server that runs is restarted; the verdict after that is the one that counts."""
    server = rack.server("r1u01")
    server.machine.reset(Reset.ON)
    words = [*reach(server), "-p", "xen-4.17", "--fix", "--yes", "--allow-reboot", "--force-off"]
    status, out, err = await validate(*words)
    assert status == 0, out + err
    assert "waiting for POST to bring the settings into force" in err
    assert "in force: ProcVirtualization" in out
    assert "\nPASS: " in out


async def test_this_machine(validate: Validate) -> None:
    """--local needs no BMC, no user and no root, wherever the test runs."""
    status, out, _ = await validate("--local", "-p", "xen-4.17", "--output", "json")
    assert status in (0, 3)
    assert json.loads(out)["target"] == "/"


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["--local", "-p", "xen-5"], 13, "no such profile"),
        (["--local", "-p", "gone.yaml"], 13, "cannot be read: No such file or directory"),
        (["--local", "-p", "esxi-base"], 13, "only there to be extended"),
        (["-p", "xen-4.17"], 2, "Give a BMC's address, the FILE of a recorded machine"),
        (["10.0.0.7", "--root", "/", "-p", "xen-4.17"], 2, "--root goes with --local"),
        (["--from", "a", "--merge", "-p", "xen-4.17"], 2, "--merge goes with two or more"),
        (["--from", "-", "--from", "-", "-p", "xen-4.17"], 2, "can be read only once"),
        (["no/such.txt", "-p", "xen-4.17"], 2, "no/such.txt: no such file or directory"),
        (["--limit", "u=1", "--local", "-p", "xen-4.17"], 2, "--limit goes with --servers"),
        (["--fact", "cpu.cores", "-p", "xen-4.17"], 2, "it is not NAME=VALUE"),
        (["--fact", "cpu.core=4", "-p", "xen-4.17"], 2, "did you mean 'cpu.cores'?"),
        (["--fact", "memory.total=8", "-p", "xen-4.17"], 2, "'8' is not a number with a unit"),
        (["--fact", "memory.total=1 Gbit/s", "-p", "xen-4.17"], 2, "wanted is a size, such as"),
        (["--fact", "cpu.virt.state=on", "-p", "xen-4.17"], 2, "can be enabled, disabled, "),
        (["--fact", "tpm.present=maybe", "-p", "xen-4.17"], 2, "can be yes, true, no, false"),
        (["--local", "--fix", "-p", "xen-4.17"], 2, "--fix needs a BMC to change something at"),
        (["--local", "--dry-run", "-p", "xen-4.17"], 2, "go with --fix"),
        (["--local", "--report", "a.pdf", "-p", "xen-4.17"], 2, "does not say which format"),
        (["--local"], 2, "Missing option '--profile'"),
        (["https://127.0.0.1:1", "--user", "a", "-p", "xen-4.17"], 7, "no password is given"),
    ],
)
def test_misuse(words: list[str], status: int, told: str) -> None:
    """Each mistake has its words and its exit status, before anything is asked of a machine."""
    result = CliRunner().invoke(cli, ["validate", *words])
    if isinstance(result.exception, ProvisionError):
        assert (result.exception.status, result.output) == (status, "")
        assert told in str(result.exception)
    else:
        assert result.exit_code == status
        assert told in result.output


async def test_a_located_typo(tmp_path: Path, validate: Validate) -> None:
    """A profile with mistakes is refused with all of them, by line and column."""
    path = tmp_path / "ours.yaml"
    path.write_text(
        "schema: bareiron.profile/1\nkind: hypervisor\nid: ours\ntitle: Ours\n"
        "verified: 2026-11-24\nrules:\n"
        "  - {id: a, title: A, severity: error, check: {memory.total: {ge: 8 GIB}}}\n"
        "  - {id: b, title: B, severity: error, check: {memory.totall: 8 GiB}}\n"
    )
    status, _, err = await validate("--local", "-p", path)
    assert status == 13
    assert f"{path}:7:67: unknown unit 'GIB'; did you mean 'GiB'?" in err
    assert f"{path}:8:48: unknown fact 'memory.totall'; did you mean 'memory.total'?" in err


async def test_nobody_at_home(tmp_path: Path, validate: Validate) -> None:
    """An address where nothing listens is unreachable, not a failed validation."""
    password = tmp_path / "password"
    password.write_text("secret-of-mine\n")
    password.chmod(0o600)
    status, out, err = await validate(
        "https://127.0.0.1:1",
        "--user",
        "a",
        "--password-file",
        password,
        "-p",
        "xen-4.17",
        "--timeout",
        "2",
    )
    assert (status, out) == (10, "")
    assert "secret-of-mine" not in err


async def test_rules_that_concern_no_machine_pass_none(tmp_path: Path, validate: Validate) -> None:
    """All rules skipped is UNKNOWN; --strict makes it status 14."""
    machines.cpuinfo(tmp_path, machines.XEON, machines.V3)
    path = tmp_path / "ours.yaml"
    path.write_text(
        "schema: bareiron.profile/1\nkind: hypervisor\nid: ours\ntitle: Ours\n"
        "verified: 2026-11-24\nrules:\n"
        "  - {id: a, title: A, severity: error, when: {cpu.vendor: Nobody}, "
        "check: {memory.total: {ge: 1 GiB}}}\n"
    )
    words: list[str | Path] = ["--local", "--root", tmp_path, "--profile", path]
    status, out, _ = await validate(*words)
    assert (status, out.splitlines()[-1]) == (0, "UNKNOWN: 1 not applicable")
    status, _, err = await validate(*words, "--strict")
    assert status == 14
    assert "no rule passed" in err
