"""A SQLite file serves one machine: its locks and its shared memory mean nothing to another.

Whoever has the file open says so in ``meta`` every few seconds; an open from elsewhere meanwhile is refused. A container
made anew has another host name but runs on the same kernel, so a machine is the same if either of the two is.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect, select
from sqlalchemy.dialects.sqlite import insert

from gateway.db.beside import beside
from gateway.db.tables import meta
from gateway.errors import GatewayError, StartRefused, StorageFull

if TYPE_CHECKING:
    from gateway.db.connect import Database

KEY = "sqlite_host"
EVERY_S = 20.0
FORGOTTEN_AFTER_S = 60.0


def this_host() -> dict[str, str]:
    """What tells machines apart: the host name, and the boot of the kernel."""
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return {"name": socket.gethostname(), "boot": boot}


def elsewhere(said: Mapping[str, Any] | None, here: Mapping[str, str], now: datetime) -> str | None:
    """Return the name of the other machine that has the file open now, or None."""
    if not said or now - datetime.fromisoformat(said["at"]) > timedelta(seconds=FORGOTTEN_AFTER_S):
        return None
    if said["name"] == here["name"] or (here["boot"] and said["boot"] == here["boot"]):
        return None
    return str(said["name"])


@asynccontextmanager
async def hold_host(db: Database) -> AsyncIterator[None]:
    """Keep the file to this machine for the length of the block. Raises StartRefused."""
    with suppress(StorageFull):  # looking at what is there must work on a full disk
        await _say(db)
    async with beside(_keep_saying(db)):
        yield
    with suppress(GatewayError):
        async with db.write() as connection:
            await connection.execute(meta.delete().where(meta.c.key == KEY))


async def _say(db: Database) -> None:
    here, now = this_host(), datetime.now(UTC)
    async with db.write() as connection:
        if not await connection.run_sync(lambda sync: inspect(sync).has_table(meta.name)):
            return  # opened to be looked at, or to get its tables: nobody works on it yet
        said = (await connection.execute(select(meta.c.value).where(meta.c.key == KEY))).scalar_one_or_none()
        if other := elsewhere(said, here, now):
            raise StartRefused(
                f"The database {db.shown} is in use by another machine ({other}), and SQLite serves only one: stop the "
                "gateway there, or use postgresql:// for several."
            )
        row = {"key": KEY, "value": {**here, "at": now.isoformat()}}
        await connection.execute(
            insert(meta).values(row).on_conflict_do_update(index_elements=["key"], set_={"value": row["value"]})
        )


async def _keep_saying(db: Database) -> None:
    while True:
        await asyncio.sleep(EVERY_S)
        with suppress(GatewayError):
            await _say(db)
