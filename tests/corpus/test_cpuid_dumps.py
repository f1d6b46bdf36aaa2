"""Recorded CPUID: every dump is read, agrees with what others decoded, and survives damage."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hwprofiles.facts import FactBook
from provision.core.errors import ProvisionError
from provision.host import dumps

#: libcpuid's names of flags that Linux calls otherwise.
LINUX = {
    "pclmul": "pclmulqdq",
    "sse3": "pni",
    "fma3": "fma",
    "xd": "nx",
    "dts64": "dtes64",
    "tm_amd": "tm",
    "constant_tsc": "nonstop_tsc",
    "hwpstate": "hw_pstate",
    "rtm": "rtm",
    "avx512vbmi2": "avx512_vbmi2",
    "avx512vnni": "avx512_vnni",
}
#: What only one side knows, or means differently: libcpuid takes AMD's thermal bits as flags.
NOT_COMPARED = {"ts", "fid", "vid", "ttp", "stc", "100mhzsteps", "osxsave", "tm", "sgx", "pa", "pn"}
#: Hybrid parts: libcpuid counts the cores of one kind only.
HYBRID = {"12th-gen-intel-core-i9-12900h", "13th-gen-intel-core-i5-13600k"} | {
    "intel-core-ultra-9-285h"
}
#: libcpuid counts threads as cores where the dump does not tell it better.
MISCOUNTED = {"intel-core-i5-cpu-650", "intel-xeon-cpu-x5667", "intel-core-i7-2600-cpu"} | {
    "intel-xeon-cpu-e7450-quad"  # four packages of six
}

Index = list[tuple[str, str, dict[str, int], set[str]]]


def libcpuid(hardware: Path) -> list[Path]:
    """All files of libcpuid."""
    return sorted((hardware / "libcpuid").rglob("*.test"))


def told(facts: FactBook, *names: str) -> list[object]:
    """Values of facts; None for what is not told."""
    return [facts[name].value if name in facts else None for name in names]


def test_signatures_of_libvirt(hardware: Path) -> None:
    """Signature, family, model and stepping are libvirt's own."""
    files = sorted((hardware / "libvirt-cputestdata").glob("*.sig"))
    assert len(files) >= 20
    for file in files:
        facts = dumps.read(file.with_suffix(".xml").read_bytes(), file.name)
        numbers = [int(number) for number in re.findall(r":\s+(\d+) ", file.read_text())]
        assert told(facts, "cpu.family", "cpu.model", "cpu.stepping") == numbers, file.name
        assert facts["cpu.virt.state"].value in {"capable", "unsupported"}, file.name


def test_libcpuid(hardware: Path) -> None:
    """Family, model, stepping, flags and cores are those that libcpuid expects."""
    files = libcpuid(hardware)
    assert len(files) >= 50
    counted = 0
    for file in files:
        data = file.read_bytes()
        facts = dumps.read(data, file.name)
        expected = re.split(r"^-{80}$", data.decode(), maxsplit=1, flags=re.M)[1].split("\n")[1:]
        family, model, stepping = (int(expected[line]) for line in (6, 7, 5))
        names = ("cpu.family", "cpu.model", "cpu.stepping")
        assert told(facts, *names) == [family, model, stepping], file.name
        compare_flags(facts, expected, file.name)
        if "cpu.cores" in facts and file.stem not in HYBRID | MISCOUNTED:
            counted += 1
            sockets, cores, threads = told(
                facts, "cpu.sockets_populated", "cpu.cores", "cpu.threads"
            )
            assert isinstance(sockets, int)
            assert cores in {int(expected[8]) * sockets, int(expected[8])}, file.name
            assert threads in {int(expected[9]) * sockets, int(expected[9])}, file.name
    assert counted >= 25


def compare_flags(facts: FactBook, expected: list[str], name: str) -> None:
    """Flags that both sides know are the same ones."""
    if "cpu.flags" not in facts:
        assert name == "intel-pentium-iii-katmai.test"  # without leaf 80000000
        return
    theirs = {LINUX.get(flag, flag) for flag in [line for line in expected if line][-1].split()}
    ours = facts["cpu.flags"].value
    assert isinstance(ours, tuple)
    vendor = facts["cpu.vendor"].value
    ignored = NOT_COMPARED | ({"syscall"} if vendor == "GenuineIntel" else set())
    for flag in (theirs - ignored) & KNOWN:
        assert flag in ours, f"{name}: {flag}"
    assert not (set(ours) & ALL_THEIRS) - theirs - ignored, name


KNOWN = {
    flag
    for line in """
    fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse
    sse2 ht pni pclmulqdq monitor vmx smx est ssse3 cx16 sse4_1 sse4_2 x2apic movbe popcnt aes
    xsave avx f16c rdrand fma bmi1 bmi2 avx2 rdseed adx sha_ni avx512f avx512dq avx512cd avx512bw
    avx512vl nx mmxext fxsr_opt rdtscp lm lahf_lm cmp_legacy svm abm sse4a misalignsse
    3dnowprefetch osvw ibs xop skinit wdt fma4 cpb hypervisor 3dnow 3dnowext dca pdcm xtpr cid
    tm2 ds_cpl dtes64 hle rtm
    """.splitlines()
    for flag in line.split()
}
#: Flags that libcpuid always lists where the CPU has them, whatever its version.
ALL_THEIRS = {"vmx", "svm", "nx", "lm", "ssse3", "cx16", "sse4_1", "popcnt", "aes", "avx2", "osvw"}


def index(hardware: Path) -> Index:
    """Rows of our own table: vendor, name, raw registers and the names of set bits."""
    found: Index = []
    with (hardware / "cpuid-index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            said = re.fullmatch(r"vendor=(.*?) (family=.*)", row["features"])
            assert said
            vendor, words = said[1], said[2].split()
            pairs = dict(word.split("=", 1) for word in words if "=" in word)
            numbers = {key: int(value, 16) for key, value in pairs.items()}
            numbers["1.eax"] = int(row["signature"], 16)
            found.append(
                (vendor, row["name"], numbers, {word for word in words if "=" not in word})
            )
    return found


def rebuilt(vendor: str, numbers: dict[str, int]) -> bytes:
    """A dump in InstLatx64's notation with what the row records, and no more."""
    letters = vendor.encode().ljust(12)[:12]
    ebx, edx, ecx = (int.from_bytes(letters[at : at + 4], "little") for at in (0, 4, 8))
    extended = 0x8000000A if "8000000a.edx" in numbers else 0x80000001
    leaves = [
        (0, 7 if "7.ebx" in numbers else 1, ebx, ecx, edx),
        (1, numbers["1.eax"], 0, numbers["1.ecx"], numbers["1.edx"]),
        (6, 0, 0, 0, 0),
        (7, 0, numbers.get("7.ebx", 0), 0, 0),
        (0x80000000, extended if "80000001.edx" in numbers else 0, 0, 0, 0),
        (0x80000001, 0, 0, numbers.get("80000001.ecx", 0), numbers.get("80000001.edx", 0)),
        (0x80000007, 0, 0, 0, 0),
        (0x80000008, 0, 0, 0, 0),
        (0x8000000A, 0, 0, 0, numbers.get("8000000a.edx", 0)),
    ]
    lines = ["------[ Logical CPU #0 ]------", ""]
    lines += [
        f"CPUID {leaf:08X}: " + "-".join(f"{value:08X}" for value in values)
        for leaf, *values in leaves
    ]
    lines += ["", "------[ MSR Registers ]------", ""]
    for key, value in numbers.items():
        if key.startswith("msr."):
            digits = f"{value:016X}"
            grouped = "-".join(digits[at : at + 4] for at in range(0, 16, 4))
            lines.append(f"MSR {int(key[4:], 16):08X}: {grouped}")
    return "\n".join([*lines, ""]).encode()


def test_the_index(hardware: Path) -> None:
    """Registers and MSRs of 163 recorded CPUs give the features that the table names."""
    linux = {"sse3": "pni", "lahf": "lahf_lm", "prefetchw": "3dnowprefetch", "abm": "abm"}
    seen = 0
    for vendor, name, numbers, features in index(hardware):
        if "80000001.edx" not in numbers:
            continue  # before long mode
        facts = dumps.read(rebuilt(vendor, numbers), name)
        flags = facts["cpu.flags"].value
        assert isinstance(flags, tuple)
        wanted = {linux.get(word, word) for word in features} - {"osxsave", "ug"}
        assert wanted <= set(flags), name
        if "hypervisor" in features:
            assert facts["cpu.virt.state"].value == "guest"
        elif "msr.48b" in numbers:
            assert facts["cpu.virt.slat"].value is ("ept" in features), name
            assert ("unrestricted_guest" in flags) == ("ug" in features), name
        elif "8000000a.edx" in numbers:
            assert facts["cpu.virt.slat"].value is ("npt" in features), name
        if numbers.get("msr.3a") == 5:
            assert facts["cpu.virt.state"].value == "enabled"
        seen += 1
    assert seen >= 140


@pytest.mark.parametrize(
    ("signature", "name", "word"),
    [
        (0x00100F2A, "2344 HE", "mitigated"),
        (0x00100F22, "Engineering Sample", "unmitigated"),
        (0x00100F23, "7750", "not-affected"),
        (0x00100F42, "X4 940", "not-affected"),
    ],
)
def test_erratum_298(hardware: Path, signature: int, name: str, word: str) -> None:
    """Barcelona BA is worked around, Agena B2 is not, B3 and Shanghai never had it."""
    rows = [
        (vendor, numbers)
        for vendor, title, numbers, _ in index(hardware)
        if numbers["1.eax"] == signature and name in title
    ]
    assert len(rows) == 1
    facts = dumps.read(rebuilt(*rows[0]), name)
    assert facts["cpu.erratum_298"].value == word


def test_erratum_298_without_registers(hardware: Path) -> None:
    """An affected stepping whose MSRs nobody read is unknown, never well."""
    file = hardware / "libcpuid/amd/k10/quad-core-amd-opteron-processor-2344-he.test"
    facts = dumps.read(file.read_bytes(), file.name)
    assert facts["cpu.erratum_298"].value == "unknown"


def test_cut_dumps_never_say_what_whole_ones_do_not(hardware: Path) -> None:
    """A dump that ends early tells less, and of what it tells nothing different."""
    chance = random.Random(2007)  # noqa: S311 - repeatable, not secret
    files = libcpuid(hardware) + sorted((hardware / "libvirt-cputestdata").glob("*.xml"))
    for file in files:
        data = file.read_bytes()
        whole = dumps.read(data, file.name)
        if file.stem in HYBRID:
            continue  # its first CPUs have flags that its last have not
        for _ in range(10):
            try:
                cut = dumps.read(data[: chance.randrange(min(len(data), 20000))], file.name)
            except ProvisionError:
                continue
            for name in set(cut) - {"cpu.virt.slat", "cpu.level", "cpu.codename", "cpu.xsave"}:
                assert cut[name].value == whole[name].value, f"{file.name}: {name}"


def mutants(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """Damaged copies: flipped bits, swapped and dropped lines, a hole, two files in one."""
    flipped = bytearray(data)
    for _ in range(chance.randrange(1, 30)):
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    yield bytes(flipped)
    lines = data.split(b"\n")
    chance.shuffle(lines)
    yield b"\n".join(lines)
    yield b"\n".join(line for line in data.split(b"\n") if chance.random() < 0.7)
    start = chance.randrange(len(data))
    yield data[:start] + data[start + chance.randrange(4000) :]
    yield data[chance.randrange(len(data)) :] + data
    yield data.decode("latin-1").encode("utf-16")


def test_damaged_recordings(hardware: Path) -> None:
    """Whatever befell a file, it is read or refused in words, and never an exception of ours."""
    chance = random.Random(298)  # noqa: S311 - repeatable, not secret
    folders = ("libcpuid", "libvirt-cputestdata", "linuxhw-lscpu", "linuxhw-acpi")
    files = [path for name in folders for path in (hardware / name).rglob("*") if path.is_file()]
    for file in chance.sample(sorted(files), 60):
        for mutant in mutants(file.read_bytes()[:60000], chance):
            with suppress(ProvisionError):
                assert dumps.read(mutant, file.name)
