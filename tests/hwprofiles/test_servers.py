"""The shipped server profiles: sourced, told apart, and right about which module to move."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

import hwprofiles
from hwprofiles import Finding, Outcome, ProfileKind, Severity
from hwprofiles.facts import FactBook, Source
from hwprofiles.population import slot_key

MODELS = {
    "cisco-ucs-c220-m4": ("Cisco Systems Inc", "UCSC-C220-M4S"),
    "cisco-ucs-c220-m5": ("Cisco Systems Inc", "UCSC-C220-M5SX"),
    "cisco-ucs-c220-m6": ("Cisco Systems Inc", "UCSC-C220-M6S"),
    "dell-poweredge-2950": ("Dell Inc.", "PowerEdge 2950"),
    "dell-poweredge-r640": ("Dell Inc.", "PowerEdge R640"),
    "dell-poweredge-r650": ("Dell Inc.", "PowerEdge R650"),
    "dell-poweredge-r750": ("Dell Inc.", "PowerEdge R750"),
    "dell-poweredge-r7525": ("Dell Inc.", "PowerEdge R7525"),
    "dell-poweredge-r760": ("Dell Inc.", "PowerEdge R760"),
    "dell-poweredge-r7625": ("Dell Inc.", "PowerEdge R7625"),
    "dell-poweredge-r805": ("Dell Inc.", "PowerEdge R805"),
    "dell-poweredge-r905": ("Dell Inc.", "PowerEdge R905"),
    "hp-proliant-bl460c-g1": ("HP", "ProLiant BL460c G1"),
    "hp-proliant-dl380-g5": ("HP", "ProLiant DL380 G5"),
    "hp-proliant-dl385-g5": ("Hewlett-Packard", "ProLiant DL385 G5"),
    "hpe-proliant-dl360-gen10": ("HPE", "ProLiant DL360 Gen10"),
    "hpe-proliant-dl360-gen11": ("HPE", "ProLiant DL360 Gen11"),
    "hpe-proliant-dl380-gen10": ("HPE", "ProLiant DL380 Gen10"),
    "hpe-proliant-dl380-gen11": ("HPE", "ProLiant DL380 Gen11"),
    "hpe-proliant-dl385-gen10-plus-v2": ("HPE", "ProLiant DL385 Gen10 Plus v2"),
    "hpe-proliant-dl385-gen11": ("HPE", "ProLiant DL385 Gen11"),
    "ibm-system-x3850-m2": ("IBM", "IBM 3850 M2 / x3950 M2 -[71413RM]-"),
    "lenovo-thinksystem-sr650": ("Lenovo", "ThinkSystem SR650 -[7X06CTO1WW]-"),
    "lenovo-thinksystem-sr650-v2": ("Lenovo", "ThinkSystem SR650 V2"),
    "lenovo-thinksystem-sr650-v3": ("Lenovo", "ThinkSystem SR650 V3"),
    "supermicro-x10": ("Supermicro", "X10DRH"),
    "supermicro-x11": ("Supermicro", "SYS-1029P-WTR"),
    "supermicro-x12": ("Supermicro", "SYS-510P-MR"),
    "supermicro-x13": ("Supermicro", "SYS-821GE-TNHR"),
}
OTHERS = [
    ("Dell Inc.", "PowerEdge R6400"),
    ("Dell Inc.", "PowerEdge XR640"),
    ("Dell Inc.", "XC640-10"),
    ("Dell Inc.", "PowerEdge R750xs"),
    ("Dell Inc.", "PowerEdge R7525xd"),
    ("Cisco Systems Inc", "PowerEdge R640"),
    ("Cisco Systems Inc", "UCSC-C240-M4L"),
    ("HP", "ProLiant DL360 Gen10"),
    ("HPE", "ProLiant DL360 Gen10 Plus"),
    ("HPE", "ProLiant DL380a Gen11"),
    ("HPE", "ProLiant DL385 Gen10 Plus"),
    ("HPE", "ProLiant DL380 G5"),
    ("IBM", "System x3850 X5 -[7143Y61]-"),
    ("Lenovo", "ThinkSystem SR650 V4"),
    ("Lenovo", "ThinkSystem SR650-I V3"),
    ("Supermicro", "AS -1014S-WTRT"),
    ("Supermicro", "SYS-6027R-TRF"),  # X9
    ("Supermicro", "SYS-5018A-FTN4"),  # an Atom
    ("Supermicro", "SYS-222H-TN"),  # X14
    ("Supermicro", "Super Server"),
    ("Supermicro", "X9DRD-7LN4F"),
    ("DEPO Computers", "X10DRH"),
]
GIB = 1 << 30
R805_SLOTS = [f"DIMM_{cpu}{number}" for cpu in "AB" for number in range(1, 9)]


def book(told: dict[str, Any]) -> FactBook:
    """A machine of which just that is known."""
    facts = FactBook()
    for name, value in told.items():
        facts.learn(name, value, Source.DMI, "/dmi")
    return facts


def modules(slots: list[str], filled: dict[str, int], **columns: Any) -> list[dict[str, Any]]:
    """The memory table: every slot, those in ``filled`` with a module of that many GiB."""
    rows = []
    for slot in slots:
        bank, _, locator = slot.rpartition("/")
        size = filled.get(slot, 0)
        row: dict[str, Any] = {"slot": locator, "size": size * GIB} | (columns if size else {})
        rows.append(row | ({"bank": bank} if bank else {}))
    return rows


@cache
def loaded(name: str) -> hwprofiles.Profile:
    """The shipped profile, read once."""
    return hwprofiles.load(name)


def judged(profile: str, facts: FactBook) -> dict[str, Finding]:
    """The findings by rule."""
    return {each.rule: each for each in hwprofiles.judge(loaded(profile), facts)}


def population(profile: str, rows: list[dict[str, Any]], sockets: int = 2) -> Finding:
    """How the modules stand in their slots."""
    facts = book({"memory.dimms": rows, "cpu.sockets_populated": sockets})
    return judged(profile, facts)["server.memory.population"]


def r805(*slots: str, size: int = 4, **sizes: int) -> list[dict[str, Any]]:
    """The modules of an R805: those slots, less the words that all have."""
    filled = {f"DIMM_{slot}": size for slot in slots} | {f"DIMM_{s}": n for s, n in sizes.items()}
    return modules(R805_SLOTS, filled, rank=2, speed=667)


def test_names() -> None:
    """Every model asked for has its profile; bases are not among them."""
    assert sorted(hwprofiles.names(ProfileKind.SERVER)) == sorted(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_rules_are_sourced_and_helpful(name: str) -> None:
    """Every rule has a remedy and a source, or the mark that it has none; none fails on hearsay."""
    profile = loaded(name)
    assert profile.id == name
    assert profile.match
    for rule in profile.rules:
        assert rule.id.startswith("server."), rule.id
        assert rule.fix, rule.id
        assert "$" not in rule.title + rule.fix, rule.id
        assert rule.source or rule.confidence == "low", rule.id
        assert rule.severity is not Severity.ERROR or rule.confidence == "high", rule.id


@pytest.mark.parametrize("name", MODELS)
def test_slots_are_told_apart(name: str) -> None:
    """No slot is listed twice, every processor has as many, and as many as the profile says."""
    profile = loaded(name)
    if not profile.layout:
        return
    layout = profile.layout.slots
    keys = Counter(
        "/".join(map(slot_key, slot.split("/"))) for names in layout.values() for slot in names
    )
    assert set(keys.values()) == {1}
    assert len({len(names) for names in layout.values()}) == 1
    facts = book({"memory.slots": keys.total()})
    assert judged(name, facts)["server.memory.slots"].outcome is Outcome.PASS


@pytest.mark.parametrize("name", MODELS)
def test_a_machine_finds_its_profile(name: str) -> None:
    """What a machine calls itself leads to one profile."""
    vendor, model = MODELS[name]
    found = hwprofiles.match(book({"system.vendor": vendor, "system.model": model}))
    assert found
    assert found.id == name


@pytest.mark.parametrize(("vendor", "model"), OTHERS)
def test_other_machines_find_none(vendor: str, model: str) -> None:
    """A longer number, another maker, another generation: no profile is better than a wrong one."""
    assert hwprofiles.match(book({"system.vendor": vendor, "system.model": model})) is None


def test_a_super_server_tells_its_family_in_a_string() -> None:
    """A board that its maker did not name is known by the string of its BIOS."""
    for spelling in ("Supermicro motherboard-X13 Series", "Supermicro Motherboard-X13 Series"):
        told = {"system.vendor": "Supermicro", "system.model": "Super Server"}
        found = hwprofiles.match(book(told | {"system.oem_strings": ["Intel", spelling]}))
        assert found
        assert found.id == "supermicro-x13"


def test_the_r805_is_filled_in_pairs() -> None:
    """Pairs in order, the same on both processors: nothing to do."""
    finding = population("dell-poweredge-r805", r805("A1", "A2", "B1", "B2"))
    assert finding.outcome is Outcome.PASS
    assert "DIMM_A2" in finding.found


def test_a_module_in_the_wrong_slot_is_named() -> None:
    """A module put into A3 instead of A2 fails, and the remedy says which goes where."""
    finding = population("dell-poweredge-r805", r805("A1", "A3", "B1", "B2"))
    assert finding.outcome is Outcome.FAIL
    assert "CPU1: move the module from DIMM_A3 to DIMM_A2." in finding.fix
    assert "CPU2: move" not in finding.fix


def test_a_module_that_lacks_its_twin_is_named() -> None:
    """Three modules make no pairs: one is to be added, and where is told."""
    finding = population("dell-poweredge-r805", r805("A1", "A2", "A3", "B1", "B2"))
    assert finding.outcome is Outcome.FAIL
    assert "DIMM_A3 filled, but DIMM_A4 empty" in finding.found
    assert "add 1" in finding.fix


def test_a_pair_that_is_unlike_fails() -> None:
    """Four GiB beside eight in one pair; other pairs may be larger."""
    unlike = population("dell-poweredge-r805", r805("A1", "B1", "B2", A2=8))
    assert unlike.outcome is Outcome.FAIL
    assert "size differs within a group" in unlike.found
    alike = population("dell-poweredge-r805", r805("A1", "A2", "B1", "B2", A3=8, A4=8, B3=8, B4=8))
    assert alike.outcome is Outcome.PASS


def test_a_processor_without_memory_fails() -> None:
    """Two processors, one with modules: half the machine cannot work."""
    assert population("dell-poweredge-r805", r805("A1", "A2")).outcome is Outcome.FAIL
    one = population("hpe-proliant-dl380-gen10", hpe("PROC 1 DIMM 8", "PROC 1 DIMM 10"), sockets=1)
    assert one.outcome is Outcome.PASS


def test_slots_nobody_told_of_are_empty() -> None:
    """A BMC lists every module; one that lists no empty slots is judged by the modules."""
    rows = [row for row in r805("A1", "A2", "B1", "B2") if row["size"]]
    assert population("dell-poweredge-r805", rows).outcome is Outcome.PASS
    assert judged("dell-poweredge-r805", FactBook())["server.memory.population"].outcome is (
        Outcome.UNKNOWN
    )


def hpe(*filled: str) -> list[dict[str, Any]]:
    """The modules of a DL380 Gen10."""
    slots = [f"PROC {cpu} DIMM {number}" for cpu in (1, 2) for number in range(1, 13)]
    return modules(slots, dict.fromkeys(filled, 32))


def test_phantom_slots_count_for_nothing() -> None:
    """Boards that are not fitted are listed by some firmware: what is in them is not judged."""
    rows = hpe("PROC 1 DIMM 8", "PROC 2 DIMM 8")
    phantoms = [{"slot": f"Board {n}, DIMM 1A", "size": 4 * GIB} for n in (1, 2)]
    profile = "hpe-proliant-dl380-gen10"
    assert population(profile, rows + phantoms).outcome is Outcome.PASS
    assert population(profile, phantoms).outcome is Outcome.UNKNOWN


def test_the_same_places_on_both_processors() -> None:
    """Slot 8 on one and slot 7 on the other: a warning that names both."""
    finding = population("hpe-proliant-dl380-gen10", hpe("PROC 1 DIMM 8", "PROC 2 DIMM 7"))
    assert finding.outcome is Outcome.WARN
    assert "CPU1 has PROC 1 DIMM 8 filled, CPU2 PROC 2 DIMM 7" in finding.found


def x3850(*filled: str) -> list[dict[str, Any]]:
    """The modules of an x3850 M2, whose locators repeat on each of four cards."""
    slots = [
        f"Node1/Bank{4 * card + pair}/MemCard{card + 1}/DIMM{number}"
        for card in range(4)
        for pair in range(1, 5)
        for number in (pair, pair + 4)
    ]
    return modules(slots, {f"Node1/{slot}": 4 for slot in filled}, speed=533)


def test_repeated_locators_are_told_apart_by_their_bank() -> None:
    """DIMM1 is there four times: each card is judged for itself."""
    pairs = [f"Bank{bank}/MemCard{card}/DIMM{n}" for bank, card in ((1, 1), (5, 2)) for n in (1, 5)]
    assert population("ibm-system-x3850-m2", x3850(*pairs)).outcome is Outcome.PASS
    moved = [*pairs[:-1], "Bank6/MemCard2/DIMM2"]
    finding = population("ibm-system-x3850-m2", x3850(*moved))
    assert finding.outcome is Outcome.WARN
    assert "MemCard2: move the module from Node1 Bank6 MemCard2/DIMM2 to" in finding.fix
    assert "MemCard1: move" not in finding.fix


def g5(*filled: str) -> FactBook:
    """A DL380 G5 with those slots filled."""
    slots = ["DIMM 1A", "DIMM 2C", "DIMM 3A", "DIMM 4C", "DIMM 5B", "DIMM 6D", "DIMM 7B", "DIMM 8D"]
    rows = modules(slots, {f"DIMM {slot}": 4 for slot in filled})
    return book({"memory.dimms": rows, "cpu.sockets_populated": 2})


def test_half_a_bank_fails_and_an_odd_order_warns() -> None:
    """Banks A and C are right in online spare mode: only half a bank is wrong in every mode."""
    findings = judged("hp-proliant-dl380-g5", g5("1A", "3A", "5B", "7B"))
    assert findings["server.memory.pairs"].outcome is Outcome.PASS
    assert findings["server.memory.population"].outcome is Outcome.PASS
    findings = judged("hp-proliant-dl380-g5", g5("1A", "3A", "2C", "4C"))
    assert findings["server.memory.pairs"].outcome is Outcome.PASS
    assert findings["server.memory.population"].outcome is Outcome.WARN
    assert "online spare" in findings["server.memory.population"].fix
    findings = judged("hp-proliant-dl380-g5", g5("1A", "5B"))
    assert findings["server.memory.pairs"].outcome is Outcome.FAIL


def test_numbers_of_modules_that_no_manual_has() -> None:
    """Six modules in a 2950, three beside a processor of an R760: not a layout of theirs."""
    slots = [f"DIMM{number} " for number in range(1, 9)]
    for count, outcome in ((2, Outcome.PASS), (4, Outcome.PASS), (6, Outcome.FAIL)):
        rows = modules(slots, dict.fromkeys(slots[:count], 2), rank=2, speed=667)
        assert population("dell-poweredge-2950", rows).outcome is outcome, count
    slots = [f"{cpu}{number}" for cpu in "AB" for number in range(1, 17)]
    for count, outcome in ((2, Outcome.PASS), (3, Outcome.WARN), (12, Outcome.PASS)):
        filled = dict.fromkeys([*slots[:count], *slots[16 : 16 + count]], 64)
        assert population("dell-poweredge-r760", modules(slots, filled)).outcome is outcome, count


@pytest.mark.parametrize(
    ("model", "state", "outcome"),
    [
        (0x02, "mitigated", Outcome.PASS),
        (0x02, "not-affected", Outcome.PASS),
        (0x02, "unmitigated", Outcome.FAIL),
        (0x02, "unknown", Outcome.UNKNOWN),
        (0x02, None, Outcome.UNKNOWN),
        (0x04, None, Outcome.SKIP),
    ],
)
@pytest.mark.parametrize(
    "profile", ["dell-poweredge-r805", "dell-poweredge-r905", "hp-proliant-dl385-g5"]
)
def test_a_barcelona_needs_its_workaround(
    profile: str, model: int, state: str | None, outcome: Outcome
) -> None:
    """Model 2 must be free of erratum 298 or work around it; not knowing is no pass."""
    told = {"cpu.vendor": "AuthenticAMD", "cpu.family": 0x10, "cpu.model": model}
    facts = book(told | ({"cpu.erratum_298": state} if state else {}))
    assert judged(profile, facts)["server.cpu.erratum-298"].outcome is outcome


def test_a_port_that_is_not_named_proves_nothing() -> None:
    """No SMBIOS: skipped. A board that names other ports is asked to be looked at, not failed."""
    rule = "server.boot.sd"
    assert judged("dell-poweredge-r805", FactBook())[rule].outcome is Outcome.SKIP
    named = book({"ports.internal": ["USB Port", "SD Card"]})
    assert judged("dell-poweredge-r805", named)[rule].outcome is Outcome.PASS
    unnamed = book({"ports.internal": ["USB Port"]})
    assert judged("dell-poweredge-r805", unnamed)[rule].outcome is Outcome.WARN


def test_network_ports_that_are_listed_twice() -> None:
    """Some boards tell of each port as type 10 and as type 41: more rows are no complaint."""
    rule, profile = "server.nics.embedded", "dell-poweredge-2950"
    names = ["Embedded Broadcom 5708 NIC 1", "Embedded Broadcom 5708 NIC 2"]
    names += ["Embedded NIC 1", "Embedded NIC 2"]
    ports = [{"name": name, "type": "ethernet"} for name in names]
    for rows, outcome in (
        (ports, Outcome.PASS),
        (ports[:2], Outcome.PASS),
        (ports[:1], Outcome.WARN),
    ):
        assert judged(profile, book({"onboard.devices": rows}))[rule].outcome is outcome


@pytest.mark.parametrize("model", ["DELLBOSS VD", "Dell BOSS-N1"])
def test_a_boss_card_is_what_one_boots_from(model: str) -> None:
    """With a BOSS card another boot disk is a trap; without one, or not told, nothing is said."""
    rule, profile = "server.boot.boss", "dell-poweredge-r650"
    drives = {"storage.drives": [{"name": "sda", "model": model}, {"name": "sdb", "model": "PERC"}]}
    right = book(drives | {"boot.device.model": model})
    wrong = book(drives | {"boot.device.model": "PERC H755"})
    without = book({"storage.drives": [{"name": "sdb", "model": "PERC"}]})
    told = [judged(profile, facts)[rule].outcome for facts in (right, wrong, without, FactBook())]
    assert told == [Outcome.PASS, Outcome.WARN, Outcome.SKIP, Outcome.SKIP]


def test_a_firmware_trap_is_told_where_the_device_is() -> None:
    """An NS204i is reason to look at its firmware; a machine without one hears nothing of it."""
    rule, profile = "server.boot.ns204i-firmware", "hpe-proliant-dl380-gen11"
    boot = book({"storage.drives": [{"name": "nvme0n1", "model": "HPE NS204i-u Gen11"}]})
    finding = judged(profile, boot)[rule]
    assert finding.outcome is Outcome.INFO
    assert "1.2.14.1012" in finding.fix
    other = book({"storage.drives": [{"name": "nvme0n1", "model": "MO006400KYDND"}]})
    assert judged(profile, other)[rule].outcome is Outcome.PASS


def test_bios_1_05_of_the_x4() -> None:
    """The release that turns a whole memory card off is told from the ones after it."""
    rule, profile = "server.firmware.memory-card-1", "ibm-system-x3850-m2"
    old = book({"firmware.version": "-[A3E120AUS-1.05]-"})
    new = book({"firmware.version": "-[A3E148AUS-1.07]-"})
    assert judged(profile, old)[rule].outcome is Outcome.WARN
    assert judged(profile, new)[rule].outcome is Outcome.PASS
