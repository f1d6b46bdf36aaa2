"""The built package holds what the checkout holds: code, knowledge and scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_holds_code_and_data(tmp_path: Path) -> None:
    """A profile or a script left out would be missed only on somebody else's machine."""
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("provision", "hwprofiles"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run(
        [sys.executable, *build, "--wheel-dir", str(tmp_path), str(source)],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("bareiron-*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    outside = {
        str(path.relative_to(source))
        for name in ("provision", "hwprofiles")
        for path in (source / name).rglob("*")
        if path.is_file()
    }
    guides = {"hwprofiles/hypervisors/README.md", "hwprofiles/servers/README.md"}
    assert outside - inside == guides
    assert inside <= outside
