"""One gateway per data directory: a lock that says who has it, and whether a gateway runs at all.

The lock ends with the process, however it ends; the file stays, with the last holder's pid in it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browser.locks import is_held
from gateway.errors import StartRefused

#: Who only asks whether a gateway runs holds the lock for an instant; that must not refuse a start.
PATIENCE_S = 0.5


@contextmanager
def only_instance(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for the length of the block. Raises StartRefused, naming the process that has it."""
    fd = os.open(data_dir / "gateway.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _locked(fd):
            who = (
                f"pid {pid}" if (pid := _pid(os.pread(fd, 32, 0).decode("ascii", "replace"))) else "its pid is unknown"
            )
            raise StartRefused(
                f"a gateway already runs on {data_dir} ({who}); stop it first, or choose another --data-dir"
            )
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def running(data_dir: Path) -> int | None:
    """Return the pid of the gateway that works with *data_dir* (0 when it is not known), or None when there is none."""
    lock = data_dir / "gateway.lock"
    try:
        return _pid(lock.read_text(errors="replace")) or 0 if is_held(lock) else None
    except OSError:
        return None


def _locked(fd: int) -> bool:
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.05)
        else:
            return True


def _pid(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None
