"""A ramdisk with Python's standard library and our in-band probe, started on a CPU of choice.

It is what the probe will meet in earnest: a kernel, busybox, Python, and not one package more.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from provision.core.events import ignore
from provision.media.build import packages
from provision.media.build.cpio import Tree
from provision.media.build.initramfs import libraries
from provision.media.build.modules import closure, dependency_index
from tests.lab.processes import running
from tests.lab.serial import Serial

ROOT = Path(__file__).parent.parent.parent
#: All that the probe may import beside the standard library.
OURS = ("hwprofiles", "provision/host", "provision/core")
_MODULES = ("msr", "cpuid")
_INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev 2>/dev/null
/bin/busybox modprobe -a msr cpuid
export PYTHONPATH=/opt PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 -S -c 'if True:
    import json
    from hwprofiles.facts import as_dict
    from provision.host import read_facts
    print("FACTS", json.dumps(as_dict(read_facts())), "END", flush=True)
'
/bin/busybox poweroff -f
"""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A kernel and the ramdisk."""

    kernel: Path
    ramdisk: Path

    def facts(self, cpu: str, folder: Path, *, smp: str = "1") -> dict[str, Any]:
        """Start it on ``cpu``; return what it says of that machine, as JSON."""
        serial = Serial(file=folder / "serial.log")
        command: list[str | Path] = [
            *("qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", cpu, "-smp", smp),
            *("-m", "1024", "-nodefaults", "-display", "none", "-no-reboot"),
            *("-kernel", self.kernel, "-initrd", self.ramdisk),
            *("-append", "console=ttyS0 quiet loglevel=0 mitigations=off panic=-1"),
            *("-serial", f"file:{serial.file}"),
        ]
        with running(command, log=folder / "qemu.log", ready=serial.file.exists):
            said = serial.wait(r"FACTS (\{.*\}) END", within=200)
        facts = json.loads(said.removeprefix("FACTS ").removesuffix(" END"))
        assert isinstance(facts, dict)
        return facts


def build(folder: Path) -> Probe:
    """Make the ramdisk from the packages of this machine's archive."""
    cache = platformdirs.user_cache_path("provision") / "packages"
    python = packages.newest(r"^libpython3\.(\d+)-stdlib$").removeprefix("lib").split("-")[0]
    names = [f"{python}-minimal", f"lib{python}-minimal", f"lib{python}-stdlib"]
    names += ["libc6", "libexpat1", "zlib1g", "busybox-static"]
    names.append(packages.newest(r"^linux-image-6\.\d+\.0-(\d+)-amd64-unsigned$"))
    parts = packages.describe(names, cache)
    packages.fetch(parts, cache, ignore)
    packages.unpack(parts, folder / "root")
    root = folder / "root"
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    ramdisk = folder / "probe.img"
    ramdisk.write_bytes(_tree(root, python, kernel.name.removeprefix("vmlinuz-")).archive())
    return Probe(kernel=kernel, ramdisk=ramdisk)


def _tree(root: Path, python: str, version: str) -> Tree:
    tree = Tree()
    for name in ("proc", "sys", "dev", "tmp"):
        tree.folder(name)
    program = packages.inside(root, f"usr/bin/{python}")
    tree.add("init", _INIT.encode(), 0o755)
    tree.add("bin/busybox", packages.inside(root, "bin/busybox").read_bytes(), 0o755)
    tree.add("usr/bin/python3", program.read_bytes(), 0o755)
    for name, file in libraries([program], [], root).items():
        home = "lib64" if name.startswith("ld-") else "lib/x86_64-linux-gnu"
        tree.add(f"{home}/{name}", file.read_bytes(), 0o755)
    _add(tree, root / "usr/lib" / python, f"usr/lib/{python}", r"\.(py|so)$")
    for room in OURS:
        _add(tree, ROOT / room, f"opt/{room}", r"\.py$")
    tree.add("opt/provision/__init__.py", (ROOT / "provision/__init__.py").read_bytes())
    base = f"lib/modules/{version}"
    modules = closure(_MODULES, packages.inside(root, base))
    for module in modules.values():
        tree.add(f"{base}/{module.path}", module.file.read_bytes())
    tree.add(f"{base}/modules.dep", dependency_index(modules).encode())
    return tree


def _add(tree: Tree, folder: Path, home: str, wanted: str) -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and re.search(wanted, file.name) and "/test/" not in str(file):
            tree.add(f"{home}/{file.relative_to(folder)}", file.read_bytes())
