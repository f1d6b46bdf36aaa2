"""What can go wrong with images and with the devices they are written to."""

from __future__ import annotations

from provision.core.errors import Exit, ImageError, OutcomeUnknown, ProvisionError, Refused


class TargetMissing(Refused):
    """The target to write does not exist, or is neither a block device nor an allowed file."""

    code = "target-missing"
    remedy = "Check the path (`lsblk`), and that the stick is plugged in."


class TargetMounted(Refused):
    """The target, or a partition of it, is mounted or otherwise in use."""

    code = "target-mounted"
    remedy = "Unmount it (`umount`), close what uses it, and try again."


class TargetNotRemovable(Refused):
    """The target is not proven to be a USB stick or an SD card."""

    code = "target-not-removable"


class TargetIsSystem(Refused):
    """The target carries the running system."""

    code = "target-is-system"
    remedy = "Choose the stick or card, never the disk this machine runs from."


class TargetTooSmall(Refused):
    """The image is larger than the target."""

    code = "target-too-small"
    remedy = "Use a larger stick or card; nothing was written."


class TargetReadOnly(Refused):
    """The target cannot be written."""

    code = "target-read-only"
    remedy = "Slide the write-protect switch, or replace the stick."


class TargetChanged(Refused):
    """The device behind the path is not the one that was confirmed."""

    code = "target-changed"
    remedy = "Leave the stick in its port from the confirmation to the verdict, and start again."


class DigestMissing(ImageError):
    """There is no digest to check the image against."""

    code = "digest-missing"
    remedy = "Give --sha256 HEX, put a SHA256SUMS file beside the image, or say --unverified."


class DigestMismatch(ImageError):
    """The image is not the one its digest describes."""

    code = "digest-mismatch"
    remedy = "Fetch the image again; check where the digest came from."


class ImageDamaged(ImageError):
    """The image ends early or does not decompress."""

    code = "image-damaged"
    remedy = "Fetch or build the image again."


class ImageNotBootable(ImageError):
    """The image would not boot when written to a stick as it is."""

    code = "image-not-bootable"


class WriteFailed(ProvisionError):
    """The device failed while it was written or read back."""

    code = "write-failed"
    status = Exit.ALL_FAILED
    remedy = "Try another port, then replace the stick."


class TargetFull(WriteFailed):
    """The image turned out larger than the target while it was written."""

    code = "target-full"
    remedy = "Use a larger stick or card; what was on this one is lost."


class TargetLost(WriteFailed):
    """The target was pulled out, or changed its size, while it was written."""

    code = "target-lost"
    remedy = "Leave the stick in its port until the verdict, and start again."


class StateUnknown(OutcomeUnknown):
    """Writing failed, and then blanking did: nobody knows whether the target boots."""

    code = "state-unknown"
    remedy = "Do not use this stick: flash it again, or wipe it."


class VerifyFailed(ProvisionError):
    """What was read back is not what was written."""

    code = "verify-failed"
    status = Exit.ALL_FAILED
    remedy = "Do not use this stick: it is bad, or lies about its size."


class TargetTooLarge(Refused):
    """The target is larger than sticks and cards are: more likely somebody's backup disk."""

    code = "target-too-large"


class SpoolFailed(ProvisionError):
    """There is no room for the unpacked image."""

    code = "spool-failed"
    status = Exit.ALL_FAILED
    remedy = "Free some space, or choose another directory with TMPDIR."


class Cancelled(ProvisionError):
    """The user stopped the job."""

    code = "cancelled"
    status = Exit.INTERRUPTED
    remedy = "Run the same command to start again."
