"""Small work at regular times that nobody waits for: expired uploads, orphaned files, when keys were used, old deeds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import structlog

from gateway.auth.audit import Audit
from gateway.auth.keys import ApiKeys
from gateway.db.beside import beside
from gateway.errors import GatewayError
from gateway.media.disk import DiskMedia

log = structlog.get_logger(__name__)

KEYS_EVERY_S = 60.0
EXPIRED_EVERY_S = 300.0
SPOOL_EVERY_S = 60.0
ORPHANS_EVERY_S = 6 * 3600.0
DEEDS_EVERY_S = 24 * 3600.0
#: A gateway that just started has better things to do.
FIRST_SWEEP_AFTER_S = 20.0
LAST_WRITE_S = 3.0


@asynccontextmanager
async def housekeeping(keys: ApiKeys, media: DiskMedia, audit: Audit) -> AsyncIterator[None]:
    """Keep house for the length of the block."""

    async def remove_expired() -> None:
        while await media.remove_expired(datetime.now(UTC)):
            pass

    async def clear_spool() -> None:
        await media.clear_spool()

    async def sweep() -> None:
        if removed := await media.sweep():
            log.info("orphaned files removed", files=removed)

    async def forget_deeds() -> None:
        await audit.prune()

    async with beside(
        _again(keys.write_last_used, every_s=KEYS_EVERY_S, first_after_s=KEYS_EVERY_S),
        _again(remove_expired, every_s=EXPIRED_EVERY_S, first_after_s=FIRST_SWEEP_AFTER_S),
        _again(clear_spool, every_s=SPOOL_EVERY_S, first_after_s=SPOOL_EVERY_S),
        _again(sweep, every_s=ORPHANS_EVERY_S, first_after_s=FIRST_SWEEP_AFTER_S),
        _again(forget_deeds, every_s=DEEDS_EVERY_S, first_after_s=FIRST_SWEEP_AFTER_S),
    ):
        yield
    with suppress(GatewayError, TimeoutError):
        async with asyncio.timeout(LAST_WRITE_S):
            await keys.write_last_used()


async def _again(work: Callable[[], Awaitable[None]], *, every_s: float, first_after_s: float) -> None:
    await asyncio.sleep(first_after_s)
    while True:
        try:
            await work()
        except (GatewayError, OSError) as exc:  # the database or the disk is away; the next time will do
            log.warning("housekeeping put off", work=work.__name__, error=str(exc))
        await asyncio.sleep(every_s)
