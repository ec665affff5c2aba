"""How often a secret may be guessed: a few times per address, and not without end from everywhere together."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from gateway.errors import RateLimited

WINDOW_S = 300.0
PER_ADDRESS = 5
TOGETHER = 60
#: Addresses remembered; the one heard of longest ago goes first.
ADDRESSES = 2000


class LoginAttempts:
    """Counts failures of this process within the last five minutes."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        refusal: str = "Too many wrong passwords; wait before the next try.",
    ) -> None:
        self._clock = clock
        self._refusal = refusal
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque()

    def check(self, address: str) -> None:
        """Raise RateLimited, with the seconds to wait, when *address* (or everybody together) failed too often."""
        now = self._clock()
        for failures, limit in ((self._of(address), PER_ADDRESS), (self._all, TOGETHER)):
            while failures and now - failures[0] >= WINDOW_S:
                failures.popleft()
            if len(failures) >= limit:
                raise RateLimited(
                    self._refusal,
                    retry_after_s=WINDOW_S - (now - failures[-limit]),
                )

    def begin(self, address: str) -> None:
        """Check, and count this try as a failure until `succeeded` says otherwise: tries side by side are counted, too."""
        self.check(address)
        now = self._clock()
        self._of(address).append(now)
        self._all.append(now)

    def succeeded(self, address: str) -> None:
        """Forget the failures of *address*."""
        for at in self._failures.pop(address, ()):
            if at in self._all:
                self._all.remove(at)

    def _of(self, address: str) -> deque[float]:
        found = self._failures.setdefault(address, deque())
        self._failures.move_to_end(address)
        while len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)
        return found
