"""Looks whether an operator has to be told, and has them told once: whichever node is first, and not again after a restart.

What was told and is not over stands in a row; writing that row and posting the messages is one transaction.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from browser.clearance import Clearance
from gateway.db.connect import Database
from gateway.db.node_life import has_no_node
from gateway.db.tables import notices, profiles
from gateway.errors import GatewayError
from gateway.tasks.awaiting_sql import count_awaiting
from gateway.webhooks import notices as words
from gateway.webhooks import outbox_sql
from gateway.webhooks.model import Channel
from gateway.webhooks.notices import Standing, Step

#: The hint that a profile's row changed (`gateway.profiles.registry`).
PROFILES = "profiles"
LOOK_EVERY_S = 5.0
DISK_EVERY_S = 60.0
log = structlog.get_logger(__name__)

#: Where to: at most one address of each kind.
Targets = Mapping[Channel, str]


class Watch:
    """targets: the operator's addresses. console: where the console is reached. data_dir: the disk that must have room."""

    def __init__(
        self, db: Database, targets: Targets, *, after_s: float, console: str, node: str, data_dir: Path
    ) -> None:
        self._db = db
        self.targets = targets
        self._after_s = after_s
        self.console = console.rstrip("/")
        self._node = node
        self._data_dir = data_dir

    async def profiles(self) -> None:
        """Look at the profiles whenever one changed, until cancelled."""
        with self._db.changes.listen(PROFILES) as hint:
            while True:
                await hint.wait(LOOK_EVERY_S if self._after_s >= LOOK_EVERY_S else max(0.2, self._after_s))
                try:
                    await self.look()
                except GatewayError as exc:
                    log.warning("notifications put off", reason=exc.message)
                    await asyncio.sleep(1)

    async def disk(self) -> None:
        """Look at this node's disk, until cancelled."""
        while True:
            try:
                await self.look_at_disk((await asyncio.to_thread(shutil.disk_usage, self._data_dir)).free)
            except (GatewayError, OSError) as exc:
                log.warning("notifications put off", reason=str(exc))
            await asyncio.sleep(DISK_EVERY_S)

    async def look(self) -> None:
        """Tell what is to be told of profiles now."""
        async with self._db.read() as connection:
            away = has_no_node(self._db.clock, profiles.c.name).label("away")
            rows = (await connection.execute(select(profiles, away))).all()
            told = await self._told(connection, "profile:%")
            now = await self._db.now(connection)
        standing = {_subject(row.name): _standing_of(row, now) for row in rows}
        for subject, profile in standing.items():
            step = words.decide(profile, told.get(subject), now, after_s=self._after_s)
            if step is not None:
                others = any(one.works for other, one in standing.items() if other != subject)
                await self._act(step, subject, profile, only_one=not others)
        for subject in told.keys() - standing.keys():
            await self._close(subject, None, {})

    async def look_at_disk(self, free_bytes: int) -> None:
        """Tell what is to be told of this node's disk."""
        subject = f"disk:{self._node}"
        async with self._db.read() as connection:
            told = (await self._told(connection, subject)).get(subject)
        step = words.decide_disk(free_bytes, told)
        said = words.disk(self._node, free_bytes, low=step is Step.TELL, url=f"{self.console}/console/settings")
        if step is Step.TELL:
            await self._open(subject, words.DISK_LOW, words.DISK_LOW, said)
        elif step is Step.OVER:
            await self._close(subject, words.DISK_OK, said)

    async def test(self) -> Sequence[str]:
        """Post a test to every address; returns the messages' ids."""
        async with self._db.write() as connection:
            return await self._post(connection, words.TEST, words.test(f"{self.console}/console"))

    # -- inside --------------------------------------------------------------------------------------------------
    async def _act(self, step: Step, subject: str, profile: Standing, *, only_one: bool) -> None:
        if step is Step.FORGET:
            await self._close(subject, None, {})
            return
        async with self._db.read() as connection:
            waiting = await count_awaiting(connection, profile.name, profile.account_id, only_one=only_one)
        url = f"{self.console}/console/live/{profile.name}"
        if step is Step.TELL:
            said = words.attention(profile, waiting=waiting, url=url)
            await self._open(subject, profile.clearance.value, words.ATTENTION, said)
        else:
            await self._close(subject, words.READY, words.ready(profile, waiting=waiting, url=url))

    async def _told(self, connection: AsyncConnection, like: str) -> dict[str, str]:
        rows = await connection.execute(select(notices.c.subject, notices.c.event).where(notices.c.subject.like(like)))
        return {row.subject: row.event for row in rows}

    async def _open(self, subject: str, told: str, event: str, said: Mapping[str, Any]) -> None:
        """Tell, unless another node just did."""
        insert = postgresql_insert if self._db.dialect == "postgresql" else sqlite_insert
        row = {"subject": subject, "event": told, "told_at": self._db.clock.now()}
        first = (
            insert(notices)
            .values(row)
            .on_conflict_do_update(
                index_elements=["subject"],
                set_={"event": told, "told_at": self._db.clock.now()},
                where=notices.c.event != told,
            )
            .returning(notices.c.subject)
        )
        async with self._db.write() as connection:
            if (await connection.execute(first)).first() is not None:
                await self._post(connection, event, said)
                log.info("operator told", about=subject, event_name=event)

    async def _close(self, subject: str, event: str | None, said: Mapping[str, Any]) -> None:
        """Tell that it is over (event None: only forget), unless another node just did."""
        async with self._db.write() as connection:
            gone = await connection.execute(delete(notices).where(notices.c.subject == subject))
            if gone.rowcount and event is not None:
                await self._post(connection, event, said)
                log.info("operator told", about=subject, event_name=event)

    async def _post(self, connection: AsyncConnection, event: str, said: Mapping[str, Any]) -> list[str]:
        return [
            await outbox_sql.post(self._db, connection, channel, url, event=event, data=said)
            for channel, url in self.targets.items()
        ]


def _subject(profile: str) -> str:
    return f"profile:{profile}"


def _standing_of(row: Any, now: datetime) -> Standing:
    known = {state.value: state for state in Clearance}  # a node of the next version may know more
    return Standing(
        name=row.name,
        clearance=known.get(row.clearance, Clearance.VERIFYING),
        reason=row.reason or "",
        since=row.since or now,
        wanted=row.enabled and row.removed_at is None,
        account_id=row.account_id,
        away=row.away,
    )
