"""The lab's fixtures: images, a server behind a BMC, a stick in it; all gone afterwards."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.lab.emulator import PASSWORD, USER, Emulator, emulator
from tests.lab.libvirt import Libvirt, libvirtd
from tests.lab.needs import OVMF_CODE, OVMF_VARS, missing
from tests.lab.processes import provision
from tests.lab.serial import Serial

HERE = Path(__file__).parent

#: Under emulation these cost most of the boot and show nothing; real machines boot without them.
FAST = (
    *("--append-xen", "xpti=no spec-ctrl=no bootscrub=0 watchdog=0 dom0_mem=384M,max:384M"),
    *("--append", "mitigations=off nokaslr audit=0 zswap.enabled=0 random.trust_cpu=on"),
)

STICK_SIZE = 64 << 20


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave the lab out where it cannot run; emulated machines take their time where it can."""
    lacking = missing()
    for item in items:
        if HERE not in item.path.parents or not item.get_closest_marker("lab"):
            continue
        item.add_marker(pytest.mark.timeout(300))
        if lacking:
            reason = f"the lab lacks {', '.join(lacking)}: run `make lab-deps` as root"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def lab_folder() -> Iterator[Path]:
    """A folder with a short name, for sockets; libvirt's machines write into it."""
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@dataclass(frozen=True, kw_only=True)
class Images:
    """The same hypervisor in both shapes, each with its digest beside it."""

    stick: Path
    disc: Path


@pytest.fixture(scope="session")
def images(lab_folder: Path, pool: ThreadPoolExecutor) -> Images:
    """Both images, built once by our own command with the speed-ups for emulation."""
    folder = lab_folder / "images"
    folder.mkdir()
    made = Images(stick=folder / "xen.img", disc=folder / "xen.iso")
    builds = [
        pool.submit(provision, "image", "build", "xen", "-o", path, *FAST)
        for path in (made.stick, made.disc)
    ]
    for build in builds:
        build.result()
    return made


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One server: its BMC's address and accounts, its console, and the stick inside it."""

    emulator: Emulator
    libvirt: Libvirt
    name: str
    password_file: Path
    serial: Serial
    stick: Path
    serial_number: str

    @property
    def url(self) -> str:
        """The BMC's address."""
        return self.emulator.url

    @property
    def access(self) -> tuple[str, ...]:
        """The options by which our commands reach the BMC."""
        return (
            *("--user", USER, "--password-file", str(self.password_file)),
            *("--ca-file", str(self.emulator.ca_file)),
        )

    def command(
        self, verb: str, *words: str | Path, state: Path, expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run our command ``verb`` against the BMC."""
        return provision(verb, self.url, *words, *self.access, state=state, expect=expect)

    def flash_stick(self, image: Path, state: Path) -> dict[str, Any]:
        """Write ``image`` to the stick with our command; return its record."""
        with reader(self.stick) as device:
            done = provision(
                *("flash", image, device, "--allow-loop", "--yes", "--output", "json"), state=state
            )
        report = json.loads(done.stdout)
        record: dict[str, Any] = report["records"][0]
        return record

    def blank_stick(self) -> None:
        """Put a stick with nothing on it into the server, which must be off."""
        self.stick.unlink(missing_ok=True)
        with self.stick.open("wb") as file:
            file.truncate(STICK_SIZE)


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """The lab's certificate authority."""
    return trustme.CA()


@pytest.fixture(scope="session")
def _services(lab_folder: Path, ca: trustme.CA) -> Iterator[tuple[Libvirt, Emulator]]:
    folder = lab_folder / "virt"
    folder.mkdir()
    with libvirtd(folder) as libvirt, emulator(libvirt, folder / "bmc", ca) as bmc:
        yield libvirt, bmc


@pytest.fixture
def lab(_services: tuple[Libvirt, Emulator], lab_folder: Path) -> Iterator[Lab]:
    """A server that is off, with a blank stick in it, behind its BMC."""
    libvirt, bmc = _services
    name = "node1"
    password = lab_folder / "password"
    password.touch(mode=0o600)
    password.write_text(f"{PASSWORD}\n")
    made = Lab(
        emulator=bmc,
        libvirt=libvirt,
        name=name,
        password_file=password,
        serial=Serial(file=lab_folder / f"{name}.serial"),
        stick=lab_folder / f"{name}.stick",
        serial_number="SN0001",
    )
    made.blank_stick()
    libvirt.define("", _domain(made, lab_folder))
    try:
        yield made
    finally:
        subprocess.run(
            ["virsh", "-q", "-c", libvirt.uri, "destroy", name], capture_output=True, check=False
        )
        libvirt.virsh("undefine", "--nvram", name)


def _domain(lab: Lab, folder: Path) -> str:
    return (
        (HERE / "domain.xml")
        .read_text()
        .format(
            name=lab.name,
            uuid="11111111-2222-3333-4444-000000000001",
            memory=4096,
            serial_number=lab.serial_number,
            firmware=OVMF_CODE,
            variables=OVMF_VARS,
            folder=folder,
            stick=lab.stick,
            serial=lab.serial.file,
        )
    )


@contextmanager
def reader(stick: Path) -> Iterator[Path]:
    """Give a block device over the stick's file: the reader it is plugged into to be written."""
    device = subprocess.run(
        ["losetup", "--find", "--show", stick], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        yield Path(device)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Two threads, for two machines at a time."""
    with ThreadPoolExecutor(2) as executor:
        yield executor
