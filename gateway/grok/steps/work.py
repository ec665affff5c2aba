"""One attempt at one video: what every step needs, and how steps are written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.grok.client import GrokClient
from gateway.grok.memory import ProfileMemory
from gateway.grok.ports import InspectVideo, Lease
from gateway.grok.steps.claims import Claims
from gateway.media.assets import Media
from gateway.settings import Settings
from gateway.tasks.model import Step, Task, VideoSpec
from gateway.tasks.upstream import Journal

UPLOAD, CREATE_POST, SUBMIT, DOWNLOAD = "upload", "create_post", "submit", "download"


@dataclass(slots=True)
class Work:
    """The attempt at hand. claims and memory are shared with all others."""

    task: Task
    journal: Journal
    lease: Lease
    client: GrokClient
    media: Media
    settings: Settings
    memory: ProfileMemory
    claims: Claims
    inspect: InspectVideo
    _bound: bool = field(default=False)

    @property
    def spec(self) -> VideoSpec:
        return self.task.spec

    @property
    def account_id(self) -> str:
        return self.lease.account.get("id", "")

    def step(self, name: str) -> Step | None:
        return self.journal.steps.get(name)

    async def begin(self, name: str, intent: Mapping[str, Any]) -> None:
        """Write down that *name* is about to happen, unless it was begun before.

        Ties the task to the account before its first side effect.
        """
        if not self._bound and (self.task.account_id is None or self.task.account_id != self.account_id):
            await self.journal.bind(account_id=self.account_id or None, profile=self.lease.profile)
        self._bound = True
        if self.step(name) is None:
            await self.journal.begin(name, {**intent, "started_at": datetime.now(UTC).isoformat()})


def started_at(step: Step) -> datetime:
    """Return when the step's request left, by our clock; by the database's where an older version wrote it."""
    try:
        return datetime.fromisoformat(step.intent["started_at"])
    except (KeyError, TypeError, ValueError):
        return step.started_at or datetime.now(UTC)
