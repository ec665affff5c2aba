"""The rows of the nodes. All ages are by the database's clock, so that nodes with wrong clocks agree on who is alive."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.connect import Database
from gateway.db.node_life import beat_s, stale_s
from gateway.db.tables import nodes
from gateway.nodes.model import Node, ProfileOffer, offers_from_json, offers_to_json

#: The hint that what nodes can do has changed.
TOPIC = "nodes"
# Joining nodes look at each other one after the other: of two that cannot work together, the second is refused.
_TURN = text("SELECT pg_advisory_xact_lock(hashtext('gateway nodes'))")


class NodeRegistry:
    """Reads and writes ``nodes``. beat_s: between signs of life; stale_s: silence after which a node counts as gone."""

    def __init__(self, db: Database) -> None:
        self._db = db
        #: How far the database's clock is ahead of this machine's, seconds, as of the last look.
        self.ahead_s = 0.0
        self.beat_s, self.stale_s = beat_s(db.dialect), stale_s(db.dialect)

    async def everybody(self) -> Sequence[Node]:
        """Every node there ever was, by name, until it is forgotten."""
        async with self._db.read() as connection:
            return await self._all(connection)

    async def live(self) -> Sequence[Node]:
        return [node for node in await self.everybody() if node.is_live(self.stale_s)]

    async def join(self, row: Mapping[str, Any], *, check: Callable[[Sequence[Node]], None]) -> None:
        """Write this node's row, unless *check*, which is given all nodes there are, raises."""
        async with self._db.write(TOPIC) as connection:
            if self._db.dialect == "postgresql":
                await connection.execute(_TURN)
            check(await self._all(connection))
            now = self._db.clock.now()
            values = {**row, "started_at": now, "heartbeat_at": now, "left_at": None}
            insert = postgresql_insert if self._db.dialect == "postgresql" else sqlite_insert
            await connection.execute(
                insert(nodes).values(**values).on_conflict_do_update(index_elements=["id"], set_=values)
            )

    async def beat(
        self, node: str, *, offers: Sequence[ProfileOffer], info: Mapping[str, Any], tell: bool = False
    ) -> None:
        """Say that the node lives, and what its profiles can do. tell: others need to know at once."""
        async with self._db.write(*([TOPIC] if tell else [])) as connection:
            await connection.execute(
                update(nodes)
                .where(nodes.c.id == node, nodes.c.left_at.is_(None))
                .values(heartbeat_at=self._db.clock.now(), offers=offers_to_json(offers), info=dict(info))
            )

    async def leave(self, node: str) -> None:
        """Say that the node stops: nobody passes anything on to it any more."""
        async with self._db.write(TOPIC) as connection:
            await connection.execute(
                update(nodes).where(nodes.c.id == node).values(left_at=self._db.clock.now(), offers=[])
            )

    def now(self) -> float:
        """Seconds since the epoch by the clock that all nodes share: the database's."""
        return time.time() + self.ahead_s

    async def forget(self, node: str) -> bool:
        """Remove the row of a node that is gone for good; False when there is none."""
        async with self._db.write(TOPIC) as connection:
            return bool((await connection.execute(delete(nodes).where(nodes.c.id == node))).rowcount)

    async def _all(self, connection: AsyncConnection) -> list[Node]:
        wanted = select(nodes, self._db.clock.now().label("now")).order_by(nodes.c.id)
        rows = (await connection.execute(wanted)).all()
        if rows:
            self.ahead_s = (rows[0].now - datetime.now(UTC)).total_seconds()
        return [
            Node(
                id=row.id,
                hostname=row.hostname,
                address=row.address or "",
                role=row.role,
                version=row.version,
                started_at=row.started_at,
                heartbeat_at=row.heartbeat_at,
                age_s=max(0.0, (row.now - row.heartbeat_at).total_seconds()),
                left_at=row.left_at,
                info=row.info or {},
                offers=offers_from_json(row.offers),
            )
            for row in rows
        ]
