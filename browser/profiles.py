"""A profile's directory: its places, and the lock that makes sure that one process at a time works in it.

<profiles_dir>/<name>/          0700: what lies here is somebody's login
    lock                        flock of the process that works with the profile; holds its pid
    user-data/                  Chromium's own
    downloads/                  where Chromium writes downloads; emptied at every launch

Sealed copies of its cookies and storage (see checkpoint.py) lie in a folder of their own, beside it where the caller says so:
a directory that is lost or removed must not take along what would bring its login back.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from browser import processes
from browser.errors import BrowserError, ProfileBusy
from browser.locks import is_held

log = structlog.get_logger(__name__)

NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?")
PROXY_SCHEMES = frozenset({"http", "https", "socks5"})

#: What Chromium leaves behind to keep a second one out of its directory.
SINGLETONS = ("SingletonLock", "SingletonSocket", "SingletonCookie")

SOCKET_FOLDER = re.compile(r"\.?(org\.chromium\.Chromium|com\.google\.Chrome)\.\w{6}")

#: A Chromium outlives a killed gateway by up to 3 s (it notices the closed pipe); measured 2026-11-20.
OLD_BROWSER_S = 5.0


@dataclass(frozen=True, slots=True)
class ProfileSpec:
    """A profile as its owner configured it. proxy: URL (http, https or socks5), None = the machine's own way out."""

    name: str
    proxy: str | None = None
    enabled: bool = True

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.proxy is not None:
            check_proxy(self.proxy)


def check_name(name: str) -> str:
    """Return *name* when it can be a profile's name (it is also a folder's). Raises ValueError, saying what is allowed."""
    if not NAME.fullmatch(name) or ".." in name:
        raise ValueError(
            f"{name!r} cannot be a profile name: use 1-63 of a-z, 0-9, dot, dash and underscore, "
            "beginning and ending with a letter or digit"
        )
    return name


def check_proxy(proxy: str) -> str:
    """Return *proxy* when Chromium can use it. Raises ValueError; the message shows no password."""
    parts = urlsplit(proxy)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in PROXY_SCHEMES or not parts.hostname or port is None:
        raise ValueError("a proxy is written as http://host:port, https://host:port or socks5://host:port")
    if parts.scheme == "socks5" and (parts.username or parts.password):
        raise ValueError("Chromium cannot sign in at a SOCKS5 proxy; use one without password, or an HTTP proxy")
    return proxy


class ProfileDir:
    """The places of one profile on disk, and this process's claim on them."""

    def __init__(self, root: Path, *, checkpoints: Path | None = None) -> None:
        """checkpoints: the folder of the sealed copies; None: inside *root*."""
        self.root = root.resolve()  # one spelling, since old browsers are found by it
        self.name = root.name
        self.user_data = self.root / "user-data"
        self.downloads = self.root / "downloads"
        self._inside = self.root / "checkpoints"
        self.checkpoints = self._inside if checkpoints is None else checkpoints.resolve()
        self._lock_fd: int | None = None

    @property
    def locked(self) -> bool:
        """Whether this object holds the directory."""
        return self._lock_fd is not None

    @property
    def is_in_use(self) -> bool:
        """Whether any process holds the directory; False when that cannot be seen."""
        try:
            return is_held(self.root / "lock")
        except OSError:
            return False

    def size_bytes(self) -> int:
        """What its files and copies take on disk. Looks at every one of them: not on the event loop."""
        return sum(_size_bytes(entry) for place in (self.root, self.checkpoints) for entry in place.rglob("*"))

    def create(self) -> None:
        """Make the directory and its places, readable by their owner only."""
        for place in (self.root, self.user_data, self.downloads, self.checkpoints):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.chmod(0o700)
        self.bring_copies_out()

    def bring_copies_out(self) -> None:
        """Move copies that an older version kept inside the directory to where they lie now."""
        if self._inside == self.checkpoints or not self._inside.is_dir():
            return
        self.checkpoints.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self._inside.glob("*.sealed"):
            new = self.checkpoints / old.name
            with suppress(FileNotFoundError):  # another process moves them, too
                if not new.exists():
                    shutil.move(old, new)
        with suppress(OSError):  # something else lies there: it stays
            self._inside.rmdir()

    def lock(self) -> None:
        """Take the directory for this process until `unlock`. Raises ProfileBusy, naming the process that has it."""
        if self._lock_fd is not None:
            return
        self.create()
        # Python opens with O_CLOEXEC: neither the driver nor Chromium inherits the lock, so it ends with this process.
        fd = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise ProfileBusy(
                f"profile {self.name} is in use by another process (pid {holder}); end it first"
            ) from None
        except BaseException:
            os.close(fd)
            raise
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = fd

    def unlock(self) -> None:
        """Give the directory up. The lock file stays: removing it would let two processes lock two files."""
        if self._lock_fd is None:
            return
        os.ftruncate(self._lock_fd, 0)
        # Not by closing alone: a child between fork and exec still has the descriptor for a moment.
        fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
        os.close(self._lock_fd)
        self._lock_fd = None

    async def clear_remains(self) -> None:
        """Make the directory fit for a launch: no browser in it, no Singleton files, no half downloads.

        Only while the lock is held, so that a browser found here can only be one whose gateway was killed: it is given
        time to notice, then ended. Singleton files of another host (a container made anew) hang a headed launch, and
        those of a dead process are useless, so both are removed. Raises ProfileBusy when a browser cannot be ended.
        """
        if self._lock_fd is None:
            raise BrowserError(f"profile {self.name}: its directory must be locked before it is cleared")
        old = await asyncio.to_thread(processes.browsers_on, self.user_data)
        if old:
            log.info("old browser found", profile=self.name, pids=[process.pid for process in old])
            left = await processes.gone(old, timeout_s=OLD_BROWSER_S)
            if await processes.end(left):
                pids = ", ".join(str(process.pid) for process in left)
                raise ProfileBusy(f"profile {self.name}: an old browser (pid {pids}) does not end; end it by hand")
        for name in SINGLETONS:
            remains = self.user_data / name
            if remains.is_symlink() or remains.exists():
                target = _target(remains)
                log.info("stale lock removed", profile=self.name, file=name, of=target, host=socket.gethostname())
                remains.unlink(missing_ok=True)
                if name == "SingletonSocket":
                    await asyncio.to_thread(_remove_socket_folder, Path(target))
        await asyncio.to_thread(_empty, self.downloads)

    @property
    def is_fresh(self) -> bool:
        """Whether no browser has ever written here (a new profile, or one whose disk was lost)."""
        return not (self.user_data / "Local State").exists()

    async def delete(self) -> None:
        """Remove the profile and its copies from disk for good. Needs the lock, and gives it up."""
        self.lock()
        try:
            await asyncio.to_thread(shutil.rmtree, self.root, ignore_errors=True)
            await asyncio.to_thread(shutil.rmtree, self.checkpoints, ignore_errors=True)
        finally:
            self.unlock()


def _target(link: Path) -> str:
    with suppress(OSError):
        return str(link.readlink())
    return ""


def _remove_socket_folder(socket_path: Path) -> None:
    """Remove the folder in /tmp that Chromium makes for its socket, and leaves there when it is killed."""
    folder = socket_path.parent
    if SOCKET_FOLDER.fullmatch(folder.name) and folder.is_dir() and folder.stat().st_uid == os.geteuid():
        shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _size_bytes(entry: Path) -> int:
    try:
        return entry.lstat().st_size if entry.is_file() else 0
    except OSError:  # a running browser removes files while we look
        return 0
