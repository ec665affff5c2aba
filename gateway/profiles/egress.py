"""Asks, where the operator named a page for it, which address each profile's browser comes from; see `way_out.py`."""

from __future__ import annotations

import asyncio

import structlog

from browser.clearance import Clearance
from browser.errors import BrowserError
from browser.pool import Pool
from gateway.errors import GatewayError
from gateway.profiles.errors import ProfileError
from gateway.profiles.registry import Registry
from gateway.profiles.way_out import address_in

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0
#: A running browser's way out is asked for so often, beside each start and each sign-in.
AGAIN_S = 3600.0
FAILED_AGAIN_S = 300.0
WITHIN_S = 20.0


async def look(pool: Pool, registry: Registry, name: str, url: str) -> bool:
    """Ask the page at *url* which address this profile's browser comes from, and write it down; whether it said one."""
    try:
        address = address_in(await pool.look_out(name, url, timeout_s=WITHIN_S))
        if address is None:
            await registry.egress_unknown(name, f"{url} shows no IP address")
            return False
        await registry.note_address(name, address)
    except (BrowserError, ProfileError) as exc:
        log.info("egress not known", profile=name, error=str(exc))
        await registry.egress_unknown(name, str(exc))
        return False
    return True


class EgressWatch:
    """Looks at the way out of each ready profile whose browser runs anyway: after its start, after a sign-in, and rarely."""

    def __init__(self, pool: Pool, registry: Registry, url: str) -> None:
        self._pool = pool
        self._registry = registry
        self._url = url
        self._looked: dict[str, tuple[int | None, float]] = {}

    def again(self, name: str) -> None:
        """Something happened that makes the way out worth another look."""
        self._looked.pop(name, None)

    async def run(self) -> None:
        """Look until cancelled; does nothing when no page is configured."""
        if not self._url:
            return
        while True:
            await self._look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for status in self._pool.status():
            if not status.running or status.clearance is not Clearance.READY:
                continue
            pid, due = self._looked.get(status.name, (None, 0.0))
            if pid == status.pid and now < due:
                continue
            try:
                known = await look(self._pool, self._registry, status.name, self._url)
            except GatewayError as exc:  # the database is away
                log.info("egress not written", profile=status.name, error=str(exc))
                known = False
            self._looked[status.name] = (status.pid, now + (AGAIN_S if known else FAILED_AGAIN_S))
