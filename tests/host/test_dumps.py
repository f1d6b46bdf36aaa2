"""Recorded machines are known by what is in them, in every notation, and refused in words."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hwprofiles.facts import FactBook
from provision.core.errors import Exit
from provision.host import dumps
from provision.host.errors import DumpDamaged, DumpUnknown
from tests.host import cpus, machines

Msrs = dict[int, int]
V3 = f"{machines.V3} vmx"


def read(data: str | bytes, name: str = "dump") -> FactBook:
    """The facts of a recording."""
    return dumps.read(data.encode() if isinstance(data, str) else data, name)


def values(facts: FactBook, *names: str) -> list[Any]:
    """Values; None for what is not told."""
    return [facts[name].value if name in facts else None for name in names]


def lscpu(flags: str = V3, **lines: str) -> str:
    """``lscpu`` of a Xeon with two packages."""
    found = {
        "Architecture": "x86_64",
        "CPU(s)": "8",
        "On-line CPU(s) list": "0-7",
        "Thread(s) per core": "2",
        "Core(s) per socket": "2",
        "Socket(s)": "2",
        "Vendor ID": "GenuineIntel",
        "CPU family": "6",
        "Model": "106",
        "Model name": "Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz",
        "Stepping": "6",
        "Virtualization": "VT-x",
        "Address sizes": "46 bits physical, 57 bits virtual",
    } | {key.replace("_", " "): text for key, text in lines.items()}
    return "".join(f"{key + ':':<22} {text}\n" for key, text in found.items()) + (
        f"Flags:                 {flags}\n"
    )


def lscpu_json(flags: str = V3) -> str:
    """The same as JSON, where newer versions nest what belongs together."""
    rows = [line.partition(":") for line in lscpu(flags).splitlines()]
    fields = [{"field": f"{key}:", "data": text.strip(), "children": []} for key, _, text in rows]
    nested: list[Any] = [{"field": "General:", "data": None, "children": fields[2:]}]
    return json.dumps({"lscpu": fields[:2] + nested})


def cpuinfo(flags: str = V3, *, count: int = 4, **lines: str) -> str:
    """/proc/cpuinfo of one package with ``count`` threads, as the kernel prints it."""
    blocks = []
    for number in range(count):
        found = {
            "processor": str(number),
            **machines.XEON,
            "microcode": "0xd000404",
            "physical id": "0",
            "siblings": "4",
            "core id": str(number // 2),
            "flags": flags,
            **{key.replace("_", " "): text for key, text in lines.items()},
            "bogomips": "6000.00",
            "address sizes": "46 bits physical, 57 bits virtual",
        }
        blocks.append("".join(f"{key}\t: {text}\n" for key, text in found.items()))
    return "\n".join(blocks) + "power management:\n\n"


XEONS = [cpus.xeon(0), cpus.xeon(1)]


@pytest.mark.parametrize(
    "text",
    [
        cpus.aida64(XEONS, cpus.ENABLED),
        cpus.todd_allen(XEONS) + "MSR 0000003A 0000000000000005\nMSR 8b 0x0d00040400000000\n"
        "msr 0x482 = 0x800000000401e172\nMSR 0x48b: 0xa200000000\n",
        re.sub(
            "------.*Logical.*", "Group: 0x00 Affinity mask: 0x1", cpus.aida64(XEONS, cpus.ENABLED)
        ),
        re.sub("------.*Logical.*", "", cpus.aida64(XEONS, cpus.ENABLED)).replace(": ", " :"),
        re.sub(r"(?m)(CPUID.*)-(.*)-(.*)-", r"\1 \2 \3 ", cpus.aida64(XEONS, cpus.ENABLED)),
        cpus.report(XEONS) + "    MSR Registers (CPU #0):\n      MSR 0000003A       "
        "0000-0000-0000-0005\n      MSR 0000008B       0D00-0404-0000-0000 [x]\n"
        "      MSR 0000048B   0000-00A2-0000-0000\n",
    ],
)
def test_notations_of_a_machine(text: str) -> None:
    """The same two CPUs and their MSRs, as each tool writes them, are the same facts."""
    facts = read(text)
    assert values(facts, "cpu.vendor", "cpu.family", "cpu.model", "cpu.stepping") == [
        "GenuineIntel",
        6,
        0x6A,
        6,
    ]
    assert values(facts, "cpu.sockets_populated", "cpu.cores", "cpu.threads") == [1, 1, 2]
    assert values(facts, "cpu.virt.state", "cpu.virt.slat", "cpu.level") == ["enabled", True, "v4"]
    assert values(facts, "cpu.microcode", "cpu.codename") == ["0xd000404", "Ice Lake"]


@pytest.mark.parametrize(
    "text",
    [
        cpus.libcpuid(cpus.xeon()),
        cpus.libvirt(cpus.xeon()),
        cpus.libvirt(cpus.xeon(), {0x10A: 1}),
        cpus.todd_allen([cpus.xeon()]).replace("CPU 0:", "CPU:"),
    ],
)
def test_notations_of_one_cpu(text: str) -> None:
    """One CPU tells the part; how many there are, and what firmware allows, it does not."""
    facts = read(text)
    assert values(facts, "cpu.model", "cpu.virt.state", "cpu.cores") == [0x6A, "capable", None]
    assert facts["cpu.name"].value == "Intel(R) Xeon(R) Gold 6354 CPU @ 3.00GHz"


def test_a_test_file_tells_its_raw_half_only() -> None:
    """What libcpuid expects, below 80 dashes, is no register of the CPU."""
    facts = read(cpus.aida64(XEONS) + "-" * 80 + "\nMSR 0000003A: 0000-0000-0000-0005\n")
    assert facts["cpu.virt.state"].value == "capable"


@pytest.mark.parametrize(
    ("msrs", "word"), [(cpus.MITIGATED, "mitigated"), (cpus.UNMITIGATED, "unmitigated")]
)
def test_erratum_298_of_a_dump(msrs: Msrs, word: str) -> None:
    """The MSR section of InstLatx64 belongs to the CPU the tool ran on, and settles it."""
    facts = read(cpus.aida64([cpus.opteron(apic) for apic in range(4)], msrs))
    assert facts["cpu.erratum_298"].value == word


@pytest.mark.parametrize(
    ("text", "state", "slat"),
    [
        ("MSR 0000003A 0000000000000005\n", "enabled", None),
        ("msr 0x3a = 0x1\n", "disabled", None),
        ("MSR 3A: 0\nMSR 482: FFF9FFFE04006172\nMSR 48B: 000000A200000000\n", "unlocked", True),
        ("MSR 0xC0010114 = 0x10\n", "disabled", None),
        ("# rdmsr -a 0x3a\n5\n5\n1\n5\n", "disabled", None),
        ("root@host:~# rdmsr 0x3a\n5\nroot@host:~# rdmsr 0x8b\nd00040400000000\n", "enabled", None),
        ("CPU 0:\nMSR 3a 5\nCPU 1:\nMSR 3a 1\n", "disabled", None),
        ("$ sudo rdmsr -p 8 -c 0x3a\n0x1\n", "disabled", None),
        ("# rdmsr 0x3a\n5\n# rdmsr -d 0x8b\n1\n", "enabled", None),  # decimal: not taken
    ],
)
def test_msrs_alone(text: str, state: str, slat: bool | None) -> None:
    """Registers that say themselves what kind of CPU has them need no CPUID."""
    assert values(read(text), "cpu.virt.state", "cpu.virt.slat") == [state, slat]


def test_msrs_of_each_package() -> None:
    """A section of MSRs that names its CPU is that CPU's: firmware that set up only one shows."""
    machine = [cpus.xeon(apic) for apic in range(4)]
    text = cpus.aida64(machine, {0x3A: 5})
    first = "MSR Registers / Logical CPU #0"
    second = "\n------[ MSR Registers / Logical CPU #2 ]------\nMSR 0000003A: 0000-0000-0000-0001\n"
    facts = read(text.replace("MSR Registers", first) + second)
    assert facts["cpu.virt.state"].value == "disabled"
    rows: tuple[Any, ...] = facts["cpu.packages"].value  # type: ignore[assignment]
    assert [row["virt"] for row in rows] == ["enabled", "disabled"]


@pytest.mark.parametrize("dump", [cpus.todd_allen([cpus.xeon()]), cpus.libcpuid(cpus.xeon())])
def test_one_cpu_recorded_and_all_asked(dump: str) -> None:
    """CPUID of one CPU, MSRs of all: one that firmware left out is still seen."""
    facts = read("# rdmsr -a 0x3a\n5\n5\n5\n1\n\n" + dump)
    assert facts["cpu.virt.state"].value == "disabled"
    assert "cpu.cores" not in facts


@pytest.mark.parametrize("text", ["MSR 3A 0\n", "MSR 10 123456\n", "MSR 3A 5\nMSR C0010114 0\n"])
def test_msrs_that_decide_nothing(text: str) -> None:
    """3Ah at 0 without a sign of VMX is no "unlocked"; both makers' registers are no machine."""
    with pytest.raises(DumpDamaged, match="nothing follows") as caught:
        read(text)
    assert "cpuid -r" in caught.value.hint


@pytest.mark.parametrize("text", [lscpu(), lscpu_json(), lscpu().replace("\n", "\n  ")])
def test_lscpu(text: str) -> None:
    """Text, indented text and JSON; without a kernel's version a flag proves no more than can."""
    facts = read(text)
    assert values(facts, "cpu.sockets_populated", "cpu.cores", "cpu.threads") == [2, 4, 8]
    assert values(facts, "cpu.virt.state", "cpu.address_bits", "cpu.level") == ["capable", 46, "v3"]
    assert len(facts["cpu.packages"].value) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lines",
    [
        {"Off-line_CPU(s)_list": "4-7"},
        {"Thread(s)_per_core": "112"},
        {"CPU(s)": "7"},
        {"Socket(s)": "-"},
    ],
)
def test_counts_of_lscpu_that_cannot_be(lines: dict[str, str]) -> None:
    """CPUs off line and a hypervisor's inventions are no counts of the machine."""
    facts = read(lscpu(**lines))
    assert {"cpu.cores", "cpu.threads", "cpu.packages"}.isdisjoint(facts)
    assert facts["cpu.model"].value == 106


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (cpuinfo(), "capable"),
        (cpuinfo(vmx_flags="vnmi ept vpid unrestricted_guest"), "enabled"),
        (cpuinfo(machines.V3), "off-or-hidden"),
        (cpuinfo(f"{V3} hypervisor"), "guest"),
    ],
)
def test_cpuinfo(text: str, state: str) -> None:
    """A file does not name its kernel, but the line "vmx flags" dates it."""
    facts = read(text)
    assert values(facts, "cpu.virt.state", "cpu.cores", "cpu.threads") == [state, 2, 4]
    microcode = None if state == "guest" else "0xd000404"
    assert values(facts, "cpu.microcode", "cpu.address_bits") == [microcode, 46]
    flags = facts["cpu.flags"].value
    assert isinstance(flags, tuple)
    assert ("unrestricted_guest" in flags) == (state == "enabled")


def test_lscpu_of_another_architecture() -> None:
    """ARM's flags and models are not x86's: without nx there, nothing is disabled."""
    facts = read(lscpu("fp asimd aes", Architecture="aarch64"))
    assert set(facts) == {"cpu.arch", "cpu.name"}
    assert facts["cpu.arch"].value == "arm64"


def test_cpuinfo_where_packages_differ() -> None:
    """Firmware that set up one package only: the kernel clears the flag on the other."""
    good = cpuinfo(vmx_flags="ept")
    bad = cpuinfo(machines.V3, physical_id="1").replace("processor\t: ", "processor\t: 1")
    facts = read(good + bad)
    assert facts["cpu.virt.state"].value == "off-or-hidden"
    rows: tuple[Any, ...] = facts["cpu.packages"].value  # type: ignore[assignment]
    assert [row["virt"] for row in rows] == ["capable", "off-or-hidden"]


def test_cut_cpuinfo() -> None:
    """Cut anywhere it tells fewer facts, and the same ones."""
    whole = cpuinfo(vmx_flags="ept vpid")
    facts = read(whole)
    for cut in range(0, len(whole) - 40, 7):
        try:
            less = read(whole[:cut])
        except (DumpDamaged, DumpUnknown):
            continue
        for name in set(less) - {"cpu.virt.state", "cpu.level"}:  # the table knows a level, too
            assert less[name].value == facts[name].value, (name, cut)
        state = less.get("cpu.virt.state")
        assert state is None or state.value in {"capable", "enabled"}


ENCODINGS = {
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 bare": lambda text: text.encode("utf-16-le"),
    "utf-16 big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "latin-1": lambda text: "<!-- 40 °C -->\n".encode("latin-1") + text.encode(),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text", [lscpu(), cpuinfo(), cpus.aida64(XEONS), cpus.libvirt(cpus.xeon())[22:]],
    ids=["lscpu", "cpuinfo", "aida64", "libvirt"],
)  # fmt: skip
def test_encodings(text: str, encoding: str) -> None:
    """Windows' line ends and UTF-16, marks, and a code page's letters change nothing."""
    data = ENCODINGS[encoding](text)
    names = set(read(text)) - {"cpu.packages"}
    assert {name: read(data)[name].value for name in names} == {
        name: read(text)[name].value for name in names
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b" \n\0\0", "empty"),
        (b"hello\n", "text, but no recording"),
        (bytes(range(256)) * 50, "binary data, but no recording"),
        (gzip.compress(lscpu().encode()), "compressed (gzip)"),
        (b'{"@odata.id": "/redfish/v1"}', "text, but no recording"),
        (bytes([1]) * (dumps.LIMIT + 1), "larger than 64 MiB"),
    ],
    ids=["empty", "blank", "text", "binary", "gzip", "json", "huge"],
)
def test_what_is_no_recording(data: bytes, words: str) -> None:
    """The message says what it is, the hint what was expected or what to do."""
    with pytest.raises(DumpUnknown) as caught:
        read(data, "rack.bin")
    assert str(caught.value).startswith("rack.bin is ")
    assert words in str(caught.value)
    assert "Unpack" in caught.value.hint or "dmidecode" in caught.value.hint
    assert (caught.value.code, caught.value.status) == ("dump-unknown", Exit.CONFIG)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('CPU 0:\n   vendor_id = "GenuineIntel"\n   version information (1/eax):\n', "cpuid -r"),
        ("Architektur:      x86_64\nCPU(s):     4\n", "LC_ALL=C"),
        ("bash: cpuid: command not found\n", "read its message"),
    ],
)
def test_what_is_nearly_a_recording(text: str, advice: str) -> None:
    """The usual mix-ups are named, with the command that records what is wanted."""
    with pytest.raises(DumpUnknown) as caught:
        read(text)
    assert advice in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Architecture: x86_64\nCPU(s): 4\n", "'Vendor ID' is missing"),
        ('{"lscpu": [', "no JSON"),
        ('{"lscpu": ' + "[" * 5000, "no JSON"),
        ('{"lscpu": 7}', "'Vendor ID' is missing"),
        ("Architecture: x86_64\nCPU(s): 4\n" + " " * (1 << 20), "larger than 1 MiB"),
        ("processor\t: 0\nmodel name\t: x\n", "'vendor_id'"),
        (cpuinfo() + cpuinfo(), "twice"),
        ("MSR 3A 000000000000000", "no whole line"),
        ("CPUID 00000001: 000606A6-00000000-00000000-00000000\n", "leaves 0 and 1"),
        ("CPUID 00000000: 0000000B-00000000-00000000-00000000\n" * 2, "leaves 0 and 1"),
        ("<cpudata arch='x86'>", "no whole libvirt"),
        ("<cpudata arch='x86'><cpuid eax_in='0x0'/></cpudata>", "attribute 'eax'"),
        ("<cpudata><msr index='0x3a' eax='99999999999' edx='0'/></cpudata>", "no register"),
        ("<cpudata></cpudata>", "leaf 0 or 1"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><cpudata>&b;</cpudata>', "document type"),
        ("".join(f"CPU {number}:\nMSR 3a 5\n" for number in range(9000)), "more than 8192"),
    ],
)
def test_what_is_damaged(text: str, words: str) -> None:
    """A recording of a known kind that cannot be used says what is missing in it."""
    with pytest.raises(DumpDamaged) as caught:
        read(text, "rack.txt")
    assert "rack.txt" in str(caught.value)
    assert words in str(caught.value)
    assert caught.value.hint
    assert (caught.value.code, caught.value.status) == ("dump-damaged", Exit.CONFIG)


def test_the_name_does_not_matter() -> None:
    """A dump named as another is read as what it is."""
    assert read(lscpu(), "cpuid-dump.xml")["cpu.virt.state"].source == "dump"


def test_one_reader_each() -> None:
    """No recording is claimed by two readers, so that their order decides nothing."""
    samples = [lscpu(), lscpu_json(), cpuinfo(), cpus.aida64(XEONS), cpus.todd_allen(XEONS)]
    samples += [cpus.libcpuid(cpus.xeon()), cpus.libvirt(cpus.xeon()), "MSR 3A 5\n"]
    for sample in samples:
        claimed = [reader.NAME for reader in dumps.READERS if reader.recognises(sample.encode())]
        assert len(claimed) == 1


def test_readers_need_the_standard_library_alone() -> None:
    """The deploy ramdisk reads recordings, too, and has no package from outside."""
    code = (
        "import sys, provision.host.dumps;"
        "outside = {name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names);"
        "print(sorted(outside - {'hwprofiles', 'provision', '__main__'}))"
    )
    root = Path(__file__).parent.parent.parent
    result = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert result.stdout.strip() == "[]"
