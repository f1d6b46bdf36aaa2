"""Kernel modules: all that is needed, in the order in which it can be loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.media.build.errors import PackageMissing
from provision.media.build.modules import Module, closure, dependency_index
from tests.media.build.test_elf import module


def kernel(folder: Path, modules: dict[str, bytes]) -> Path:
    """A folder like ``lib/modules/VERSION`` that holds ``modules`` (name -> modinfo)."""
    for name, info in modules.items():
        file = folder / "kernel/drivers" / f"{name}.ko"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(module(info))
    (folder / "modules.builtin").write_text("kernel/drivers/hid/hid.ko\n")
    return folder


def test_dependencies_come_along(tmp_path: Path) -> None:
    """Hard and soft dependencies are taken; what is built in or a mere algorithm is not."""
    folder = kernel(
        tmp_path,
        {
            "usb-storage": b"depends=usbcore,scsi_mod\0",
            "usbcore": b"depends=\0softdep=pre: helper crc32c post: later\0",
            "scsi_mod": b"depends=hid\0",
            "helper": b"",
            "later": b"",
            "unwanted": b"",
        },
    )
    found = closure(["usb_storage", "hid"], folder)
    assert list(found) == ["helper", "scsi_mod", "usb_storage", "usbcore"]


def test_a_missing_module_is_named(tmp_path: Path) -> None:
    """A kernel without a wanted module fails the build, not the boot."""
    with pytest.raises(PackageMissing, match="xenfs"):
        closure(["xenfs"], kernel(tmp_path, {}))


@given(st.data())
def test_nothing_is_loaded_before_what_it_needs(data: st.DataObject) -> None:
    """Walking a line of modules.dep backwards never meets a module before its dependencies."""
    names = [f"m{number}" for number in range(data.draw(st.integers(1, 9)))]
    modules = {
        name: Module(
            name=name,
            path=f"{name}.ko",
            file=Path(name),
            # a module depends on earlier ones only: no circles
            depends=tuple(data.draw(st.permutations(names[:at])))[: data.draw(st.integers(0, 4))],
        )
        for at, name in enumerate(names)
    }
    for line in dependency_index(modules).splitlines():
        path, _, rest = line.partition(":")
        loaded: set[str] = set()
        for current in [*reversed(rest.split()), path]:
            name = current.removesuffix(".ko")
            assert set(modules[name].depends) <= loaded
            loaded.add(name)
