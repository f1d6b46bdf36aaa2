"""The shipped profiles: sourced, dated, and right about machines we know."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import hwprofiles
from hwprofiles import Profile, loading
from hwprofiles.deriving import complete
from hwprofiles.facts import CATALOGUE, Cell, FactBook, Source, Value
from tests.hwprofiles.test_hypervisors import machine, outcomes, profile

FOLDER = Path(hwprofiles.__file__).parent / "hypervisors"

NAMES = [
    "azure-local-23h2",
    "bhyve",
    "esx-3i",
    "esxi-6.7",
    "esxi-7.0",
    "esxi-8.0",
    "esxi-8.0u2",
    "esxi-9.0",
    "harvester-1.3",
    "hyper-v-2022",
    "hyper-v-2025",
    "openshift-virtualization",
    "ovirt-4.5",
    "proxmox-ve-8",
    "proxmox-ve-9",
    "rhel-10-kvm",
    "rhel-9-kvm",
    "ubuntu-kvm",
    "xcp-ng-8.2",
    "xcp-ng-8.3",
    "xen-4.17",
    "xenserver-4",
    "xenserver-8",
]
BASES = [
    "esxi-base",
    "hyper-v-base",
    "kvm-base",
    "proxmox-ve-base",
    "x86-host",
    "xcp-ng-base",
    "xen-base",
]


def test_names() -> None:
    """The profiles one can choose; bases are not among them, and are whole all the same."""
    assert hwprofiles.names() == NAMES
    files = FOLDER.glob("*.yaml")
    assert sorted(path.stem for path in files) == sorted(NAMES + BASES)
    for base in BASES:
        assert loading.load(base, allow_abstract=True).id == base


def test_all_were_verified_on_the_day_of_their_facts() -> None:
    """Their numbers are those of one table, read on one day; a later look moves the date."""
    assert {profile(name).verified for name in NAMES} == {date(2026, 11, 24)}


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_of_firmware_are_offered(name: str) -> None:
    """Whatever is asked of virtualization or of the IOMMU comes with the switch that mends it."""
    for rule in profile(name).rules:
        for fact, word in {"cpu.virt.state": "virtualization", "iommu.state": "iommu"}.items():
            if fact in rule.check.facts():
                assert rule.fix_redfish == {word: "enabled"}, rule.id


@pytest.mark.parametrize("name", NAMES)
def test_rules_are_sourced_and_helpful(name: str) -> None:
    """Every rule has a remedy, and a source or the mark that it has none; nothing is post-dated."""
    assert profile(name).id == name
    assert profile(name).verified <= datetime.now(UTC).date()
    for rule in profile(name).rules:
        assert rule.source or rule.confidence == "low", rule.id
        assert not rule.id.startswith(loading.OTHERS), rule.id  # those are of servers
        assert rule.fix, rule.id
        assert "$" not in rule.title + rule.fix
        assert set(rule.check.facts()) <= set(CATALOGUE)


def redfish_facts(state: str = "enabled", gib: int = 128) -> FactBook:
    """What a BMC tells of a server of today."""
    facts = FactBook()
    told: dict[str, Value] = {
        "cpu.vendor": "GenuineIntel",
        "cpu.family": 6,
        "cpu.model": 0x6A,
        "cpu.stepping": 6,
        "cpu.virt.state": state,
        "cpu.virt.slat": True,
        "cpu.virt.attribute": "ProcVirtualization",
        "cpu.cores": 24,
        "iommu.state": "enabled",
        "memory.total": gib << 30,
        "firmware.boot_mode": "uefi",
        "firmware.secure_boot": "disabled",
        "nics.count": 2,
        "nics.fastest": 25 * 10**9,
    }
    for name, value in told.items():
        facts.learn(name, value, Source.REDFISH, "/redfish/v1/Systems/1")
    complete(facts)
    return facts


@pytest.mark.parametrize("name", ["xen-4.17", "proxmox-ve-9"])
def test_a_healthy_server_leaves_nothing_open(name: str) -> None:
    """What Redfish tells is enough for these: nothing unknown, so --strict is usable."""
    found = set(outcomes(name, redfish_facts()).values())
    assert found <= {"pass", "skip"}


def test_virtualization_off_names_the_attribute_and_the_setting() -> None:
    """The one setting everybody forgets is an error, with the switch to turn."""
    finding, *rest = hwprofiles.judge(profile("xen-4.17"), redfish_facts("disabled"))
    assert (finding.rule, finding.outcome) == ("cpu.virt", "fail")
    assert finding.fix_redfish == {"virtualization": "enabled"}
    assert dict(finding.evidence)["cpu.virt.attribute"].value == "ProcVirtualization"
    assert all(other.outcome != "fail" for other in rest)


@pytest.mark.parametrize("state", ["unknown", "capable", "not-controllable", "guest"])
def test_virtualization_not_known_is_not_a_failure(state: str) -> None:
    """A BMC that will not say has not passed, and has not failed."""
    assert outcomes("xen-4.17", redfish_facts(state))["cpu.virt"] == "unknown"


def test_facts_redfish_cannot_give_are_unknown() -> None:
    """CPU flags are not in Redfish: what a signature cannot stand in for stays open."""
    found = outcomes("esxi-8.0", redfish_facts())
    assert {rule for rule, outcome in found.items() if outcome == "unknown"} == {
        "cpu.nx",
        "memory.ecc",
        "boot.size",
        "boot.media",
        "tpm",
    }
    assert "fail" not in found.values()


@pytest.mark.parametrize(
    ("mib", "size", "recommended"),
    [(512, "fail", "warn"), (970, "pass", "warn"), (1024, "pass", "warn"), (2048, "pass", "pass")],
)
def test_memory_for_xen(mib: int, size: str, recommended: str) -> None:
    """A lab VM of 1 GiB passes, also by what its kernel sees of it, with a warning."""
    facts = redfish_facts()
    facts.learn("memory.total", mib << 20, Source.USER, "x")
    found = outcomes("xen-4.17", facts)
    assert (found["memory.size"], found["memory.recommended"]) == (size, recommended)


def test_the_founding_machine_against_esxi_8() -> None:
    """A PowerEdge R805 with Shanghai CPUs: the right box, in the wrong decade."""
    facts = FactBook()
    told: dict[str, Value] = {
        "cpu.vendor": "AuthenticAMD",
        "cpu.family": 0x10,
        "cpu.model": 4,
        "cpu.stepping": 2,
        "cpu.flags": ("lm", "lahf_lm", "nx", "svm"),
        "cpu.nx": "enabled",
        "cpu.virt.state": "enabled",
        "cpu.virt.slat": True,
        "cpu.cores": 8,
        "memory.total": 128 << 30,
        "memory.ecc": "multi-bit",
        "firmware.boot_mode": "bios",
        "boot.device.bus": "sd",
        "boot.device.size": 2 * 10**9,
    }
    for name, value in told.items():
        facts.learn(name, value, Source.DMI, "recorded")
    complete(facts)
    found = outcomes("esxi-8.0", facts)
    by_outcome = {
        outcome: {rule for rule, it in found.items() if it == outcome}
        for outcome in ("fail", "warn", "unknown")
    }
    assert by_outcome == {
        "fail": {"cpu.xsave", "cpu.model.discontinued", "boot.size"},
        "warn": {"net.nic", "firmware.uefi", "boot.endurance"},
        "unknown": {"boot.media", "tpm"},
    }


def test_xeon_phi_does_not_run_xen() -> None:
    """The one x86-64 family Xen leaves out."""
    facts = redfish_facts()
    facts.learn("cpu.model", 0x57, Source.USER, "x")
    assert outcomes("xen-4.17", facts)["cpu.phi"] == "fail"


def example(number: int) -> str:
    """The YAML examples of the guide, in order."""
    guide = (FOLDER / "README.md").read_text(encoding="utf-8")
    return guide.split("```yaml\n")[number].split("```")[0]


def written(folder: Path, text: str) -> Profile:
    """A profile from a file."""
    path = folder / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    return hwprofiles.load(str(path))


def test_the_guide_is_right(tmp_path: Path) -> None:
    """The example in the guide is a profile that loads, and does what its comments say."""
    rules = {rule.id: rule for rule in written(tmp_path, example(1)).rules}
    assert "memory.recommended" not in rules
    assert rules["memory.size"].title.startswith("64 GiB")
    assert rules["iommu"].severity == "error"
    assert rules["cpu.generation"].confidence == "low"


def test_the_guide_is_right_about_tables(tmp_path: Path) -> None:
    """Each line of the example on tables decides as its words say."""
    head = example(1).split("rules:")[0]
    rule = f"rules:\n  - id: t\n    title: Tables\n    severity: error\n{indented(example(2))}"
    check = next(it for it in written(tmp_path, head + rule).rules if it.id == "t").check
    good: list[dict[str, Cell]] = [{"size": 960 * 10**9, "media": "ssd"}] * 2
    cases: list[tuple[list[dict[str, Cell]], int, int, bool | None]] = [
        (good, 16 << 30, 25 * 10**9, True),
        (good, 8 << 30, 25 * 10**9, False),
        (good, 0, 10**9, False),
        (good[:1], 0, 25 * 10**9, False),
        ([*good[:1], {"size": 960 * 10**9}], 0, 25 * 10**9, None),
    ]
    for drives, dimm, speed, expected in cases:
        facts = FactBook()
        facts.learn("storage.drives", drives, Source.USER, "x")
        slots: list[dict[str, Cell]] = [{"slot": "A1", "size": dimm}]
        facts.learn("memory.dimms", slots, Source.USER, "x")
        facts.learn("nics.ports", [{"speed": speed}], Source.USER, "x")
        assert check.judge(facts) is expected


def indented(text: str) -> str:
    """As part of a rule."""
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_the_guide_is_right_about_sites(tmp_path: Path) -> None:
    """The site's example: parameters, and waivers that end, for one machine or for all."""
    site = written(tmp_path, example(3))
    facts = machine("Gold 6338", firmware__boot_mode="bios", boot__device__bus="usb")
    facts.learn("storage.largest", 64 * 10**9, Source.USER, "x")
    facts.learn("boot.device.size", 32 * 10**9, Source.USER, "x")

    def found(today: date) -> dict[str, str]:
        judged = hwprofiles.judge(site, facts, today=today)
        return {finding.rule: str(finding.outcome) for finding in judged}

    before = found(date(2027, 1, 31))
    assert before["boot.size"] == "fail"
    assert before["firmware.uefi"] == "waived"
    assert before["boot.media"] == "warn"  # another machine
    facts.learn("system.serial", "CZ3404YWNR", Source.USER, "x")
    assert found(date(2027, 1, 31))["boot.media"] == "waived"
    after = found(date(2027, 4, 1))
    assert after["firmware.uefi"] == after["boot.media"] == "warn"
