"""Kernel modules: the wanted ones with all they depend on, and the index modprobe reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.media.build import elf
from provision.media.build.errors import PackageMissing


@dataclass(frozen=True, kw_only=True)
class Module:
    """One module: its path below ``lib/modules/VERSION`` and what must be loaded before it."""

    name: str
    path: str
    file: Path
    depends: tuple[str, ...]


def closure(wanted: Iterable[str], folder: Path) -> dict[str, Module]:
    """Return ``wanted`` and their dependencies from ``folder`` (``lib/modules/VERSION``) by name.

    What the kernel has built in needs no module and is left out.
    """
    files = {_name(path.stem): path for path in folder.rglob("*.ko")}
    builtin = {_name(Path(line).stem) for line in (folder / "modules.builtin").read_text().split()}
    found: dict[str, Module] = {}
    todo = [_name(name) for name in wanted]
    while todo:
        name = todo.pop()
        if name in found or name in builtin:
            continue
        if name not in files:
            raise PackageMissing(f"looking for the module {name}: the kernel package has none")
        found[name] = _module(name, files, folder)
        todo += found[name].depends
    return {name: found[name] for name in sorted(found)}


def _module(name: str, files: Mapping[str, Path], folder: Path) -> Module:
    file = files[name]
    info = elf.modinfo(file)
    depends = [word for line in info.get("depends", ()) for word in line.split(",") if word]
    soft = [
        word
        for line in info.get("softdep", ())
        if line.startswith("pre:")
        for word in line.removeprefix("pre:").split("post:")[0].split()
    ]
    present = [word for word in soft if _name(word) in files]  # others are names of algorithms
    return Module(
        name=name,
        path=str(file.relative_to(folder)),
        file=file,
        depends=tuple(dict.fromkeys(_name(word) for word in (*depends, *present))),
    )


def _name(word: str) -> str:
    """Module names know no difference between ``-`` and ``_``."""
    return word.replace("-", "_")


def dependency_index(modules: Mapping[str, Module]) -> str:
    """Return the text of ``modules.dep``: each module's path and all it needs, last to load first.

    That is how depmod writes it, and the order modprobe walks backwards.
    """
    lines = []
    for name, module in modules.items():
        before = [modules[other].path for other in _load_order(name, modules) if other != name]
        lines.append(f"{module.path}: {' '.join(reversed(before))}".rstrip())
    return "\n".join(lines) + "\n"


def _load_order(name: str, modules: Mapping[str, Module]) -> list[str]:
    order: list[str] = []
    entered: set[str] = set()

    def visit(current: str) -> None:
        if current in entered or current not in modules:
            return  # loaded already, part of the kernel, or a circle of soft dependencies
        entered.add(current)
        for other in modules[current].depends:
            visit(other)
        order.append(current)

    visit(name)
    return order
