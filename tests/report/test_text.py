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
    told = text(verdict(MEMORY, server=None))
    assert "Known server: none" in told
    assert "\n  provision profile new FILE --kind server --from RECORDING\n" in told


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
        source={"title": long, "where": f"leaf {long}"},
        look=f"--fact {long}",
    )
    machine = verdict(wide, target=long, facts={"system.model": fact(long)})
    for documents in ([machine], [machine, unread(long)]):
        assert max(map(len, text(*documents).splitlines())) <= 80


def test_what_is_open_says_how_to_learn_it_and_nothing_to_mend() -> None:
    """Whatever the profile makes of not knowing: a tech looks before a part is swapped."""
    failed = {**samples.NX, "outcome": "fail"}
    for found in (samples.NX, samples.ENDURANCE, failed):
        for documents in ([verdict(found, MEMORY)], [verdict(found, MEMORY), unread()]):
            told = text(*documents)
            assert f"look {found['look']}" in flat(told)
            assert f"not told {', '.join(found['unknown'])}" in flat(told)
            assert f"Mend {found['rule']}" not in told


def test_a_verdict_without_a_look_is_told_as_before() -> None:
    """Reports that were saved before there was one are still rendered."""
    old = {key: value for key, value in samples.ENDURANCE.items() if key != "look"}
    told = text(verdict(old, MEMORY))
    assert "not told  boot.device.endurance" in told
    assert "fix       Mend boot.endurance." in told


def test_all_that_can_be_stated_at_once() -> None:
    """Two open rules or more: the options to fill in, tables left out; fewer need no such line."""
    told = text(verdict(samples.NX, samples.ENDURANCE, samples.IOMMU, MEMORY))
    assert told.endswith(
        "leave out the rest:\n"
        "  --fact boot.device.endurance=… --fact cpu.nx=… --fact iommu.state=…\n"
    )
    assert "=…" not in text(verdict(samples.NX, MEMORY))
    unsure = finding(
        "cpu.virt", "unknown", evidence={"cpu.virt.state": fact("capable")}, found="capable"
    )
    many = [finding(f"r{n}", "unknown", unknown=[name]) for n, name in enumerate(samples.FACTS)]
    lines = text(verdict(unsure, *many)).splitlines()
    options = lines[lines.index(next(line for line in lines if "--fact" in line)) :]
    assert "--fact cpu.virt.state=…" in options[0]
    assert len(options) > 1
    assert all(line.endswith(" \\") for line in options[:-1])
    assert max(map(len, lines)) <= 80
    assert "memory.dimms=" not in "".join(options)


def test_recordings_are_told_apart_in_a_column() -> None:
    """Long paths lose the folders they share and their middle; two never look alike."""
    told = text(*samples.recordings())
    lines = told.splitlines()
    assert "UNKNOWN  Maker 0/Mo…/000000000000  PowerEdge R805      not known: cpu.nx" in lines
    assert "/srv/recorded" not in told
    assert max(map(len, lines)) <= 80


def test_one_file_is_named_once() -> None:
    """Its path stands in the heading; at each finding there is only the place inside."""
    path = "/srv/recorded/racks/r12/dmidecode.txt"
    state = finding("a", "fail", evidence={"cpu.virt.state": fact("disabled", f"{path}#4")})
    clash = finding(
        "sources.memory.total",
        "warn",
        profile="",
        expected=f"64 GiB ({path}#5)",
        found="32 GiB (/other/file)",
    )
    known = {"memory.total": fact(64 << 30, f"{path}#5")}
    told = text(verdict(state, clash, MEMORY, target=path, facts=known))
    assert f"Below, … stands for {path}" in flat(told)
    assert "…#4 (redfish, power Off)" in told
    assert "believed  64 GiB (…#5)" in told
    assert f"{path}#" not in told


def test_what_is_copied_is_not_broken() -> None:
    """An address stays whole beyond 80 columns, an option keeps its value."""
    where = f"https://example.net/{'x' * 90}.html"
    source = {"title": "T", "where": where}
    found = finding("a", "unknown", source=source, look=f"{'word ' * 10}--fact a.b='32 GB of it'")
    told = text(verdict(found))
    assert f"\n{' ' * 19}{where}\n" in told
    assert f"\n{' ' * 19}--fact a.b='32 GB of it'\n" in told


def test_many_machines_end_with_a_line_for_each_cause() -> None:
    """The end is what a terminal shows first; cause by cause, cut to one line, then the count."""
    lines = text(*samples.rack(76)).splitlines()
    short = lines[lines.index("In short") + 1 : lines.index("", lines.index("In short"))]
    assert [line.split(":")[0].split() for line in short] == [
        ["FAIL", "18", TIMES, "cpu.virt"],
        ["ERROR", "4", TIMES, "unreachable"],
        ["WARN", "24", TIMES, "boot.media"],
        ["UNKNOWN", "6", TIMES, "iommu"],
        ["WAIVED", "48", TIMES, "memory.population"],
    ]
    assert len(lines) < 76 + 80


def test_of_many_machines_with_a_cause_some_are_named() -> None:
    """Where none has failed, eight of them and a number are enough; the lines tell which."""
    told = flat(text(*samples.recordings(20), verdict(MEMORY)))
    assert f"20 {TIMES} cpu.nx" in told
    assert "/000000000007 and 12 more" in told


def test_a_bmc_that_was_not_checked_is_said_aloud() -> None:
    """Of one machine and of many: what anybody in between could have answered proves little."""
    open_ = verdict(*samples.FINDINGS) | {"tls": {"how": "insecure"}}
    assert "INSECURE: the BMC's certificate was not checked" in flat(text(open_))
    many = flat(text(open_, verdict(*samples.FINDINGS)))
    assert "whoever was in between answered (1 of 2)" in many
    assert "INSECURE" not in text(verdict(*samples.FINDINGS))
