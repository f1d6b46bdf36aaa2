"""Text of one machine and of many: narrow, worst first, and what to do under each failure."""

from __future__ import annotations

import re

from provision import report
from provision.report.causes import TIMES
from tests.report import samples
from tests.report.samples import MEMORY, VIRTUALIZATION, fact, finding, unread, verdict


def text(*documents: dict[str, object]) -> str:
    """The text about machines."""
    return report.render("text", documents)


def flat(told: str) -> str:
    """Text without its line breaks."""
    return " ".join(told.split())


def test_one_machine_is_told_in_full() -> None:
    """Who it is, what it is made of and known as, each finding with its remedy, and the count."""
    told = text(verdict(*samples.FINDINGS))
    lines = told.splitlines()
    assert lines[0] == "Xen 4.17 on 10.0.0.7 (Dell Inc. PowerEdge R805 8XJ0188)"
    assert lines[1] == "64 GiB of memory"
    assert lines[2] == "Known server: Dell PowerEdge R805, verified 2026-11-24"
    order = [told.index(f"\n{word:<9}") for word in ("FAIL", "WARN", "UNKNOWN", "INFO", "WAIVED")]
    assert order == sorted(order)
    assert "In the BIOS settings: set ProcVirtualization to Enabled." in flat(told)
    assert "but cpu.virt.state = enabled, says /proc/cpuinfo (procfs, power Off)" in flat(told)
    assert "waiver spare part under way (by A. Miller, until 2027-01-31)" in flat(told)
    assert "[memory.population of dell-r805]" in told
    assert told.count("caution   this rule has no sure source") == 1
    assert told.endswith(
        "\nFAIL: 1 failed, 1 warned of, 1 not known, 1 for information, 1 waived, 1 not\n"
        "applicable, 1 passed\n"
    )


def test_the_remedy_stands_before_the_evidence() -> None:
    """Somebody with gloves on reads what to do first, and where it was read after."""
    told = text(verdict(VIRTUALIZATION, MEMORY))
    assert told.index("found ") < told.index("fix ") < told.index("evidence ")


def test_what_is_open_or_waived_has_no_remedy() -> None:
    """Nobody is sent to mend what may be well, or what somebody let go."""
    told = text(verdict(samples.IOMMU, samples.DIMMS, MEMORY))
    assert "fix " not in told
    assert "not told  iommu.state" in told


def test_an_expired_waiver_is_told_as_such() -> None:
    """A waiver that has run out explains nothing away, and says since when."""
    waiver = {"reason": "spare", "by": "A. Miller", "until": "2026-01-31", "expired": True}
    told = text(verdict(finding("x", "fail", waiver=waiver)))
    assert "waiver    spare (by A. Miller, expired 2026-01-31)" in told
    assert "fix       Mend x." in told


def test_a_server_that_no_profile_knows() -> None:
    """Nobody takes silence for a server whose own rules were met."""
    assert "Known server: none" in text(verdict(MEMORY, server=None))


def test_sources_that_contradict_one_another() -> None:
    """What is believed and what else was told stand together; nothing was "wanted" there."""
    told = text(
        verdict(
            finding(
                "sources.memory.total",
                "warn",
                profile="",
                expected="64 GiB (/sys/firmware/dmi/tables/DMI)",
                found="32 GiB (/redfish/v1/Systems/1#/MemorySummary)",
                fix="Find out which one is right.",
            ),
            MEMORY,
        )
    )
    assert "believed  64 GiB (/sys/firmware/dmi/tables/DMI)" in told
    assert "but also  32 GiB (/redfish/v1/Systems/1#/MemorySummary)" in told
    assert "wanted" not in told


def test_a_machine_that_could_not_be_read() -> None:
    """Why, and what to do."""
    told = text(unread())
    assert told.startswith("ERROR    10.0.0.9 could not be validated [unreachable]\n")
    assert "fix       Check the address, the cable of the BMC and the power." in told


def test_a_rack_has_a_line_for_each_and_groups_causes() -> None:
    """40 machines: a line each, worst first; one cause with all that share it; a count line."""
    told = text(*samples.rack())
    lines = told.splitlines()
    each = [line for line in lines if re.match(r"(FAIL|ERROR|UNKNOWN|PASS) +r12-u\d\d ", line)]
    assert len(each) == 40
    words = [line.split()[0] for line in each]
    assert words == sorted(words, key=["FAIL", "ERROR", "UNKNOWN", "PASS"].index)
    assert "FAIL     r12-u03  8XJ0003  PowerEdge R805      cpu.virt" in lines
    assert "ERROR    r12-u07                               unreachable" in lines
    assert f"FAIL     9 {TIMES} cpu.virt: Hardware virtualization is enabled" in lines
    assert told.count("Turn on virtualization") == 1
    assert "r12-u03, r12-u11, r12-u15" in told
    assert f"ERROR    2 {TIMES} unreachable: could not be validated" in lines
    assert lines[-1] == "40 machines: 9 FAIL, 2 ERROR, 3 UNKNOWN, 26 PASS"
    assert max(map(len, lines)) <= 80


def test_one_cause_with_several_values_and_remedies() -> None:
    """Machines that miss a rule differently, or are mended differently, are told apart."""
    locked = {**VIRTUALIZATION, "found": "locked"}
    machines = [
        samples.named("a", "1", VIRTUALIZATION, MEMORY),
        samples.named("b", "2", VIRTUALIZATION, MEMORY),
        samples.named("c", "3", locked, MEMORY, settings={"cpu.virt": {"SvmMode": "On"}}),
    ]
    told = flat(text(*machines))
    assert "all 3 machines" in told
    assert "found disabled: a, b locked: c" in told
    assert "a, b: In the BIOS settings: set ProcVirtualization to Enabled." in told
    assert "c: In the BIOS settings: set SvmMode to On." in told


def test_one_target_by_two_profiles() -> None:
    """The profile is told where the target alone does not say which line is meant."""
    other = {"id": "esxi-8.0", "title": "ESXi 8.0", "verified": "2026-11-24", "params": {}}
    told = text(verdict(MEMORY), verdict(VIRTUALIZATION, MEMORY, profile=other))
    assert "Validated against ESXi 8.0 and Xen 4.17" in told
    assert "FAIL     10.0.0.7 (esxi-8.0)" in told
    assert "PASS     10.0.0.7 (xen-4.17)" in told


def test_never_wider_than_80_columns_whatever_is_told() -> None:
    """Long names, paths, lists and hosts wrap or are cut."""
    long = "x" * 300
    wide = finding(
        "r" * 120,
        "fail",
        title=long,
        found=long,
        fix=long,
        evidence={"system.model": fact(long, "/" + long)},
        source={"title": long, "where": f"https://{long}"},
    )
    machine = verdict(wide, target=long, facts={"system.model": fact(long)})
    for documents in ([machine], [machine, unread(long)]):
        assert max(map(len, text(*documents).splitlines())) <= 80
