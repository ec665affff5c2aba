"""A file that grows under a browser's download, followed into its own place while it grows.

    <downloads>/<guid>.crdownload ──finished──▶ <downloads>/<guid>          (the browser's names)
             │ hard link at once                    (both vanish when the browser gives up)
             ▼
    <into>.part ──complete, synced──▶ <into>                                (ours)

On one file system nothing is copied: ``.part`` is a second name of the browser's file, so readers of it see the bytes
as they arrive, and it outlives the browser's own (which the driver deletes with its context). Across file systems the
bytes are copied as they arrive.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from pathlib import Path

from browser.errors import BrowserError, StorageFull, TransportFailed

CHUNK_BYTES = 1024 * 1024
FULL = (errno.ENOSPC, errno.EDQUOT)


class Tail:
    """Follows one download. ``absorb`` and ``seal`` block and belong in a thread; everything else is quick."""

    def __init__(self, downloads_dir: Path, guid: str, into: Path, *, limit_bytes: int) -> None:
        self.into = into
        self.part = into.with_name(into.name + ".part")
        self.size_bytes = 0
        self.copying = False
        self._growing = downloads_dir / f"{guid}.crdownload"
        self._finished = downloads_dir / guid
        self._limit_bytes = limit_bytes
        self._hash = hashlib.sha256()
        self._source = -1
        self._copy = -1
        self._closed = False
        self._lock = threading.Lock()

    @property
    def attached(self) -> bool:
        """Whether the browser's file was found and ``.part`` exists."""
        return self._source >= 0

    @property
    def finished(self) -> bool:
        """Whether the browser has written the last byte (of which some may still be unabsorbed)."""
        return self._finished.exists()

    @property
    def over_limit(self) -> bool:
        return self.size_bytes > self._limit_bytes

    def attach(self) -> bool:
        """Find the browser's file and make ``.part``; False when it is not there yet."""
        for name in (self._growing, self._finished):
            try:
                self._source = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                self._make_part(name)
            except FileNotFoundError:  # renamed in this very moment: it has its other name now
                os.close(self._source)
                self._source = -1
                continue
            except OSError as error:
                self.discard()
                raise _explained(error, self.part) from error
            return True
        return False

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

    def vanished(self) -> bool:
        """Whether the browser removed its file, which it does when it gives up for good."""
        return os.fstat(self._source).st_nlink == (0 if self.copying else 1) and not self.finished

    def absorb(self) -> None:
        """Hash (and copy) what is there. Stops just over the limit. Raises StorageFull, TransportFailed."""
        more = True
        while more:
            with self._lock:
                more = not self._closed and not self.over_limit and self._absorb_chunk()

    def _absorb_chunk(self) -> bool:
        try:
            data = os.pread(self._source, CHUNK_BYTES, self.size_bytes)
            if self.copying:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._copy, view) :]
        except OSError as error:
            raise _explained(error, self.part) from error
        self._hash.update(data)
        self.size_bytes += len(data)
        return bool(data)

    def seal(self) -> str:
        """Make the bytes durable, give them their final name and return their SHA-256 in hex."""
        try:
            with self._lock:
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
        """Close everything and remove ``.part`` (which is gone already after ``seal``)."""
        with self._lock:
            self._closed = True
            for descriptor in (self._source, self._copy):
                if descriptor >= 0:
                    os.close(descriptor)
            self._source = self._copy = -1
            self.part.unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    """Bytes that can still be written below *folder*."""
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize


def _explained(error: OSError, path: Path) -> BrowserError:
    if error.errno in FULL:
        return StorageFull(f"no room left for {path}")
    return TransportFailed(f"{path} could not be written: {error.strerror or error}")
