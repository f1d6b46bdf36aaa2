"""The floors of the house: imports go down only, and each foreign library has its one room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    "hwprofiles": 0,
    "provision.core": 1,
    "provision.bmc": 2,
    "provision.media": 2,
    "provision.host": 2,
    "provision.report": 2,
    "provision.sim": 2,
    "provision.flow": 3,
    "provision.agent": 3,
    "provision.web": 4,
    "provision.cli": 5,
}

#: Where each library may be imported: a module, or a package with all below it.
ROOMS = {
    "redfish": "provision.bmc.client",
    "usb": "provision.media.targets",
    "dbos": "provision.flow.engine",
    "click": "provision.cli",
    "fastapi": "provision.web",
}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of ours with its dotted name."""
    for top in ("hwprofiles", "provision"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


@cache
def imports(path: Path, module: str) -> tuple[str, ...]:
    """Dotted names a file imports, wherever in the file the import stands."""
    return tuple(_imports(path, module))


def _imports(path: Path, module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} uses a relative import"
            base = node.module or ""
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    """The room a module lives in: ``hwprofiles`` or ``provision.<room>``."""
    parts = module.split(".")
    return parts[0] if parts[0] == "hwprofiles" else ".".join(parts[:2])


def below(module: str, owner: str) -> bool:
    """Whether ``module`` is ``owner`` or inside it."""
    return module == owner or module.startswith(owner + ".")


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=str)
def test_imports_go_down_only(module: str, path: Path) -> None:
    """A room uses lower floors and itself, never its neighbours or what stands above it."""
    if module in ("provision", "provision.__main__"):
        return
    here = room(module)
    assert here in FLOORS, f"{here} is not on the plan of the house"
    for name in imports(path, module):
        if name.split(".")[0] not in ("hwprofiles", "provision"):
            continue
        there = room(name)
        if there in (here, "provision.__version__"):
            continue
        assert FLOORS[there] < FLOORS[here], f"{module} imports {name}"


@pytest.mark.parametrize(("library", "owner"), sorted(ROOMS.items()))
def test_each_library_has_one_room(library: str, owner: str) -> None:
    """Replacing a library must touch one room only."""
    for module, path in modules():
        if below(module, owner):
            continue
        for name in imports(path, module):
            assert not below(name, library), f"{module} imports {name}; only {owner} may"


def test_files_stay_readable() -> None:
    """A file far over 300 lines is looked at again before it lands."""
    for module, path in modules():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 360, f"{module} has {lines} lines"
