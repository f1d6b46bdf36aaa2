"""Boot settings of virtual machines: what is written for the firmware, and read of it again."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.sim.qemu.boot import VirtualBoot, choose_secure_boot
from provision.sim.qemu.entries import entry, in_words
from provision.sim.qemu.store import Variables

_ACTIVE, _HIDDEN = 1, 8


def node(kind: int, subtype: int, data: bytes) -> bytes:
    """Return one node of a device path."""
    return struct.pack("<BBH", kind, subtype, 4 + len(data)) + data


ROOT = node(2, 1, struct.pack("<LL", 0x0A0341D0, 0))
STICK = ROOT + node(1, 1, bytes([0, 4])) + node(3, 5, bytes([0, 0]))
CD = ROOT + node(1, 1, bytes([0, 4])) + node(3, 5, bytes([1, 0])) + node(3, 2, bytes(4))
DISK = ROOT + node(1, 1, bytes([2, 0x1F])) + node(3, 18, struct.pack("<HHH", 0, 0xFFFF, 0))


def load_option(title: str, path: bytes, attributes: int = _ACTIVE) -> bytes:
    """Return an EFI_LOAD_OPTION."""
    ended = path + node(0x7F, 0xFF, b"")
    name = title.encode("utf-16-le") + b"\0\0"
    return struct.pack("<LH", attributes, len(ended)) + name + ended


class Firmware:
    """A variable store as firmware leaves it, and what it does with it at a start."""

    def __init__(self) -> None:
        self.variables = Variables(())
        for number, (title, path) in enumerate(
            [("UEFI QEMU DVD", CD), ("UEFI DISK", DISK), ("UEFI STICK", STICK)]
        ):
            self.put(f"Boot{number:04X}", load_option(title, path))
        self.variables.put_numbers("BootOrder", [0, 1, 2])

    def put(self, name: str, data: bytes | None) -> None:
        """Set a variable."""
        self.variables.put(name, data)

    def take(self) -> list[int]:
        """Start: take up BootNext, as real firmware does before it looks at the order."""
        wanted = self.variables.numbers("BootNext")
        self.put("BootNext", None)
        return wanted + [n for n in self.variables.numbers("BootOrder") if n not in wanted]

    def before_start(self, boot: VirtualBoot) -> None:
        """Do what the machine does with the store before it starts."""
        boot.read(self.variables)
        boot.taken(self.variables)
        boot.write(self.variables)
        boot.written()

    def after_start(self, boot: VirtualBoot) -> None:
        """Do what the machine does with the store once the firmware has left it alone."""
        boot.read(self.variables)
        boot.taken(self.variables)


@pytest.fixture
def firmware() -> Firmware:
    """Firmware with a CD drive, a disk and a stick, in this order."""
    return Firmware()


@pytest.fixture
def boot(firmware: Firmware) -> VirtualBoot:
    """The BMC's settings, as they are after the first look."""
    made = VirtualBoot()
    made.read(firmware.variables)
    return made


def once(boot: VirtualBoot, target: str, enabled: str = "Once") -> None:
    """Set an override as the BMC's service does."""
    boot.target, boot.enabled = target, enabled


def test_what_the_firmware_has_is_shown(boot: VirtualBoot) -> None:
    """Each boot entry with its name, its path in UEFI's words, and the target that means it."""
    assert boot.order == ["Boot0000", "Boot0001", "Boot0002"]
    stick, disk = boot.options["Boot0002"], boot.options["Boot0001"]
    assert (stick.name, stick.alias) == ("UEFI STICK", "Usb")
    assert stick.path == "PciRoot(0x0)/Pci(0x4,0x0)/USB(0x0,0x0)"
    assert (disk.alias, disk.path) == ("Hdd", "PciRoot(0x0)/Pci(0x1F,0x2)/Sata(0x0,0xFFFF,0x0)")
    assert boot.options["Boot0000"].alias == "Cd"


def test_hidden_and_inactive_entries_are_not_shown(firmware: Firmware, boot: VirtualBoot) -> None:
    """The firmware's own applications and entries that were switched off are no options."""
    firmware.put("Boot0003", load_option("Setup", STICK, _ACTIVE | _HIDDEN))
    firmware.put("Boot0004", load_option("Off", STICK, 0))
    firmware.variables.put_numbers("BootOrder", [3, 4, 0, 1, 2])
    boot.read(firmware.variables)
    assert boot.order == ["Boot0000", "Boot0001", "Boot0002"]


def test_once_is_spent_when_it_was_taken(firmware: Firmware, boot: VirtualBoot) -> None:
    """Not before the firmware has taken it up, and then at once."""
    once(boot, "Usb")
    firmware.before_start(boot)
    assert boot.enabled == "Once"
    assert firmware.take()[0] == 2
    firmware.after_start(boot)
    assert boot.enabled == "Disabled"
    firmware.before_start(boot)
    assert firmware.take() == [0, 1, 2]


def test_once_is_not_spent_by_a_start_that_did_not_come_so_far(
    firmware: Firmware, boot: VirtualBoot
) -> None:
    """The power went before the firmware looked: the next start is the one that was meant."""
    once(boot, "Hdd")
    firmware.before_start(boot)
    firmware.after_start(boot)
    assert boot.enabled == "Once"
    firmware.before_start(boot)
    assert firmware.take()[0] == 1


def test_once_that_came_after_the_start_waits(firmware: Firmware, boot: VirtualBoot) -> None:
    """An override set during a boot is for the next one, also where this one spends another."""
    once(boot, "Usb")
    firmware.before_start(boot)
    firmware.take()
    once(boot, "Cd")
    firmware.after_start(boot)
    assert (boot.target, boot.enabled) == ("Cd", "Once")
    firmware.before_start(boot)
    assert firmware.take()[0] == 0


def test_once_for_what_is_not_there_is_spent(firmware: Firmware, boot: VirtualBoot) -> None:
    """Without such a device the firmware goes by its order, and the override is over."""
    firmware.put("Boot0002", None)
    firmware.variables.put_numbers("BootOrder", [0, 1])
    once(boot, "Usb")
    firmware.before_start(boot)
    assert firmware.take() == [0, 1]
    firmware.after_start(boot)
    assert boot.enabled == "Disabled"


def test_continuous_is_written_at_each_start(firmware: Firmware, boot: VirtualBoot) -> None:
    """It stays until it is taken back, and leaves nothing behind then."""
    once(boot, "Usb", "Continuous")
    for _ in range(3):
        firmware.before_start(boot)
        assert firmware.take()[0] == 2
        firmware.after_start(boot)
        assert boot.enabled == "Continuous"
    firmware.before_start(boot)
    boot.clear()
    firmware.before_start(boot)
    assert firmware.take()[0] == 0


def test_what_an_operating_system_asked_for_stays(firmware: Firmware, boot: VirtualBoot) -> None:
    """A BootNext that is none of ours is not taken away."""
    firmware.variables.put_numbers("BootNext", [1])
    firmware.before_start(boot)
    assert firmware.take()[0] == 1


def test_an_order_waits_for_the_start_and_keeps_what_is_new(
    firmware: Firmware, boot: VirtualBoot
) -> None:
    """What the firmware found meanwhile comes last; what it no longer has is left out."""
    boot.order = ["Boot0002", "Boot0000", "Boot0001"]
    firmware.put("Boot0005", load_option("debian", DISK))
    firmware.put("Boot0000", None)
    firmware.variables.put_numbers("BootOrder", [5, 1, 2])
    firmware.before_start(boot)
    assert firmware.take() == [2, 1, 5]
    firmware.after_start(boot)
    assert boot.order == ["Boot0002", "Boot0001", "Boot0005"]
    firmware.variables.put_numbers("BootOrder", [1, 2, 5])  # the operating system's doing
    firmware.after_start(boot)
    assert boot.order == ["Boot0001", "Boot0002", "Boot0005"]


def test_setup_is_asked_for_once(firmware: Firmware, boot: VirtualBoot) -> None:
    """By OsIndications, whose other bits are somebody else's."""
    firmware.put("OsIndications", struct.pack("<Q", 4))
    once(boot, "BiosSetup")
    firmware.before_start(boot)
    assert firmware.variables.value("OsIndications") == struct.pack("<Q", 5)
    assert not boot.taken(firmware.variables)
    firmware.put("OsIndications", struct.pack("<Q", 4))
    firmware.after_start(boot)
    assert boot.enabled == "Disabled"


def test_secure_boot_is_one_variable(firmware: Firmware) -> None:
    """Only what changed is written."""
    choose_secure_boot(firmware.variables, True)
    put, gone = firmware.variables.changes()
    assert ("SecureBootEnable", "01") in [(each["name"], each["data"]) for each in put]
    assert gone == []
    again = Variables(put)
    choose_secure_boot(again, True)
    assert again.changes() == ([], [])


@given(st.binary(max_size=200))
def test_no_entry_is_too_strange(data: bytes) -> None:
    """Whatever a guest wrote there, it is read or left out."""
    found = entry(data)
    assert found is None or isinstance(found.path, str)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 30), st.binary(max_size=60))))
def test_no_path_is_too_strange(nodes: list[tuple[int, int, bytes]]) -> None:
    """A node that is not known is shown by its numbers, whatever stands around it."""
    shown = in_words(b"".join(node(*each) for each in nodes))
    for kind, subtype, data in nodes:
        if kind == 5:
            assert f"Path({kind},{subtype},{data.hex().upper()})" in shown


@given(st.lists(st.integers(0, 0xFFFF)), st.lists(st.binary(max_size=90), max_size=8))
def test_no_store_is_too_strange(order: list[int], entries: list[bytes]) -> None:
    """An order with what is not there, or twice, and entries of any content: read, and written."""
    firmware = Firmware()
    for number, data in enumerate(entries):
        firmware.put(f"Boot{number:04X}", data)
    firmware.variables.put_numbers("BootOrder", order)
    boot = VirtualBoot()
    firmware.before_start(boot)
    once(boot, "Usb")
    boot.order = list(reversed(boot.order))
    firmware.before_start(boot)
    firmware.take()
    firmware.after_start(boot)
    assert boot.enabled == "Disabled"
    assert set(boot.order) <= set(boot.options)
