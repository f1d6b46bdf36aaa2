"""Server and site profiles, waivers, and sources that contradict one another."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import hwprofiles
from hwprofiles import DocumentError, Outcome
from hwprofiles.deriving import complete
from hwprofiles.facts import FactBook, Source

SITE = """\
schema: bareiron.profile/1
kind: site
id: ours
extends: [xen-4.17]
title: Xen as we run it
verified: 2026-01-01
waivers:
  - rule: memory.size
    reason: lent to the test rack
    by: rack team
    until: 2026-12-31
    when: {system.serial: LENT}
  - {rule: server.population, reason: modules are on order, by: rack team, until: 2026-12-31}
"""
SERVER = """\
schema: bareiron.profile/1
kind: server
id: box
title: A box
aliases: [Crate]
verified: 2026-01-01
match: {system.vendor: {matches: "(?i)^acme"}, system.model: Box}
population:
  slots: {CPU1: [A1, A2]}
  fill: [[1, 2]]
rules:
  - id: server.population
    title: Modules in pairs
    severity: error
    check: {memory.dimms: {population: true}}
    fix: See the manual.
"""
BEFORE, AFTER = date(2026, 12, 31), date(2027, 1, 1)


def written(folder: Path, text: str) -> hwprofiles.Profile:
    """A profile from a file."""
    path = folder / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    return hwprofiles.load(str(path))


def machine(serial: str) -> FactBook:
    """A server with too little memory, in the wrong slots."""
    facts = FactBook()
    for name, value in {
        "system.vendor": "ACME Inc.",
        "system.model": "Box",
        "system.serial": serial,
        "memory.total": 256 << 20,
        "memory.dimms": ({"slot": "DIMM_A2", "size": 256 << 20}, {"slot": "DIMM_A1", "size": 0}),
    }.items():
        facts.learn(name, value, Source.DMI, "/dmi")  # type: ignore[arg-type]
    return facts


def outcome(rule: str, findings: list[hwprofiles.Finding]) -> Outcome:
    """What came of one rule."""
    return next(finding.outcome for finding in findings if finding.rule == rule)


def test_a_waiver_counts_until_its_day(tmp_path: Path) -> None:
    """A waived failure is told as waived, with who and why; after the day it fails again."""
    site = written(tmp_path, SITE)
    waived = next(
        finding
        for finding in hwprofiles.judge(site, machine("LENT"), today=BEFORE)
        if finding.rule == "memory.size"
    )
    assert waived.outcome is Outcome.WAIVED
    assert waived.as_dict()["waiver"] == {
        "reason": "lent to the test rack",
        "by": "rack team",
        "until": "2026-12-31",
        "expired": False,
    }
    late = hwprofiles.judge(site, machine("LENT"), today=AFTER)[0]
    assert (late.rule, late.outcome) == ("memory.size", Outcome.FAIL)
    assert late.waiver is not None
    assert late.waiver["expired"] is True


def test_a_waiver_is_for_the_machines_it_names(tmp_path: Path) -> None:
    """Another machine, or one that does not tell its serial, is not waived."""
    site = written(tmp_path, SITE)
    assert outcome("memory.size", hwprofiles.judge(site, machine("OTHER"), today=BEFORE)) == "fail"
    nameless = machine("LENT")
    del nameless["system.serial"]
    assert outcome("memory.size", hwprofiles.judge(site, nameless, today=BEFORE)) == "fail"


def test_a_server_is_judged_by_its_own_rules_too(tmp_path: Path) -> None:
    """Findings of both profiles, each with the id of the one that asks; the site may waive both."""
    server = written(tmp_path, SERVER)
    assert server.match is not None
    assert server.match.judge(machine("X")) is True
    assert server.aliases == ("Crate",)
    found = hwprofiles.judge(hwprofiles.load("xen-4.17"), machine("X"), server)
    assert {finding.profile for finding in found} == {"xen-4.17", "box"}
    population = next(finding for finding in found if finding.rule == "server.population")
    assert population.outcome is Outcome.FAIL
    assert "add 1, so that A1, A2 are full. See the manual." in population.fix
    site = written(tmp_path, SITE)
    waived = hwprofiles.judge(site, machine("X"), server, today=BEFORE)
    assert outcome("server.population", waived) is Outcome.WAIVED


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SITE.replace("memory.size", "memory.sise"), "10:11"),
        (SITE.replace("until: 2026-12-31\n", "until: soon\n"), "until"),
        (SITE.replace("    by: rack team\n", ""), "'by' is missing"),
        (SITE.replace("kind: site", "kind: site\naliases: [x]"), "for profiles of kind server"),
        (SERVER.replace("match:", "#"), "a server profile needs match"),
        (SERVER.replace("[[1, 2]]", "[[1, 3]]"), "fill and counts count slots from 1 to 2"),
        (SERVER.replace("[[1, 2]]", "[[1, 2], [2]]"), "a slot in two groups"),
        (SERVER.replace("fill: [[1, 2]]", "counts: [[1], [2]]"), "two lists for one number"),
        (SERVER.replace("fill:", "counts: [[1, 2]]\n  fill:"), "give one of them"),
        (SERVER.replace("system.model: Box", "system.modell: Box"), "did you mean 'system.model'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, text: str, told: str) -> None:
    """A waiver of nothing, one without an author, a layout that cannot be: all are refused."""
    with pytest.raises(DocumentError) as error:
        written(tmp_path, text)
    assert told.replace("10:11", "no rule 'memory.sise' to waive") in str(error.value)


def test_contradicting_sources_are_a_finding() -> None:
    """A BMC that says 128 GiB of a machine whose kernel sees 120 is asked again."""
    facts = FactBook()
    facts.learn("memory.total", 120 << 30, Source.PROCFS, "/proc/meminfo")
    facts.learn("memory.total", 128 << 30, Source.REDFISH, "/redfish/v1/Systems/1")
    finding = next(
        finding
        for finding in hwprofiles.judge(hwprofiles.load("xen-4.17"), facts)
        if finding.rule == "sources.memory.total"
    )
    assert finding.outcome is Outcome.WARN
    assert finding.expected == "128 GiB (/redfish/v1/Systems/1)"
    assert finding.found == "120 GiB (/proc/meminfo)"
    (rival,) = finding.as_dict()["evidence"]["memory.total"]["rivals"]
    assert (rival["value"], rival["path"]) == (120 << 30, "/proc/meminfo")


def test_what_differs_by_nature_is_no_contradiction() -> None:
    """A kernel keeps some memory for itself; BMCs spell vendors their own way; some cannot tell."""
    facts = FactBook()
    facts.learn("memory.total", 126 << 30, Source.PROCFS, "/proc/meminfo")
    facts.learn("memory.total", 128 << 30, Source.DMI, "/dmi")
    facts.learn("system.vendor", "Dell Inc.", Source.DMI, "/dmi")
    facts.learn("system.vendor", "Dell", Source.REDFISH, "/redfish/v1/Systems/1")
    facts.learn("cpu.virt.state", "disabled", Source.MSR, "/dev/cpu/0/msr")
    facts.learn("cpu.virt.state", "capable", Source.CPUID, "dump")
    assert not any(fact.rivals for fact in facts.values())
    assert facts["cpu.virt.state"].value == "disabled"


def test_a_waiver_in_force_wins_over_one_that_expired(tmp_path: Path) -> None:
    """A site that forgot an old waiver does not lose the one its base still grants."""
    old = "  - {rule: memory.size, reason: older one, by: rack team, until: 2026-01-31}\n"
    site = written(tmp_path, SITE + old)
    assert outcome("memory.size", hwprofiles.judge(site, machine("LENT"), today=BEFORE)) == "waived"
    assert outcome("memory.size", hwprofiles.judge(site, machine("OTHER"), today=BEFORE)) == "fail"


def test_an_open_rule_says_how_to_learn_more() -> None:
    """Each way that was not gone yet, and the option that states it."""
    facts = machine("X")
    found = {f.rule: f for f in hwprofiles.judge(hwprofiles.load("xen-4.17"), facts)}
    look = found["cpu.virt"].look
    assert "on the machine itself: provision validate --local, as root" in look
    assert "over Redfish, from its BMC" in look
    assert "--fact cpu.virt.state=enabled" in look
    assert found["memory.size"].look == ""
    facts.learn("system.serial", "X", Source.REDFISH, "/redfish/v1/Systems/1")
    found = {f.rule: f for f in hwprofiles.judge(hwprofiles.load("xen-4.17"), facts)}
    assert "Redfish" not in found["cpu.virt"].look


def test_another_architecture_fails() -> None:
    """An Arm server is no host of an x86 hypervisor, however little else is known."""
    for told in ({"cpu.arch": "arm64"}, {"cpu.name": "Ampere(R) Altra(R) Processor"}):
        facts = FactBook()
        for name, value in told.items():
            facts.learn(name, value, Source.DMI, "/dmi")
        complete(facts)
        for profile in hwprofiles.names():
            found = hwprofiles.judge(hwprofiles.load(profile), facts)
            assert outcome("cpu.arch", found) == "fail", profile


def test_a_guest_stays_a_guest() -> None:
    """Registers pasted beside a guest's own words do not make a machine of it."""
    for order in (("guest", "enabled"), ("enabled", "guest")):
        facts = FactBook()
        for word in order:
            facts.learn("cpu.virt.state", word, Source.MSR, word)
        assert facts["cpu.virt.state"].value == "guest"
        assert not facts["cpu.virt.state"].rivals


def test_what_follows_gives_way_to_what_is_said() -> None:
    """A signature's usual level is no contradiction to the flags of this very machine."""
    derived, said = FactBook(), FactBook()
    derived.learn("cpu.level", "v4", Source.REDFISH, "signature", derived=True)
    said.learn("cpu.level", "v3", Source.PROCFS, "flags")
    for first, second in ((derived, said), (said, derived)):
        facts = FactBook(first)
        facts.take(second)
        assert (facts["cpu.level"].value, facts["cpu.level"].rivals) == ("v3", ())
