"""A recipe: what an image is made of, as data."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from hwprofiles.loading import read_yaml
from provision.core.errors import ConfigError

HERE = Path(__file__).parent

#: What a boot argument may hold; the rest has a meaning to GRUB or would break its file.
_ARGUMENTS = re.compile(r"[A-Za-z0-9 _.,:;=/@+%^~\[\]()-]*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Grub(_Strict):
    """The boot loader: its modules, how it finds its file system, and its menu."""

    modules: list[str]
    bios: list[str]
    efi: list[str]
    start: str
    menu: str


class Recipe(_Strict):
    """An image's ingredients; the comments in the YAML files say what each is for."""

    title: str
    packages: list[str]
    kernel: str
    hypervisor: str
    programs: dict[str, str]
    libraries: list[str]
    scripts: dict[str, str]
    files: dict[str, str]
    links: dict[str, str]
    folders: list[str]
    modules: list[str]
    grub: Grub
    xen: str
    dom0: str

    @cached_property
    def script_texts(self) -> dict[str, bytes]:
        """The scripts by their path in the image."""
        return {path: (HERE / name).read_bytes() for path, name in self.scripts.items()}

    def menu(self, append_xen: str, append: str) -> str:
        """Return GRUB's menu; later arguments win over the recipe's own."""
        xen = f"{self.xen} {_checked('--append-xen', append_xen)}".strip()
        dom0 = f"{self.dom0} {_checked('--append', append)}".strip()
        return self.grub.menu.replace("@XEN@", xen).replace("@DOM0@", dom0)


def _checked(option: str, arguments: str) -> str:
    if not _ARGUMENTS.fullmatch(arguments):
        raise ConfigError(
            f"reading {option}: it holds a character that would break GRUB's menu",
            hint="Use letters, digits, spaces and _ . , : ; = / @ + % ^ ~ - [ ] ( ) only.",
        )
    # GRUB takes a bare semicolon for the end of a command.
    return " ".join(arguments.split()).replace(";", "\\;")


def load(name: str) -> Recipe:
    """Return the recipe called ``name``."""
    return read_yaml(HERE / f"{name}.yaml", Recipe)
