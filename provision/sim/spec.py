"""What a simulated server is made of, and the mix a rack holds by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import NAMESPACE_DNS, uuid5

#: Units of one rack; server 41 stands in the second rack.
UNITS = 40


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """A processor model; ``signature`` is CPUID leaf 1 EAX."""

    model: str
    vendor: str
    signature: int
    cores: int
    threads: int
    mhz: int

    @property
    def family(self) -> int:
        """Family as CPUID defines it, the extended part added."""
        base = self.signature >> 8 & 0xF
        return base + (self.signature >> 20 & 0xFF) if base == 0xF else base

    @property
    def model_number(self) -> int:
        """Model as CPUID defines it, the extended part put in front."""
        return (self.signature >> 12 & 0xF0) | (self.signature >> 4 & 0xF)

    @property
    def stepping(self) -> int:
        """Stepping."""
        return self.signature & 0xF


ICE_LAKE = Cpu(
    model="Intel(R) Xeon(R) Silver 4310 CPU @ 2.10GHz",
    vendor="GenuineIntel",
    signature=0x000606A6,
    cores=12,
    threads=24,
    mhz=2100,
)
MILAN = Cpu(
    model="AMD EPYC 7313 16-Core Processor",
    vendor="AuthenticAMD",
    signature=0x00A00F11,
    cores=16,
    threads=32,
    mhz=3000,
)


@dataclass(frozen=True, kw_only=True)
class Nic:
    """A network port."""

    mac: str
    mbps: int = 25_000


@dataclass(frozen=True, kw_only=True)
class ServerSpec:
    """One server. ``memory`` lists its slots in MiB, 0 being an empty one.

    ``bios`` sets attributes that have no field here. ``disk_script`` is what the internal disk
    boots into (the language of ``firmware.py``); empty means a blank disk. ``tpm`` is "2.0", "1.2"
    or empty.
    """

    name: str
    vendor: str = "bareiron"
    model: str = "Simulated 1U"
    serial: str = ""
    cpu: Cpu = ICE_LAKE
    sockets: int = 2
    memory: tuple[int, ...] = (32768,) * 4 + (0,) * 4
    virtualization: bool = True
    iommu: bool = True
    sriov: bool = True
    bios: Mapping[str, str] = field(default_factory=dict)
    secure_boot: bool = False
    tpm: str = "2.0"
    nics: tuple[Nic, ...] = field(default=())
    stick_bytes: int = 64 * 1024 * 1024
    disk_bytes: int = 480 * 1000**3
    disk_script: str = ""
    powered_on: bool = False
    rack: str = ""
    unit: int = 0

    @property
    def uuid(self) -> str:
        """The SMBIOS UUID: the same for the same name and serial number, run after run."""
        return str(uuid5(NAMESPACE_DNS, f"{self.serial}.{self.name}.bareiron.invalid"))

    @property
    def memory_mib(self) -> int:
        """All modules together."""
        return sum(self.memory)


def standard_mix(
    count: int, *, virt_off: int = 0, low_memory: int = 0, powered_on: bool = False
) -> list[ServerSpec]:
    """Return ``count`` servers, every fourth an AMD one.

    The first ``virt_off`` have virtualization disabled in the BIOS, the last ``low_memory`` hold a
    single module of 512 MiB, which no hypervisor profile accepts.
    """
    specs = [_standard(index, powered_on) for index in range(count)]
    for index in range(min(virt_off, count)):
        specs[index] = replace(specs[index], virtualization=False)
    for index in range(max(count - low_memory, 0), count):
        specs[index] = replace(specs[index], memory=(512,) + (0,) * 7)
    return specs


def _standard(index: int, powered_on: bool) -> ServerSpec:
    rack, unit = index // UNITS + 1, index % UNITS + 1
    amd = index % 4 == 3
    return ServerSpec(
        name=f"r{rack}u{unit:02}",
        serial=f"SIM{rack:02}{unit:02}",
        model="Simulated 1U AMD" if amd else "Simulated 1U",
        cpu=MILAN if amd else ICE_LAKE,
        sockets=1 if amd else 2,
        # 02: locally administered, so that no real port can have the same address.
        nics=tuple(Nic(mac=f"02:00:{rack:02x}:{unit:02x}:00:{port:02x}") for port in range(2)),
        powered_on=powered_on,
        rack=f"r{rack}",
        unit=unit,
    )


def with_names(specs: Iterable[ServerSpec]) -> list[ServerSpec]:
    """Return ``specs`` as a list; two servers of one name are a mistake of the caller."""
    listed = list(specs)
    names = [spec.name for spec in listed]
    if len(set(names)) != len(names):
        raise ValueError("two simulated servers have the same name")
    return listed
