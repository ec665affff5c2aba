"""The real store behind a line that can be cut."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from datetime import timedelta
from typing import Any

from gateway.errors import DatabaseUnavailable
from gateway.tasks.sql_store import SqlTaskStore


class FaultyStore:
    """Fails what is named in *failing* (``*``: everything) with *error*; *tried* counts those calls, *asked* all.
    clock_ahead_s: what the database's clock was set on by; leases that stand are the test's to move."""

    def __init__(self, store: SqlTaskStore) -> None:
        self._store = store
        self.failing: set[str] = set()
        self.error: Exception = DatabaseUnavailable("The database is away.")
        self.tried: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.failed = asyncio.Event()
        self.clock_ahead_s = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def through(*args: Any, **named: Any) -> Any:
            self.asked[name] += 1
            if name in self.failing or "*" in self.failing:
                self.tried[name] += 1
                self.failed.set()
                raise self.error
            answer = await found(*args, **named)
            return answer + timedelta(seconds=self.clock_ahead_s) if name == "now" else answer

        return through
