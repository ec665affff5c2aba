"""The task store on SQLite and PostgreSQL: the same statements on both. Each role has its own file."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.db.connect import Database
from gateway.tasks.claim_sql import AFFINITY_S, Claiming
from gateway.tasks.intake_sql import Intake
from gateway.tasks.listing_sql import Listing
from gateway.tasks.moves import CANCEL, QUEUE, topic
from gateway.tasks.outcome_sql import Outcomes
from gateway.tasks.overview_sql import Overview
from gateway.tasks.record_sql import Recording
from gateway.tasks.rescue_sql import Rescuing
from gateway.tasks.retention_sql import Retention


class SqlTaskStore(Intake, Listing, Overview, Claiming, Recording, Outcomes, Rescuing, Retention):
    """`store.TaskStore` in the gateway's database. affinity_s: how long a begun task that could run waits for its own
    profile before another of the same account may go on with it."""

    def __init__(self, db: Database, *, affinity_s: float = AFFINITY_S) -> None:
        self._db = db
        self.affinity_s = affinity_s

    async def subscribe(self, task_id: str | None = None) -> AsyncIterator[None]:
        """Yields at once (look, then wait), then at every hint, and every few seconds without one."""
        topics = (QUEUE, CANCEL) if task_id is None else (topic(task_id),)
        with self._db.changes.listen(*topics) as hint:
            while True:
                await hint.wait()
                yield
