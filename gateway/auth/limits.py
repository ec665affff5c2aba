"""How often a key may ask for new work. Polls are never limited: clients cannot do without them."""

from __future__ import annotations

import time
from collections.abc import Callable

from gateway.auth.callers import Caller
from gateway.errors import RateLimited

MINUTE_S = 60.0


class RequestLimits:
    """A bucket per key, of this process: as large as the key's requests per minute, and refilled evenly."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: Caller) -> None:
        """Count one request of *caller*. Raises RateLimited, with the seconds after which the next one is taken."""
        size = caller.requests_per_minute
        if not size:
            return
        now = self._clock()
        left, at = self._buckets.get(caller.key_id, (float(size), now))
        left = min(float(size), left + (now - at) * size / MINUTE_S)
        if left < 1:
            self._buckets[caller.key_id] = (left, now)
            raise RateLimited(
                f"This API key may start {size} requests a minute; wait a little.",
                retry_after_s=(1 - left) * MINUTE_S / size,
            )
        self._buckets[caller.key_id] = (left - 1, now)
