"""Boards: every recorded dmidecode text, SMBIOS dump and cardiff list, whole and damaged.

The sums are checked against a reading of the texts by regular expressions that shares nothing with
the readers.
"""

from __future__ import annotations

import logging
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hwprofiles.facts import FactBook
from provision.core.errors import ProvisionError
from provision.host.dumps import cardiff, dmidecode, smbios

GIB = 1 << 30
Values = dict[str, Any]


def tell(reader: ModuleType, data: bytes) -> Values:
    """The facts of a recording by name, if the reader knows it as its own."""
    assert reader.recognises(data[: 64 << 10])
    facts = FactBook()
    reader.tell(data, facts, "x")
    return {name: fact.value for name, fact in facts.items()}


@cache
def texts(hardware: Path) -> dict[str, bytes]:
    """The dmidecode texts by path."""
    folder = hardware / "linuxhw-dmi" / "Server"
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert len(found) >= 76
    return {name: path.read_bytes() for name, path in sorted(found.items())}


def text_of(hardware: Path, ending: str) -> Values:
    """The facts of the one text whose path ends so, or has that folder last."""
    (data,) = (data for name, data in texts(hardware).items() if f"/{ending}/" in name)
    return tell(dmidecode, data)


def blocks(text: str, kind: int) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Handle and lines of the structures of one kind."""
    for handle, body in re.findall(
        rf"^Handle (0x\w+), DMI type {kind}, .*\n((?:.+\n)+)", text, re.M
    ):

        def line(key: str, body: str = body) -> str:
            found = re.search(rf"^\t{key}: *(.*?) *$", body, re.M)
            return found[1] if found else ""

        yield handle, line


def in_bytes(text: str) -> int | None:
    """A size as dmidecode prints it."""
    if text == "No Module Installed":
        return 0
    number, _, unit = text.partition(" ")
    return int(number) * 1024 ** ("kB", "MB", "GB", "TB").index(unit) * 1024 if unit else None


def test_memory_of_every_text(hardware: Path) -> None:
    """Slots, modules, total, most and every size are those that the text prints."""
    for name, data in texts(hardware).items():
        text, found = data.decode(), tell(dmidecode, data)
        arrays = {
            handle: line for handle, line in blocks(text, 16) if line("Use") == "System Memory"
        }
        slots = [line for _, line in blocks(text, 17) if line("Array Handle") in arrays]
        sizes = [in_bytes(line("Size")) for line in slots]
        rows = found["memory.dimms"]
        assert [row.get("size") for row in rows] == sizes, name
        assert [row.get("slot") for row in rows] == [line("Locator") for line in slots], name
        assert found["memory.slots"] == len(slots), name
        most = sum(in_bytes(line("Maximum Capacity")) or 0 for line in arrays.values())
        assert found["memory.max"] == most, name
        if None in sizes:
            assert not {"memory.total", "memory.dimms_populated"} & set(found), name
        else:
            assert found["memory.total"] == sum(size or 0 for size in sizes), name
            assert found["memory.dimms_populated"] == sum(map(bool, sizes)), name
        fitted = [(row, line) for row, line in zip(rows, slots, strict=True) if row.get("size")]
        for row, line in fitted:
            assert str(row.get("rank", "Unknown")) == (line("Rank") or "Unknown"), name
            assert row.get("speed") == (
                int(line("Speed").split()[0])
                if "T" in line("Speed") or "H" in line("Speed")
                else None
            ), name


def test_processors_of_every_text(hardware: Path) -> None:
    """Sockets, cores and threads are those printed; so is the signature, where it is x86's."""
    signatures = 0
    for name, data in texts(hardware).items():
        text, found = data.decode(), tell(dmidecode, data)
        sockets = [line for _, line in blocks(text, 4)]
        fitted = [line for line in sockets if line("Status").startswith("Populated")]
        assert found["cpu.sockets"] == len(sockets), name
        assert found["cpu.sockets_populated"] == len(fitted), name
        for fact, key in (("cpu.cores", "Core Enabled"), ("cpu.threads", "Thread Count")):
            printed = [int(line(key)) for line in fitted if line(key)]
            assert found.get(fact) == (sum(printed) or None), name
        printed_signature = re.fullmatch(
            r"(?:Type 0, )?Family (\d+), Model (\d+), Stepping (\d+)", fitted[0]("Signature")
        )
        if printed_signature and "X3216" not in fitted[0]("Version"):  # whose ID is turned round
            told = tuple(found[f"cpu.{part}"] for part in ("family", "model", "stepping"))
            assert told == tuple(map(int, printed_signature.groups())), name
            signatures += 1
    assert signatures >= 70


def test_what_no_text_can_tell(hardware: Path) -> None:
    """SMBIOS lists flags in part and only what firmware could do: neither is told as a fact."""
    modes = {}
    for name, data in texts(hardware).items():
        found = tell(dmidecode, data)
        assert not {"cpu.flags", "firmware.secure_boot", "cpu.virt.state"} & set(found), name
        assert "--" not in found.values(), name
        modes[name] = found.get("firmware.boot_mode")
    # Of boards older than UEFI alone; the x3650 M4 boots by it and denies it.
    assert set(modes.values()) == {None, "bios"}
    old = r"R805|R900|PowerEdge [12]950|Sun Fire X2200"
    assert all(re.search(old, name) for name, mode in modes.items() if mode)


def test_the_founding_machine(hardware: Path) -> None:
    """The R805 as recorded: two Shanghais, all slots full, its SD slot named, a BIOS."""
    found = text_of(hardware, "PowerEdge R805")
    assert (found["cpu.sockets"], found["cpu.sockets_populated"]) == (2, 2)
    signature = [found[f"cpu.{name}"] for name in ("vendor", "family", "model", "stepping")]
    assert signature == ["AuthenticAMD", 0x10, 4, 2]
    assert {row["signature"] for row in found["cpu.packages"]} == {"00100F42"}
    assert (found["memory.slots"], found["memory.dimms_populated"]) == (16, 16)
    assert {row["size"] for row in found["memory.dimms"]} == {8 * GIB}
    assert {row["rank"] for row in found["memory.dimms"]} == {2}
    assert (found["memory.total"], found["memory.max"]) == (128 * GIB, 128 * GIB)
    assert found["memory.ecc"] == "multi-bit"
    assert "SD Card" in found["ports.internal"]
    nics = [row for row in found["onboard.devices"] if row["type"] == "ethernet"]
    assert len(nics) == 4
    assert all("Broadcom 5708" in row["name"] for row in nics)
    assert found["firmware.boot_mode"] == "bios"
    assert found["smbios.version"] == "2.5"
    assert not {"system.serial", "system.uuid", "tpm.present"} & set(found)


@pytest.mark.parametrize(
    ("model", "ports"),
    [
        ("PowerEdge R710", {"INT_USB", "INT_SD"}),
        ("PowerEdge R640", {"Internal USB port 1"}),
        ("BladeCenter HS23 -[7875MFM]-", {"to USB Hypervisor"}),
        ("System x3650 M5 -[8871AC1]-", {"USB Port Hypervisor"}),
        ("UCSC-C220-M4S", {"J6 - Internal USB"}),
        ("ProLiant DL380 Gen10", {"Internal USB key #1", "Internal USB key #2"}),
        ("ProLiant DL165 G7", {"SD Connector"}),
        ("PRIMERGY RX300 S7", {"USB INT 1", "USB INT 2"}),
        ("ProLiant DL360 Gen10", None),
    ],
)
def test_internal_ports(hardware: Path, model: str, ports: set[str] | None) -> None:
    """The ports for an embedded hypervisor are found in either field; none named tells nothing."""
    found = text_of(hardware, model)
    named = found.get("ports.internal")
    assert (None if named is None else set(named)) == ports


def test_lists_that_begin_anywhere(hardware: Path) -> None:
    """The SR650 counts its slots from 5 on, and its locators stay as they are."""
    names = [name for name in texts(hardware) if "ThinkSystem SR650" in name]
    assert names
    for name in names:
        found = tell(dmidecode, texts(hardware)[name])
        assert found["memory.dimms"][0]["slot"] == "DIMM 5"
        assert len({row["slot"] for row in found["memory.dimms"]}) == found["memory.slots"]
    assert text_of(hardware, "ProLiant DL380p Gen8")["memory.dimms"][0]["slot"] == "PROC  1 DIMM  1"


@pytest.mark.parametrize("model", ["ProLiant DL380 Gen11", "X11DAi-N", "E3C252D4U-2T-OVH"])
def test_tpm(hardware: Path, model: str) -> None:
    """Its version is read, even where dmidecode ran two lines together."""
    assert text_of(hardware, model).get("tpm.version") == "2.0"


def test_a_table_that_its_firmware_broke(hardware: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The one text whose table breaks off behind its memory counts, with a warning."""
    with caplog.at_level(logging.WARNING):
        found = text_of(hardware, "Hyperion RS125 G4")
    assert "is broken" in caplog.text
    assert (found["memory.slots"], found["memory.total"]) == (16, 16 * GIB)


DUMPS = {
    "IBM-x3950-M2.0": ((4, 4), 32, 18, 48, (6, 15, 11)),
    "ProLiant-DL580-G5.0": ((4, 4), 32, 12, 36, (6, 15, 11)),
    "ProLiant-BL460c-G1.0": ((2, 1), 8, 4, 16, (6, 15, 6)),
    "ProLiant-DL385-G1.0": ((2, 2), 8, 6, 4, (15, 33, 2)),
    "ProLiant-DL585-G2.1": ((4, 4), 32, 16, 32, (15, 65, 2)),
}


@pytest.mark.parametrize("name", DUMPS)
def test_smbios_dumps(hardware: Path, name: str) -> None:
    """Known boards, phantom slots and empty sockets included."""
    found = tell(smbios, (hardware / "python-dmidecode" / f"{name}.dmidump").read_bytes())
    sockets, slots, populated, gib, signature = DUMPS[name]
    assert (found["cpu.sockets"], found["cpu.sockets_populated"]) == sockets
    assert (found["memory.slots"], found["memory.dimms_populated"]) == (slots, populated)
    assert found["memory.total"] == gib * GIB
    assert tuple(found[f"cpu.{part}"] for part in ("family", "model", "stepping")) == signature
    places = {(row["slot"], row.get("bank")) for row in found["memory.dimms"]}
    assert len(places) == slots, "slots are told apart by locator and bank"


def test_repeated_locators(hardware: Path) -> None:
    """The x3950 M2 has a DIMM1 on each of its four cards."""
    raw = (hardware / "python-dmidecode" / "IBM-x3950-M2.0.dmidump").read_bytes()
    rows = tell(smbios, raw)["memory.dimms"]
    first = [row for row in rows if row["slot"] == "DIMM1"]
    assert [row["bank"].rpartition("/")[2] for row in first] == [
        f"MemCard{n}" for n in (1, 2, 3, 4)
    ]
    assert sorted(row["size"] // GIB for row in rows if row["size"]) == [1] * 8 + [4] * 10


@pytest.mark.skipif(not shutil.which("dmidecode"), reason="dmidecode is not installed")
def test_both_forms_say_the_same(hardware: Path) -> None:
    """dmidecode's own text of a dump gives the facts that the dump gives."""
    for file in sorted((hardware / "python-dmidecode").glob("*.dmidump")):
        told = tell(smbios, file.read_bytes())
        run = subprocess.run(["dmidecode", "--from-dump", file], capture_output=True, check=True)
        printed = tell(dmidecode, run.stdout)
        for facts in (told, printed):  # bytes that are no ASCII are printed as dots
            facts.pop("system.oem_strings", None)
        assert printed == told, file.name


def test_cardiff(hardware: Path) -> None:
    """Four blades of 128 GiB and two of 32 GiB."""
    totals = {}
    for file in sorted((hardware / "cardiff-bl460c").glob("*.hw_")):
        found = tell(cardiff, file.read_bytes())
        totals[found["system.serial"]] = found["memory.total"] // GIB
        assert (found["memory.slots"], found["cpu.cores"], found["nics.count"]) == (16, 16, 2)
    assert sorted(totals.values()) == [32, 32, 128, 128, 128, 128]
    assert {serial for serial, gib in totals.items() if gib == 32} == {"CZ3404YWNR", "CZ3404YWNT"}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Recorded data with a cut, some changed bytes, or two parts in the wrong order."""
    at, to = sorted(rng.randrange(len(data)) for _ in range(2))
    change = rng.randrange(4)
    if change == 0:
        return data[:at]
    if change == 1:
        return data[:at] + data[to:]
    if change == 2:
        return data[:at] + data[to:] + data[at:to]
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 20)):
        changed[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(changed)


def test_damaged_recordings(hardware: Path) -> None:
    """Cuts, changed bytes and parts in the wrong order: facts or a clear error, nothing else."""
    rng = random.Random(2007)  # noqa: S311 - reproducible, not secret
    dumps = [path.read_bytes() for path in (hardware / "python-dmidecode").glob("*.dmidump")]
    lists = [path.read_bytes() for path in (hardware / "cardiff-bl460c").glob("*.hw_")]
    for reader, files, times in (
        (dmidecode, list(texts(hardware).values()), 4),
        (smbios, dumps + [dump[32:] for dump in dumps], 40),
        (cardiff, lists, 3),
    ):
        for data in files:
            for _ in range(times):
                with suppress(ProvisionError):
                    reader.tell(damaged(data, rng), FactBook(), "x")


def test_cut_recordings_are_not_counted(hardware: Path) -> None:
    """However much of a recording is missing, its memory is never told as less than it is."""
    rng = random.Random(3)  # noqa: S311 - reproducible, not secret
    whole = {name: tell(dmidecode, data) for name, data in texts(hardware).items()}
    for name, data in texts(hardware).items():
        for _ in range(3):
            facts = FactBook()
            with suppress(ProvisionError):
                dmidecode.tell(data[: rng.randrange(len(data))], facts, "x")
            for fact in ("memory.total", "memory.slots", "cpu.sockets", "cpu.cores"):
                assert fact not in facts or facts[fact].value == whole[name][fact], name
    for file in (hardware / "python-dmidecode").glob("*.dmidump"):
        data = file.read_bytes()
        for cut in range(33, len(data), 61):
            with pytest.raises(ProvisionError):
                smbios.tell(data[:cut], FactBook(), "x")
            facts = FactBook()
            smbios.tell(data[32:cut], facts, "x")
            assert not {"memory.total", "cpu.sockets"} & set(facts)
