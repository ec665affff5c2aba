"""By which way a profile's site makes pictures from words: the imagine WebSocket, or a chat.

The socket may be retired for an account (#369, #403): it is refused, closes at once, or answers every request with a limit.
Such a profile draws by chat from then on; the socket is tried again after a while.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

#: How long a refused socket is left alone (seconds).
RETIRED_S = 6 * 3600.0
#: So many limits in a row, with never a picture between, are a retired socket.
LIMITS = 2


class WayMemory:
    """Per profile. In memory: losing it costs one refused request. now: seconds, monotonic."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._retired: dict[str, float] = {}
        self._limits: Counter[str] = Counter()
        self._worked: set[str] = set()

    def by_socket(self, profile: str) -> bool:
        return self._retired.get(profile, 0.0) <= self._now()

    def retired(self, profile: str) -> None:
        self._retired[profile] = self._now() + RETIRED_S

    def worked(self, profile: str) -> None:
        self._worked.add(profile)
        self._limits.pop(profile, None)

    def limited(self, profile: str) -> bool:
        """Count a limit told by the socket; True when it is to be taken for a retired one."""
        self._limits[profile] += 1
        return profile not in self._worked and self._limits[profile] >= LIMITS
