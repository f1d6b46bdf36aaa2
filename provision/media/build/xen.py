"""The embedded Xen image: a hypervisor on a stick or a virtual CD, in 32 MiB."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

import platformdirs

from provision.core.errors import ConfigError
from provision.core.events import Event, Observer, Phase, ignore
from provision.media.build import cpio, gpt, grub, initramfs, media, packages
from provision.media.build import output as output_file
from provision.media.build.errors import PackageMissing
from provision.media.build.recipe import Recipe, load
from provision.media.build.tools import require

DEFAULT_SIZE = 32 << 20
_LARGEST = 1 << 40
_TOOLS = ("apt-get", "apt-cache", "dpkg-deb", "grub-mkimage", "mkfs.vfat", "mcopy", "mmd")


class Format(StrEnum):
    """The shape of an image."""

    GPT = "gpt"
    ISO = "iso"


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """What was built: the file, its digest, and the version of every package in it."""

    path: Path
    format: Format
    size: int
    sha256: str
    digest_file: Path
    components: dict[str, str]
    manifest: dict[str, str]

    def as_dict(self) -> dict[str, object]:
        """Return the report as ``--output json`` prints it."""
        return {
            "schema": "bareiron.image-build/1",
            "path": str(self.path),
            "format": str(self.format),
            "size": self.size,
            "sha256": self.sha256,
            "digest_file": str(self.digest_file),
            "components": self.components,
            "packages": self.manifest,
        }


def build(  # noqa: PLR0913 - one argument for each option of the command
    output: Path,
    *,
    format: Format | str = Format.GPT,
    size: int = DEFAULT_SIZE,
    append_xen: str = "",
    append: str = "",
    cache: Path | None = None,
    observer: Observer = ignore,
) -> BuildReport:
    """Build the image at ``output`` and its digest beside it, as ``OUTPUT.sha256``.

    ``size`` is that of the disk image; an ISO is as large as its content. Nothing appears under
    either name before all of it is there. The same packages and arguments give the same bytes.
    """
    shape = Format(format)
    output_file.check(output)
    if size > _LARGEST:
        raise ConfigError(
            f"building {output}: {size} bytes are more than the largest disk image, 1 TiB",
            hint="Give less; the system on it needs tens of MiB.",
        )
    if size % gpt.SECTOR:
        raise ConfigError(
            f"building {output}: {size} bytes are no size of a disk",
            hint="Give a multiple of 512, for example 32MiB.",
        )
    require((*_TOOLS, "xorriso") if shape is Format.ISO else _TOOLS)
    recipe = load("xen")
    menu = recipe.menu(append_xen, append)
    store = cache or platformdirs.user_cache_path("provision") / "packages"

    def tell(message: str) -> None:
        observer(Event(subject=output.name, step="build", phase=Phase.PROGRESS, message=message))

    tell("asking the archive for packages")
    parts = packages.describe([*recipe.packages, packages.newest(recipe.kernel)], store)
    packages.fetch(parts, store, observer)
    with (
        TemporaryDirectory(prefix="provision-build-") as folder,
        output_file.draft(output) as draft,
    ):
        work = Path(folder)
        tell("unpacking")
        packages.unpack(parts, work / "root")
        tell("packing dom0's root file system")
        payload = _payload(recipe, menu, parts, shape, work)
        tell("laying out the image")
        _write(payload, draft, shape, size, work)
        digest = output_file.publish(draft, output)
    return _report(output, shape, digest, parts)


def _payload(
    recipe: Recipe,
    menu: str,
    parts: list[packages.Package],
    shape: Format,
    work: Path,
) -> media.Payload:
    root = work / "root"
    kernel = _kernel(root)
    version = kernel.name.removeprefix("vmlinuz-")
    tree = initramfs.make(recipe, root, version)
    files = {
        "boot/xen.gz": packages.inside(root, recipe.hypervisor).read_bytes(),
        "boot/vmlinuz": kernel.read_bytes(),
        "boot/initrd.img": cpio.compress(tree.archive()),
        "boot/grub/grub.cfg": menu.encode(),
        "boot/manifest.txt": _manifest_text(parts).encode(),
    }
    marker = _marker(files)
    files[f"boot/{marker}"] = b""
    bios = grub.Platform.CD if shape is Format.ISO else grub.Platform.BIOS
    return media.Payload(
        files=files,
        efi=grub.image(grub.Platform.EFI, recipe.grub, marker=marker, root=root, work=work),
        bios=grub.image(bios, recipe.grub, marker=marker, root=root, work=work),
        boot_sector=(grub.folder(bios, root) / "boot.img").read_bytes(),
        epoch=max(part.built for part in parts),
    )


def _kernel(root: Path) -> Path:
    found = sorted((root / "boot").glob("vmlinuz-*"))
    if len(found) != 1:
        raise PackageMissing(f"looking for the kernel in the packages: found {len(found)}")
    return found[0]


def _marker(files: dict[str, bytes]) -> str:
    """Return the name of the file by which GRUB tells this image from all others."""
    digest = hashlib.sha256(
        b"".join(hashlib.sha256(files[path]).digest() for path in sorted(files))
    )
    return f"id-{digest.hexdigest()[:16]}"


def _manifest_text(parts: list[packages.Package]) -> str:
    return "".join(f"{part.name}={part.version}\n" for part in parts)


def _write(payload: media.Payload, draft: Path, shape: Format, size: int, work: Path) -> None:
    if shape is Format.GPT:
        media.disk(payload, draft, size=size, work=work)
    else:
        hybrid = grub.folder(grub.Platform.CD, work / "root") / "boot_hybrid.img"
        media.iso(payload, draft, hybrid_sector=hybrid, work=work)


def _report(output: Path, shape: Format, digest: str, parts: list[packages.Package]) -> BuildReport:
    manifest = {part.name: part.version for part in parts}
    kernel = next(name for name in manifest if name.startswith("linux-image-"))
    hypervisor = next(name for name in manifest if name.startswith("xen-hypervisor-"))
    release = re.sub(r"^linux-image-(.*)-unsigned$", r"\1", kernel)
    return BuildReport(
        path=output,
        format=shape,
        size=output.stat().st_size,
        sha256=digest,
        digest_file=output_file.digest_file(output),
        components={
            "Xen": manifest[hypervisor],
            "Linux (dom0)": f"{manifest[kernel]} ({release})",
            "GRUB": manifest["grub-pc-bin"],
            "BusyBox": manifest["busybox-static"],
        },
        manifest=manifest,
    )
