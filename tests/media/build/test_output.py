"""Where a build ends: all of it, or nothing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from provision.core.errors import ConfigError, ProvisionError, Refused
from provision.media.build import output, xen
from provision.media.build.errors import BuildFailed
from provision.media.build.recipe import load


def test_the_digest_lies_beside(tmp_path: Path) -> None:
    """The digest file is one that ``sha256sum -c`` accepts; nothing else is left."""
    image = tmp_path / "xen.img"
    with output.draft(image) as draft:
        draft.write_bytes(b"image")
        digest = output.publish(draft, image)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["xen.img", "xen.img.sha256"]
    assert (tmp_path / "xen.img.sha256").read_text() == f"{digest}  xen.img\n"
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", "--quiet", "xen.img.sha256"], cwd=tmp_path, check=True)


def test_a_failed_build_leaves_what_was_there(tmp_path: Path) -> None:
    """An older image survives a build that fails half way."""
    image = tmp_path / "xen.img"
    image.write_bytes(b"old")

    def build() -> None:
        with output.draft(image) as draft:
            draft.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(BuildFailed, match="No space left"):
        build()
    assert image.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [image]


@pytest.mark.parametrize(
    ("path", "options", "error"),
    [
        ("/dev/null", {}, Refused),
        ("missing/xen.img", {}, ConfigError),
        ("xen.img", {"size": 1000}, ConfigError),
        ("xen.img", {"append": 'quiet" ; reboot'}, ConfigError),
        ("xen.img", {"append_xen": "a\nb"}, ConfigError),
        ("xen.img", {"append": "$prefix"}, ConfigError),
    ],
)
def test_bad_wishes_are_refused_before_work(
    path: str, options: dict[str, str], error: type[ProvisionError], tmp_path: Path
) -> None:
    """A wrong output, size or argument is told at once; no file appears."""
    with pytest.raises(error) as caught:
        xen.build(tmp_path / path, cache=tmp_path / "cache", **options)  # type: ignore[arg-type]
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_arguments_reach_the_menu() -> None:
    """Ours come first and the user's after them, where Xen and Linux let the last one win."""
    menu = load("xen").menu("dom0_mem=384M", "nokaslr  quiet")
    xen_line, dom0_line = (
        next(line for line in menu.splitlines() if word in line)
        for word in ("multiboot2", "module2 /boot/vmlinuz")
    )
    assert xen_line.endswith("dom0_mem=512M,max:512M dom0_mem=384M")
    assert dom0_line.endswith(" nokaslr quiet")
    assert "@" not in menu


def test_every_script_of_the_recipe_is_shipped() -> None:
    """The recipe names scripts that lie beside it, and modules its script loads."""
    recipe = load("xen")
    script = recipe.script_texts["etc/rc"].decode()
    loaded = script.replace("\\\n", " ")
    words = {
        word
        for line in loaded.splitlines()
        if line.strip().startswith("modprobe -a")
        for word in line.split("2>")[0].split()[2:]
    }
    assert words
    assert words <= set(recipe.modules)
