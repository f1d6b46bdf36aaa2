"""What can go wrong while an image is built."""

from __future__ import annotations

from provision.core.errors import ImageError


class BuildFailed(ImageError):
    """The image cannot be made from these packages and options."""

    code = "build-failed"
    remedy = "Nothing was written. Read what the tool said above; -v shows the commands."


class PackageMissing(BuildFailed):
    """The package archive of this machine does not offer a package that the image needs."""

    code = "package-missing"
    remedy = "Run `apt-get update`; the archive must be Debian 12 (bookworm) or one that has it."


class PackageDamaged(BuildFailed):
    """A package is not the one its archive describes."""

    code = "package-damaged"
    remedy = "Run the build again: the damaged file was removed and will be fetched anew."


class ImageTooSmall(BuildFailed):
    """The content does not fit into the size asked for."""

    code = "image-too-small"
