"""Reports of findings and facts: narrow, worst first, and harmless whatever the machine says."""

from __future__ import annotations

import json as stdlib_json
from dataclasses import replace

import hwprofiles
from hwprofiles import Finding, Outcome
from hwprofiles.facts import FactBook, Source, Value
from provision.report import json, text
from provision.report.validations import verdict_of

PROFILE = "xen-4.17"
PLACE = "/redfish/v1/Systems/System.Embedded.1/Bios#/Attributes/ProcVirtualization"


def judged(**changes: Value | None) -> list[Finding]:
    """Findings about a server of today, with some facts changed or (None) not told."""
    facts = FactBook()
    told: dict[str, Value | None] = {
        "cpu.vendor": "GenuineIntel",
        "cpu.family": 6,
        "cpu.model": 0x6A,
        "cpu.virt.state": "enabled",
        "cpu.virt.attribute": "ProcVirtualization",
        "cpu.virt.slat": True,
        "memory.total": 128 << 30,
        "iommu.state": "enabled",
        "firmware.boot_mode": "uefi",
        "firmware.secure_boot": "disabled",
    }
    told |= {name.replace("__", "."): value for name, value in changes.items()}
    for name, value in told.items():
        facts.learn(name, value, Source.REDFISH, PLACE, power_state="Off")
    return hwprofiles.judge(hwprofiles.load(PROFILE), facts)


def test_worst_first_with_evidence_and_remedy() -> None:
    """A failure leads, and says what was found, where, and what to do; passes are one line."""
    shown = text.findings(
        judged(cpu__virt__state="disabled", memory__total=1 << 30),
        {"cpu.virt": "Set ProcVirtualization to Enabled."},
    )
    lines = shown.splitlines()
    assert lines[0].startswith("FAIL     Hardware virtualization is enabled")
    assert lines[0].endswith("[cpu.virt]")
    assert shown.index("FAIL ") < shown.index("WARN ") < shown.index("PASS ")
    assert "cpu.virt.attribute = ProcVirtualization" in " ".join(shown.split())
    assert PLACE.replace("#", " #") in " ".join(shown.split())
    assert "(redfish, power Off)" in shown
    assert "Turn on" in shown
    assert "Set ProcVirtualization to Enabled." in shown
    assert "Xen SUPPORT.md" in shown
    assert lines[-1] == "FAIL: 1 failed, 1 warned of, 2 not applicable, 7 passed"


def test_never_wider_than_80_columns() -> None:
    """Long paths, flags and hostile names are wrapped or cut."""
    shown = text.findings(judged(cpu__virt__state="disabled", cpu__vendor="V" * 500))
    assert max(map(len, shown.splitlines())) <= 80
    facts = FactBook()
    facts.learn("system.model", "M" * 3000, Source.REDFISH, "/" + "x" * 500)
    facts.learn("cpu.flags", [f"flag{n}" for n in range(300)], Source.PROCFS, "/proc/cpuinfo")
    shown = text.facts(facts)
    assert max(map(len, shown.splitlines())) <= 80
    assert "300 words" in shown


def test_what_is_open_is_no_pass_and_has_no_remedy() -> None:
    """An unknown says what was not told; nobody is sent to mend what may be well."""
    findings = judged(cpu__virt__state=None)
    shown = text.findings(findings)
    assert shown.startswith("UNKNOWN  Hardware virtualization")
    assert "not told  cpu.virt.state" in shown
    assert "fix" not in shown
    assert "look      on the machine itself" in shown
    assert text.summary(findings, PROFILE).startswith("UNKNOWN: 1 not known, ")
    assert verdict_of(judged(), PROFILE) == "PASS"


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    """A BMC's strings cannot colour, move or clear anything."""
    facts = FactBook()
    facts.learn("system.vendor", "Evil\x1b[2J\u202e\r\nInc.", Source.REDFISH, "/x\x07")
    shown = text.facts(facts)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\x07" not in shown
    assert "Evil[2J Inc." in shown


def test_rules_without_a_sure_source_say_so() -> None:
    """Low confidence is told where it matters: beside the finding."""
    shown = text.findings(judged(memory__total=16 << 40))
    assert "WARN     Not more than 12 TiB of memory" in shown
    assert "caution   this rule has no sure source" in shown


def test_json_is_whole() -> None:
    """Every finding with all its parts, and counts that name every outcome."""
    found = json.findings(judged(cpu__virt__state="disabled"))
    assert found["schema"] == "bareiron.findings/1"
    assert found["counts"] == {
        "fail": 1,
        "warn": 0,
        "unknown": 0,
        "info": 0,
        "waived": 0,
        "skip": 2,
        "pass": 8,
    }
    first = found["findings"][0]
    assert first["rule"] == "cpu.virt"
    assert first["fix_redfish"] == {"virtualization": "enabled"}
    assert first["evidence"]["cpu.virt.state"]["path"] == PLACE
    assert first["source"]["where"].startswith("https://")
    assert stdlib_json.loads(stdlib_json.dumps(found)) == found


def test_nothing_known() -> None:
    """No facts and no findings are said in words, not by silence."""
    assert text.facts({}) == "nothing is known"
    assert text.findings([]) == "UNKNOWN: no rules"


def test_without_a_rule_that_passed_there_is_no_pass() -> None:
    """Nothing judged, or everything skipped: nobody knows whether the machine suits."""
    found = judged()
    skipped = [replace(each, outcome=Outcome.SKIP) for each in found]
    passed = replace(found[0], outcome=Outcome.PASS)
    assert verdict_of([], PROFILE) == "UNKNOWN"
    assert verdict_of(skipped, PROFILE) == "UNKNOWN"
    assert text.summary(skipped, PROFILE).startswith("UNKNOWN: ")
    assert verdict_of([*skipped, passed], PROFILE) == "PASS"
    # That the server is built as its maker wants it does not say that the hypervisor runs on it.
    assert verdict_of([*skipped, replace(passed, profile="dell-r805")], PROFILE) == "UNKNOWN"


def test_the_file_that_most_facts_come_from_is_named_once() -> None:
    """A dump with a long name does not push every fact onto three lines."""
    facts = FactBook()
    dump = "/srv/dumps/rack-12/unit-03/dmidecode.txt"
    for at, name in enumerate(("system.vendor", "system.model", "system.serial")):
        facts.learn(name, "x", Source.DMI, f"{dump}#{at}")
    facts.learn("firmware.boot_mode", "bios", Source.PROCFS, "/sys/firmware/efi")
    shown = text.facts(facts)
    assert shown.count(dump) == 1
    assert "…#2 (dmi)" in shown
    assert "/sys/firmware/efi (procfs)" in shown
