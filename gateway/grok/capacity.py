"""How much work could be started now, read off the pool."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from browser.clearance import Clearance
from gateway.grok.capabilities import allows_of
from gateway.grok.ports import Pool
from gateway.tasks.upstream import Offer


class GrokCapacity:
    """Implements ``gateway.tasks.upstream.Capacity``."""

    def __init__(self, pool: Pool, *, account_limit: int | None = None) -> None:
        """account_limit: how many videos an account makes at once, over all its profiles."""
        self._pool = pool
        self._account_limit = account_limit

    def offers(self, kind: str) -> Sequence[Offer]:
        """Return a line for each profile that is READY, not cooling for *kind*, and has a free slot; best first."""
        now = datetime.now(UTC)
        found: dict[str, Offer] = {}
        for profile in self._pool.status():
            count = profile.slots.get(kind)
            cooling = any(rest.kind == kind and rest.until > now for rest in profile.cooldowns)
            if profile.clearance is Clearance.READY and not cooling and count is not None and count.used < count.total:
                found[profile.name] = Offer(
                    profile=profile.name,
                    account_id=profile.account.get("id"),
                    free=count.total - count.used,
                    allows=allows_of(profile.account.get("tier", "")),
                    account_limit=self._account_limit,
                )
        return [found[name] for name in self._pool.free(kind) if name in found]

    def allows(self) -> frozenset[str]:
        """Return what some signed-in account here can do beyond the ordinary, busy or not."""
        words = [
            allows_of(p.account.get("tier", "")) for p in self._pool.status() if p.clearance is not Clearance.DISABLED
        ]
        return frozenset().union(*words)

    async def wait_changed(self, seen: int) -> int:
        """Return a new version number as soon as it differs from *seen*."""
        return await self._pool.wait_changed(seen)
