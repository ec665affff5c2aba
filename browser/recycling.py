"""How often a profile's browser was restarted after crashes, and whether that is still reasonable."""

from __future__ import annotations

from collections import deque

#: Pauses after failed starts: 1, 2, 4 … seconds, at most this many.
LONGEST_PAUSE_S = 60.0


class Recycling:
    """Restarts within a window of time. Times are loop times in seconds."""

    def __init__(self, *, limit: int, window_s: float) -> None:
        self._limit = limit
        self._window_s = window_s
        self._restarts: deque[float] = deque()
        self._failures = 0

    def crashed(self, now: float) -> bool:
        """Count a crash; returns False when the browser had been restarted too often already: quarantine it."""
        if self.count(now) >= self._limit:
            return False
        self._restarts.append(now)
        return True

    def count(self, now: float) -> int:
        """Count the restarts within the window."""
        while self._restarts and self._restarts[0] <= now - self._window_s:
            self._restarts.popleft()
        return len(self._restarts)

    def pause_s(self) -> float:
        """Return how long to wait after one more failed start; doubles each time until `started`."""
        self._failures += 1
        return float(min(2.0 ** (self._failures - 1), LONGEST_PAUSE_S))

    def started(self) -> None:
        """A start worked."""
        self._failures = 0

    def forgive(self) -> None:
        """Forget all: an operator looked at it."""
        self._restarts.clear()
        self._failures = 0
