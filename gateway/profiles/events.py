"""What the pool tells, until it is written down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from browser.status import ProfileEvent
from gateway.profiles.health import EVENTS as HARMFUL
from gateway.profiles.health import HealthBook

#: Events kept while the database is away; the oldest go first. The states themselves are never lost.
KEPT = 2000


class ProfileEvents:
    """Give `put` to the pool as its ``on_event``, and the object to the keeper. Nothing here ever waits for a writer."""

    def __init__(self) -> None:
        self.waiting: deque[ProfileEvent] = deque(maxlen=KEPT)
        #: Profiles whose state has to be written.
        self.touched: set[str] = set()
        #: Generation of the site's protocol by profile, as last learned.
        self.protocols: dict[str, str] = {}
        #: What became of requests; written with the next news, or after a while.
        self.health = HealthBook()
        #: Quota hints by profile and kind, as the site last told them.
        self.quotas: dict[str, Mapping[str, Any]] = {}
        self._news = asyncio.Event()

    def put(self, event: ProfileEvent) -> None:
        """Receive an event of the pool."""
        self.waiting.append(event)
        if event.what in HARMFUL:
            self.health.saw(event.profile, HARMFUL[event.what])
        self.touch(event.profile)

    def touch(self, profile: str) -> None:
        """Have the profile's state written."""
        self.touched.add(profile)
        self._news.set()

    def remember_protocol(self, profile: str, protocol: str) -> None:
        """Have written which generation of the site's protocol works with the profile's account."""
        self.protocols[profile] = protocol
        self._news.set()

    def remember_quota(self, profile: str, quota: Mapping[str, Any]) -> None:
        """Have written what the site says is left."""
        self.quotas[profile] = quota
        self._news.set()

    def nudge(self) -> None:
        """Have written what changes too often to be news each time."""
        self._news.set()

    async def wait(self) -> None:
        """Return when there is something to write that was not there at the last return."""
        await self._news.wait()
        self._news.clear()
