"""A file that grows under a browser's download, followed into its own place while it grows.

    <downloads>/<guid>.crdownload ──finished──▶ <downloads>/<guid>          (the browser's names)
             │ hard link at once                    (both vanish when the browser gives up)
             ▼
    <into>.part ──complete, synced──▶ <into>                                (ours)

The browser puts an empty file at each of its names for a moment before it renames the real one over it. So a growing
file counts once it has bytes, and a finished one only when the growing one is gone.

On one file system nothing is copied: ``.part`` is a second name of the browser's file, so readers of it see the bytes
as they arrive, and it outlives the browser's own (which the driver deletes with its context). Across file systems the
bytes are copied as they arrive.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import threading
from contextlib import suppress
from enum import Enum
from pathlib import Path

from browser.errors import BrowserError, StorageFull, TransportFailed

#: Bytes read and hashed at a time: small enough to stay in the processor's cache between the two.
CHUNK_BYTES = 256 * 1024
#: Bytes after which the disk is asked to begin writing them.
WRITE_BEHIND_BYTES = 4 * 1024 * 1024
FULL = (errno.ENOSPC, errno.EDQUOT)


class Seen(Enum):
    """What a look at the browser's download found."""

    NOTHING = "no byte of it is on disk yet"
    GROWING = "it is being written"
    FINISHED = "its last byte is written"
    GONE = "the browser removed it"


class Tail:
    """Follows one download. ``absorb`` and ``seal`` block and belong in a thread; everything else is quick."""

    def __init__(self, downloads_dir: Path, guid: str, into: Path, *, limit_bytes: int) -> None:
        self.into = into
        self.part = into.with_name(into.name + ".part")
        self.size_bytes = 0
        self.copying = False
        self._on_its_way_bytes = 0
        self._growing = downloads_dir / f"{guid}.crdownload"
        self._finished = downloads_dir / guid
        self._limit_bytes = limit_bytes
        self._hash = hashlib.sha256()
        self._buffer = bytearray(CHUNK_BYTES)
        self._source = -1
        self._copy = -1
        self._closed = False
        self._lock = threading.Lock()

    @property
    def over_limit(self) -> bool:
        return self.size_bytes > self._limit_bytes

    def look(self) -> Seen:
        """Find out what became of the browser's file; the first time it is there, make ``.part``."""
        # In this order: the rename cannot hide the file from both questions.
        growing = _stat(self._growing)
        finished = _stat(self._finished) if growing is None else None
        if self._source < 0 and not self._attach(growing, finished):
            return Seen.NOTHING
        own = os.fstat(self._source).st_ino
        if growing is not None and growing.st_ino == own:
            return Seen.GROWING
        if finished is not None and finished.st_ino == own:
            return Seen.FINISHED
        return Seen.GONE

    def _attach(self, growing: os.stat_result | None, finished: os.stat_result | None) -> bool:
        if growing is not None and growing.st_size:
            name = self._growing
        elif finished is not None:
            name = self._finished
        else:
            return False
        try:
            self._source = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            self._make_part(name)
        except FileNotFoundError:  # renamed in this very moment: the next look finds its other name
            self._close()
            return False
        except OSError as error:
            raise _explained(error, self.part) from error
        return True

    def _make_part(self, name: Path) -> None:
        self.part.unlink(missing_ok=True)
        try:
            os.link(name, self.part)
        except FileNotFoundError:
            if not self.part.parent.is_dir():
                raise OSError(errno.ENOTDIR, "no such directory", str(self.part.parent)) from None
            raise
        except OSError as error:
            if error.errno in FULL:
                raise
            self.copying = True  # another file system, or one without links
            self._copy = os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def has_more(self) -> bool:
        """Whether bytes arrived that were not absorbed yet."""
        return os.fstat(self._source).st_size > self.size_bytes

    def absorb(self) -> None:
        """Hash (and copy) what is there. Stops just over the limit. Raises StorageFull, TransportFailed."""
        more = True
        while more:
            with self._lock:
                more = not self._closed and not self.over_limit and self._absorb_chunk()

    def _absorb_chunk(self) -> bool:
        try:
            count = os.preadv(self._source, [self._buffer], self.size_bytes)
            data = memoryview(self._buffer)[:count]
            if self.copying:
                rest = data
                while rest:
                    rest = rest[os.write(self._copy, rest) :]
        except OSError as error:
            raise _explained(error, self.part) from error
        self._hash.update(data)
        self.size_bytes += count
        if self.size_bytes - self._on_its_way_bytes >= WRITE_BEHIND_BYTES:
            self._write_behind()
        return count > 0

    def _write_behind(self) -> None:
        """Have the disk begin with the bytes absorbed since the last time, so that the sync at the end finds most done.

        That is what Linux does at this advice with pages that are not written yet; it keeps them in memory.
        """
        if hasattr(os, "posix_fadvise"):
            end = self.size_bytes & -mmap.PAGESIZE  # the last page is still being filled
            new_bytes = end - self._on_its_way_bytes
            with suppress(OSError):  # a file system without it
                file = self._copy if self.copying else self._source
                os.posix_fadvise(file, self._on_its_way_bytes, new_bytes, os.POSIX_FADV_DONTNEED)
            self._on_its_way_bytes = end

    def seal(self) -> str:
        """Make the bytes durable, give them their final name and return their SHA-256 in hex."""
        try:
            with self._lock:
                if self._closed:
                    raise TransportFailed(f"{self.into} was given up")
                os.fsync(self._copy if self.copying else self._source)
                self.part.replace(self.into)
                folder = os.open(self.into.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError as error:
            raise _explained(error, self.into) from error
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Remove ``.part`` (which is gone already after ``seal``) and end what a thread may be doing. Never waits."""
        self._closed = True
        self.part.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the files. Waits for the chunk that a thread may be absorbing."""
        with self._lock:
            self._closed = True
            self._close()

    def _close(self) -> None:
        for descriptor in (self._source, self._copy):
            if descriptor >= 0:
                os.close(descriptor)
        self._source = self._copy = -1


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def free_bytes(folder: Path) -> int | None:
    """Bytes that can still be written below *folder*; None when it does not exist (the browser makes its own)."""
    try:
        room = os.statvfs(folder)
    except FileNotFoundError:
        return None
    return room.f_bavail * room.f_frsize


def _explained(error: OSError, path: Path) -> BrowserError:
    if error.errno in FULL:
        return StorageFull(f"no room left for {path}")
    return TransportFailed(f"{path} could not be written: {error.strerror or error}")
