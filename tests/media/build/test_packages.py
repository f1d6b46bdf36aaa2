"""Packages: found, fetched once, checked always, unpacked without leaving their folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from provision.core.errors import MissingTool, Unreachable
from provision.core.events import ignore
from provision.media.build import packages, tools
from provision.media.build.errors import PackageDamaged, PackageMissing
from tests.media.build.archive import Archive, make, needs_dpkg

pytestmark = needs_dpkg


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An empty package archive."""
    return make(tmp_path, monkeypatch)


def test_a_package_is_fetched_once(archive: Archive, tmp_path: Path) -> None:
    """What the cache holds whole is not fetched again, so that a build works offline."""
    archive.add("xl", {"usr/bin/xl": "tool"}, version="1:4.17-2")
    cache = tmp_path / "cache"
    for _ in range(2):
        parts = packages.describe(["xl"], cache)
        packages.fetch(parts, cache, ignore)
        archive.go_offline()
    assert archive.downloads() == ["xl"]
    assert (parts[0].name, parts[0].version) == ("xl", "1:4.17-2")
    packages.unpack(parts, tmp_path / "root")
    assert packages.inside(tmp_path / "root", "usr/bin/xl").read_text() == "tool"
    assert parts[0].built > 1_500_000_000


def test_a_damaged_cache_is_mended(archive: Archive, tmp_path: Path) -> None:
    """A file that is not what the archive says is fetched anew, never used."""
    archive.add("xl", {"usr/bin/xl": "tool"})
    parts = packages.describe(["xl"], tmp_path)
    packages.fetch(parts, tmp_path, ignore)
    parts[0].file.write_bytes(b"damaged")
    packages.fetch(parts, tmp_path, ignore)
    assert archive.downloads() == ["xl", "xl"]


def test_a_damaged_download_is_refused_and_removed(archive: Archive, tmp_path: Path) -> None:
    """What arrives broken stops the build, and does not stay in the cache."""
    archive.add("xl", {"usr/bin/xl": "tool"}).write_bytes(b"damaged on the way")
    parts = packages.describe(["xl"], tmp_path / "cache")
    with pytest.raises(PackageDamaged, match=r"xl_1\.0-1_amd64\.deb"):
        packages.fetch(parts, tmp_path / "cache", ignore)
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_unknown_package_is_named(archive: Archive, tmp_path: Path) -> None:
    """An archive of another release is recognised by what it lacks."""
    archive.add("xl", {"usr/bin/xl": "tool"})
    with pytest.raises(PackageMissing, match="no-such-package") as caught:
        packages.describe(["xl", "no-such-package"], tmp_path)
    assert "apt-get update" in caught.value.hint


def test_no_network_is_said(archive: Archive, tmp_path: Path) -> None:
    """Without a network the error is about the network and tells what apt said."""
    archive.add("xl", {"usr/bin/xl": "tool"})
    archive.go_offline()
    parts = packages.describe(["xl"], tmp_path)
    with pytest.raises(Unreachable, match=r"Could not resolve deb\.example"):
        packages.fetch(parts, tmp_path, ignore)


def test_the_newest_kernel_is_chosen_by_number(archive: Archive) -> None:
    """Kernel 10 is newer than kernel 9, and the cloud kernel is another package."""
    for name in ("9-amd64", "10-amd64", "11-cloud-amd64"):
        archive.add(f"linux-image-6.1.0-{name}-unsigned", {})
    pattern = r"^linux-image-6\.1\.0-(\d+)-amd64-unsigned$"
    assert packages.newest(pattern) == "linux-image-6.1.0-10-amd64-unsigned"
    with pytest.raises(PackageMissing, match="linux-image-7"):
        packages.newest(r"^linux-image-7\.(\d+)$")


def test_links_stay_inside(tmp_path: Path) -> None:
    """An absolute link in a package means the package's root, not this machine's."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/real").write_text("ours")
    (tmp_path / "lib64").symlink_to("/lib")
    (tmp_path / "lib/name").symlink_to("/lib/real")
    (tmp_path / "up").symlink_to("../../../../etc/hostname")
    (tmp_path / "round").symlink_to("round")
    assert packages.inside(tmp_path, "lib64/name").read_text() == "ours"
    for path, error in (("up", PackageMissing), ("round", PackageDamaged)):
        with pytest.raises(error):
            packages.inside(tmp_path, path)


def test_missing_tools_are_named_with_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error names every tool that is missing and the one command that installs them."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tools, "SBIN", ())
    with pytest.raises(MissingTool, match="mcopy, xorriso") as caught:
        tools.require(["mcopy", "xorriso"])
    assert caught.value.hint == "apt-get install mtools xorriso"
