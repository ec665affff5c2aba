"""A directory for the life of this process. What a process leaves behind that was killed, the next one removes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from browser.locks import is_held

#: A directory this young may belong to a process that has not locked it yet.
FRESH_S = 60.0
_LOCK = "lock"
log: Any = structlog.get_logger(__name__)


class Scratch:
    """A new directory below the system's temporary one, named *prefix* and something random, for its maker alone.

    It is locked for as long as this process lives, whatever becomes of it: so an unlocked one is nobody's any more, and those
    of the same *prefix* are removed here.
    """

    def __init__(self, prefix: str) -> None:
        clear_stale(prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._fd = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        with suppress(OSError):  # somebody looks at it in this very moment; then it is too young for them
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._fd)


def clear_stale(prefix: str) -> None:
    """Remove the directories called *prefix*… whose process is gone. Only our own user's; never raises."""
    for found in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            if _is_stale(found):
                log.info("stale directory removed", path=str(found))
                shutil.rmtree(found, ignore_errors=True)


def _is_stale(directory: Path) -> bool:
    is_ = directory.lstat()
    if directory.is_symlink() or not directory.is_dir() or is_.st_uid != os.geteuid():
        return False
    if time.time() - is_.st_mtime < FRESH_S:
        return False
    return not is_held(directory / _LOCK)  # without one, its maker died before it could make it
