"""Other processes on the same file: SQLite's data version changes when somebody else commits.

Two looks: a connection of its own, asked on the spot (some microseconds, no input or output), tells whether anybody has
committed since, this process included. Only then the writing connection is asked, whose answer does not change by what
this process commits, so that our own writes wake nobody twice.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

from gateway.db.changes import Changes
from gateway.errors import GatewayError

EVERY_S = 0.04
#: Waking up costs more than looking: while nobody else has written for a while, look less often.
QUIET_AFTER_S, QUIET_EVERY_S = 30.0, 0.2


async def watch(file: Path, version: Callable[[], Awaitable[int]], changes: Changes) -> None:
    """Wake everybody when another process has committed. *version*: the data version as the writer sees it."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as own:
        anybodys = others = None
        last_foreign_at = time.monotonic()
        while True:
            await changes.anybody.wait()
            try:
                now = own.execute("PRAGMA data_version").fetchone()
                if now != anybodys:
                    seen = await version()
                    if others is not None and seen != others:
                        last_foreign_at = time.monotonic()
                        changes.wake_all()
                    anybodys, others = now, seen
                changes.connected = True
            except (GatewayError, sqlite3.Error):
                changes.connected = False
                await asyncio.sleep(1.0)
            quiet = time.monotonic() - last_foreign_at > QUIET_AFTER_S
            await asyncio.sleep(QUIET_EVERY_S if quiet else EVERY_S)
