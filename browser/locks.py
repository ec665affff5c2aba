"""Whether a lock file is held. Held locks end with their process, so this tells whether it lives, without its pid."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def is_held(lock: Path) -> bool:
    """Whether a process has the file locked (``flock``); False when there is none. Raises OSError when it cannot be opened."""
    try:
        fd = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
