"""The root file system of dom0: programs, the libraries they need, scripts, kernel modules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from provision.media.build import elf
from provision.media.build.cpio import Tree
from provision.media.build.errors import PackageMissing
from provision.media.build.modules import closure, dependency_index
from provision.media.build.packages import inside
from provision.media.build.recipe import Recipe

_LIBRARY_FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
_LOADER = "ld-linux-x86-64.so.2"


def make(recipe: Recipe, root: Path, kernel_version: str) -> Tree:
    """Return the tree that ``recipe`` asks for, taken from the packages unpacked at ``root``."""
    tree = Tree()
    for folder in recipe.folders:
        tree.folder(folder)
    programs = {path: inside(root, source) for path, source in recipe.programs.items()}
    for path, file in programs.items():
        tree.add(path, file.read_bytes(), 0o755)
    for name, file in libraries(programs.values(), recipe.libraries, root).items():
        folder = "lib64" if name == _LOADER else _LIBRARY_FOLDERS[0]
        tree.add(f"{folder}/{name}", file.read_bytes(), 0o755)
    for path, text in recipe.files.items():
        tree.add(path, text.encode())
    for path, content in recipe.script_texts.items():
        tree.add(path, content, 0o755)
    for path, to in recipe.links.items():
        tree.link(path, to)
    _add_modules(tree, recipe.modules, root, kernel_version)
    return tree


def libraries(programs: Iterable[Path], extra: Iterable[str], root: Path) -> dict[str, Path]:
    """Return every shared library ``programs`` need, directly or not, by name."""
    found: dict[str, Path] = {}
    todo = [*extra, *(name for program in programs for name in elf.needed(program))]
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = _library(name, root)
            todo += elf.needed(found[name])
    return {name: found[name] for name in sorted(found)}


def _library(name: str, root: Path) -> Path:
    for folder in _LIBRARY_FOLDERS:
        if (root / folder / name).is_symlink() or (root / folder / name).exists():
            return inside(root, f"{folder}/{name}")
    raise PackageMissing(
        f"looking for the library {name}: none of the packages has it",
        hint="Add the package that holds it to the recipe.",
    )


def _add_modules(tree: Tree, wanted: Iterable[str], root: Path, kernel_version: str) -> None:
    base = f"lib/modules/{kernel_version}"
    modules = closure(wanted, inside(root, base))
    for module in modules.values():
        tree.add(f"{base}/{module.path}", module.file.read_bytes())
    tree.add(f"{base}/modules.dep", dependency_index(modules).encode())
