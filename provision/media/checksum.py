"""The checksum extents are compared by: fast, and wide enough to find any accident.

It guards against bad sticks, not against forgery; that is what the image's sha256 is for.
"""

from __future__ import annotations

import hashlib

try:
    from xxhash import xxh3_128_digest
except ImportError:  # on a deploy ramdisk, where the standard library has to do
    NAME = "blake2b-128"

    def checksum(data: memoryview) -> bytes:
        """Return the checksum of ``data``."""
        return hashlib.blake2b(data, digest_size=16).digest()

else:
    NAME = "xxh3-128"

    def checksum(data: memoryview) -> bytes:
        """Return the checksum of ``data``."""
        return xxh3_128_digest(data)
