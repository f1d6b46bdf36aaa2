"""Validating real (simulated) BMCs and machines of files, up to the verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import hwprofiles
from provision.bmc.client import Access, Tls
from provision.core.errors import ConfigError, CredentialsError, Exit, Unreachable
from provision.core.events import Event
from provision.core.secrets import Secret
from provision.flow.errors import ValidationUnknown
from provision.flow.validate import load_profile, problem
from provision.sim import Rack, SimServer
from tests.host import machines
from tests.validating import validate_bmc, validate_local


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory of this test's own."""
    monkeypatch.setenv("PROVISION_STATE_DIR", str(tmp_path / "state"))


def access(server: SimServer) -> Access:
    """How to reach a simulated BMC."""
    return Access(
        url=server.url,
        user=server.user,
        password=server.password,
        tls=Tls.CA,
        ca_file=server.ca_file,
    )


async def test_virtualization_off_names_the_attribute(rack: Rack) -> None:
    """The finding tells where it was read; the verdict tells what to set on this machine."""
    server = rack.server("r1u01")
    heard: list[Event] = []
    verdict = await validate_bmc(access(server), hwprofiles.load("xen-4.17"), heard.append)
    worst = verdict.findings[0]
    assert (worst.rule, worst.outcome) == ("cpu.virt", "fail")
    evidence = dict(worst.evidence)
    assert evidence["cpu.virt.attribute"].value == "ProcVirtualization"
    assert evidence["cpu.virt.state"].path.endswith("Bios#/Attributes/ProcVirtualization")
    assert verdict.settings == {"cpu.virt": {"ProcVirtualization": "Enabled"}}
    assert not verdict.passed
    assert "set ProcVirtualization to Enabled" in " ".join(verdict.as_text().split())
    (told,) = [event.message for event in heard]
    assert told.startswith("FAIL: 1 failed, ")


async def test_validating_only_reads(rack: Rack) -> None:
    """Nothing is changed: the one POST is the login, the one DELETE the logout."""
    server = rack.server("r1u01")
    await validate_bmc(access(server), hwprofiles.load("esxi-8.0"))
    changes = [request.method for request in server.requests if request.method != "GET"]
    assert changes == ["POST", "DELETE"]


@pytest.mark.parametrize("profile", ["xen-4.17", "proxmox-ve-9"])
async def test_a_healthy_server_passes(rack: Rack, profile: str) -> None:
    """Nothing failed, nothing open: strictness has nothing to say."""
    verdict = await validate_bmc(access(rack.server("r1u02")), hwprofiles.load(profile))
    assert verdict.passed
    assert verdict.word == "PASS"
    assert problem(verdict, strict=True) is None


async def test_too_little_memory(rack: Rack) -> None:
    """The server with 512 MiB fails, with what was found and wanted."""
    verdict = await validate_bmc(access(rack.server("r1u04")), hwprofiles.load("xen-4.17"))
    worst = verdict.findings[0]
    assert (worst.rule, worst.found, worst.expected) == (
        "memory.size",
        "512 MiB",
        "at least 1 GiB (-10 %)",
    )


async def test_the_record_is_whole_and_free_of_secrets(rack: Rack) -> None:
    """Profile, tool, time, how the BMC proved who it is, findings and facts; never the password."""
    server = rack.server("r1u01")
    verdict = await validate_bmc(access(server), hwprofiles.load("xen-4.17"))
    record = verdict.as_dict()
    assert record["schema"] == "bareiron.validation/1"
    assert record["profile"]["id"] == "xen-4.17"
    assert record["tool"].startswith("bareiron ")
    assert record["verdict"] == "FAIL"
    assert record["counts"]["fail"] == 1
    assert record["tls"]
    assert record["facts"]["cpu.virt.state"]["value"] == "disabled"
    written = json.dumps(record)
    assert json.loads(written) == record
    assert server.password.reveal() not in written


async def test_what_a_bmc_does_not_tell_is_unknown(rack: Rack) -> None:
    """Redfish has no CPU flags: ESXi's rules on them stay open, and --strict says so."""
    verdict = await validate_bmc(access(rack.server("r1u02")), hwprofiles.load("esxi-8.0"))
    assert not verdict.failed
    assert not verdict.passed
    assert verdict.word == "UNKNOWN"
    assert problem(verdict) is None
    told = problem(verdict, strict=True)
    assert isinstance(told, ValidationUnknown)
    assert "could not be judged: " in str(told)
    assert "cpu.nx" in str(told)
    assert told.status == Exit.UNKNOWN


async def test_errors_of_the_way_there_are_not_verdicts(rack: Rack) -> None:
    """A wrong password and a dead address are their own errors, with their own exit status."""
    reach = access(rack.server("r1u01"))
    profile = hwprofiles.load("xen-4.17")
    with pytest.raises(CredentialsError):
        await validate_bmc(replace(reach, password=Secret("wrong-one")), profile)
    with pytest.raises(Unreachable):
        await validate_bmc(replace(reach, url="https://127.0.0.1:1", timeout=2.0), profile)


async def test_local_with_virtualization_off(tmp_path: Path) -> None:
    """In band, a capable CPU without its flag is off in firmware, with the words for hands."""
    machines.cpuinfo(tmp_path, machines.XEON, machines.V3)
    machines.put(tmp_path, "proc/meminfo", "MemTotal:       66000000 kB\n")
    verdict = await validate_local(tmp_path, hwprofiles.load("xen-4.17"))
    worst = verdict.findings[0]
    assert (worst.rule, worst.outcome, worst.found) == ("cpu.virt", "fail", "off-or-hidden")
    assert "BIOS setup" in worst.fix
    assert verdict.tls is None
    assert verdict.target == str(tmp_path)


async def test_local_in_a_guest_gives_no_verdict_on_the_hardware(tmp_path: Path) -> None:
    """A virtual machine neither passes nor fails for virtualization."""
    machines.cpuinfo(tmp_path, machines.EPYC, machines.V3 + " svm npt hypervisor")
    verdict = await validate_local(tmp_path, hwprofiles.load("xen-4.17"))
    outcome = {finding.rule: finding.outcome for finding in verdict.findings}
    assert outcome["cpu.virt"] == "unknown"
    assert not verdict.failed


async def test_a_directory_that_is_no_machine(tmp_path: Path) -> None:
    """Nothing to read is an error of the caller's, not a machine that passes."""
    with pytest.raises(ConfigError, match="nothing there tells of one"):
        await validate_local(tmp_path, hwprofiles.load("xen-4.17"))


def test_profiles_that_cannot_be_used(tmp_path: Path) -> None:
    """One problem is told on the line of the message, several each on their own."""
    with pytest.raises(ConfigError, match=r"^loading the profile xen-5: no such profile") as one:
        load_profile("xen-5")
    assert one.value.status == Exit.CONFIG
    path = tmp_path / "ours.yaml"
    path.write_text("schema: bareiron.profile/1\nkind: hypervizor\nid: ours\n")
    with pytest.raises(ConfigError) as several:
        load_profile(str(path))
    lines = str(several.value).splitlines()
    assert lines[0] == f"loading the profile {path}:"
    assert (
        f"{path}:2:7: kind: should be 'hypervisor', 'server' or 'site', not 'hypervizor'" in lines
    )
    assert f"{path}:1:1: 'title' is missing" in lines
