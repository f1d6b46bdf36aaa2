"""The unpacked image, once for all targets, and the list of its extents.

A raw image is its own spool; a packed one is unpacked into memory or a sparse file without a name.
Each target follows the list at its own pace, so that a slow stick delays no other.

Two digests are taken: of the file as it lies, which has to be the expected one before any target
is made bootable, and of the content, for the record. That what is hashed is what is written is not
taken on trust: whoever reads an extent compares its checksum with the one in the list.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from provision.core.errors import ImageError, InternalFault, ProvisionError
from provision.core.text import clean
from provision.media.authenticity import Digest
from provision.media.checksum import checksum
from provision.media.decoders import Format
from provision.media.device import buffer
from provision.media.errors import ImageDamaged, SpoolFailed
from provision.media.images import Image, unreadable

#: The first extent is what is withheld from a target until all the rest is right.
HEAD = 1 << 20
CHUNK = 4 << 20
#: Zeros are looked for in blocks of this size.
BLOCK = 64 << 10
#: An unpacked image up to this size is kept in memory.
IN_MEMORY = 256 << 20

#: Pause after each 4 MiB of a digest nobody waits for: still faster than any stick, in seconds.
UNHURRIED = 0.02

_ZERO_BLOCK = bytes(BLOCK)


@dataclass(frozen=True, kw_only=True, slots=True)
class Extent:
    """A stretch of the content: where, its checksum, and the runs in it that are not all zero."""

    offset: int
    length: int
    checksum: bytes
    runs: tuple[tuple[int, int], ...]


class Spool:
    """Produces the extents of an image in its own threads; use it as a context manager."""

    def __init__(self, image: Image, expected: Digest | None) -> None:
        self.image = image
        self.expected = expected
        self.size: int | None = image.size
        self.stored_sha256 = ""
        self.content_sha256 = ""
        self._raw = image.format is Format.RAW
        self._fd = image.fd if self._raw else _scratch(image.size)
        self._extents: list[Extent] = []
        self._complete = False
        self._checked = False
        self._error: ProvisionError | None = None
        self._news = threading.Condition()
        self._hurry = threading.Event()
        self._threads = [
            threading.Thread(target=self._guard, args=(work,), name=f"spool-{work.__name__}")
            for work in (self._pump, self._hash_content)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.abort(ImageError("reading the image: the job is over"))
        for thread in self._threads:
            thread.join()
        if not self._raw:
            os.close(self._fd)

    def follow(self) -> Iterator[Extent]:
        """Yield all extents in order, waiting for those to come; raise what went wrong."""
        at = 0
        while True:
            with self._news:
                while not (self._error or self._complete or at < len(self._extents)):
                    self._news.wait()
                self.check()
                fresh, complete = self._extents[at:], self._complete
            yield from fresh
            at += len(fresh)
            if complete:
                return

    def confirm(self) -> None:
        """Wait until the image is known to be the expected one; raise if it is not.

        Where nothing is expected there is nothing to wait for but the end of the image.
        """
        with self._news:
            self._news.wait_for(
                lambda: self._error or self._checked or (self._complete and not self.expected)
            )
            self.check()

    def finish(self) -> None:
        """Wait until both digests are taken, or cannot be."""
        self._hurry.set()
        with self._news:
            self._news.wait_for(lambda: self._error or self._checked)

    def check(self) -> None:
        """Raise what went wrong, if something has: to each its own copy, as each may add to it."""
        if self._error:
            raise type(self._error)(str(self._error), hint=self._error.hint) from self._error

    def read(self, offset: int, into: memoryview) -> None:
        """Fill ``into`` with the content at ``offset``."""
        done = 0
        while done < len(into):
            try:
                count = os.preadv(self._fd, [into[done:]], offset + done)
            except OSError as error:
                raise unreadable(self.image.path, error) from error
            if count == 0:
                raise ImageDamaged(f"reading the image {clean(self.image.path)}: it became shorter")
            done += count

    def abort(self, error: ProvisionError) -> None:
        """Stop producing, and let whoever waits raise ``error``; the first error stands."""
        with self._news:
            if not self._error and not self._checked:
                self._error = error
            self._news.notify_all()
        self._hurry.set()

    def _guard(self, work: Callable[[], None]) -> None:
        """Run a thread's work; whatever goes wrong reaches those who wait."""
        try:
            work()
        except ProvisionError as error:
            self.abort(error)
        except OSError as error:
            self.abort(unreadable(self.image.path, error))
        except Exception as error:  # noqa: BLE001 - a thread that died silently would leave others waiting
            self.abort(InternalFault(f"reading the image: {type(error).__name__}: {error}"))

    def _pump(self) -> None:
        """Read or unpack the image, once, and list its extents."""
        stream = None if self._raw else self.image.stream()
        chunk, offset = buffer(CHUNK), 0
        while self._error is None:
            want = chunk[: HEAD if offset == 0 else CHUNK]
            count = stream.readinto(want) if stream else self._read_raw(offset, want)
            if count:
                extent = describe(offset, want[:count])
                if stream:
                    self._keep(extent, want)
                self._publish(extent)
                offset += count
            if count < len(want):
                break
        if self._error:
            return
        if stream:
            self.stored_sha256 = stream.stored_sha256()
            self._check_stored()
        if not offset:
            raise ImageDamaged(
                f"reading the image {clean(self.image.path)}: there is nothing in it"
            )
        with self._news:
            self.size = offset
            self._complete = True
            self._news.notify_all()

    def _hash_content(self) -> None:
        """Take the sha256 of the content, making sure that it is what is listed."""
        content, chunk, zeros = hashlib.sha256(), buffer(CHUNK), bytes(CHUNK)
        for extent in self.follow():
            if extent.runs:
                view = chunk[: extent.length]
                self.read(extent.offset, view)
                content.update(view)
                if checksum(view) != extent.checksum:
                    raise ImageDamaged(
                        f"reading the image {clean(self.image.path)}: it changed meanwhile"
                    )
            else:
                # All zeros when it was listed, and as such it is written: no need to read again.
                content.update(memoryview(zeros)[: extent.length])
            if not self.expected:
                # No stick waits for this digest: leave the processor to those who write. (A lower
                # priority would not do: whoever is put aside may hold the interpreter's lock.)
                self._hurry.wait(UNHURRIED)
        self.content_sha256 = content.hexdigest()
        if self._raw:
            self.stored_sha256 = self.content_sha256
            self._check_stored()
        with self._news:
            self._checked = True
            self._news.notify_all()

    def _check_stored(self) -> None:
        self.image.check_unchanged()
        if self.expected:
            self.expected.check(self.stored_sha256, self.image.path)

    def _read_raw(self, offset: int, into: memoryview) -> int:
        count = min(len(into), self.image.stored_size - offset)
        self.read(offset, into[:count])
        return count

    def _keep(self, extent: Extent, data: memoryview) -> None:
        """Write what is not zero of an unpacked extent to the spool; the rest stays a hole."""
        end = extent.offset + extent.length
        if self.image.size is not None and end > self.image.size:
            raise ImageDamaged(
                f"unpacking the image {clean(self.image.path)}: it is larger than its headers say"
            )
        try:
            os.ftruncate(self._fd, end)
            for start, length in extent.runs:
                self._store(start, data[start - extent.offset :][:length])
        except OSError as error:
            raise SpoolFailed(
                f"unpacking the image to {_scratch_dir()}: {error.strerror}"
            ) from error

    def _store(self, offset: int, data: memoryview) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._fd, data[done:], offset + done)

    def _publish(self, extent: Extent) -> None:
        with self._news:
            self._extents.append(extent)
            self._news.notify_all()


def describe(offset: int, data: memoryview) -> Extent:
    """Return the extent that ``data`` makes at ``offset``."""
    return Extent(
        offset=offset, length=len(data), checksum=checksum(data), runs=_runs(offset, data)
    )


def _runs(offset: int, data: memoryview) -> tuple[tuple[int, int], ...]:
    """Return the (offset, length) stretches of ``data`` that hold anything but zeros."""
    runs: list[tuple[int, int]] = []
    start: int | None = None
    for at in range(0, len(data), BLOCK):
        if _is_zero(data[at : at + BLOCK]):
            if start is not None:
                runs.append((offset + start, at - start))
                start = None
        elif start is None:
            start = at
    if start is not None:
        runs.append((offset + start, len(data) - start))
    return tuple(runs)


def _is_zero(block: memoryview) -> bool:
    """Whether ``block`` is all zeros; most that are not tell so in their first bytes."""
    return not any(block[:16]) and block.tobytes() == _ZERO_BLOCK[: len(block)]


def _scratch(size: int | None) -> int:
    """Return a nameless place for an unpacked image: memory for a small one, or a sparse file."""
    if size is not None and size <= IN_MEMORY:
        return os.memfd_create("provision-spool", os.MFD_CLOEXEC)
    try:
        with tempfile.TemporaryFile(dir=_scratch_dir()) as file:
            return os.dup(file.fileno())
    except OSError as error:
        raise SpoolFailed(f"unpacking the image to {_scratch_dir()}: {error.strerror}") from error


def _scratch_dir() -> str:
    """Return where large temporary files go: /tmp is memory on many systems, /var/tmp is not."""
    if "TMPDIR" not in os.environ and os.access("/var/tmp", os.W_OK):  # noqa: S108 - nameless file
        return "/var/tmp"  # noqa: S108 - as above
    return str(Path(tempfile.gettempdir()))
