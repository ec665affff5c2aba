"""How many tasks wait for one profile: for telling its operator what goes on once it works again."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables import tasks
from gateway.tasks.rows import IS_QUEUED, IS_SHOWN


async def count_awaiting(connection: AsyncConnection, profile: str, account_id: str | None, *, only_one: bool) -> int:
    """Return how many tasks are queued that *profile* would bring on.

    Those begun with it or with its account are; those that any profile may take are only when it is the *only_one*
    that could: with another at work they do not wait for this one.
    """
    begun: ColumnElement[bool] = tasks.c.profile == profile
    if account_id is not None:
        begun = or_(begun, tasks.c.account_id == account_id)
    waits = and_(tasks.c.bound, begun)
    if only_one:
        waits = or_(waits, tasks.c.bound.is_(False))
    found = await connection.execute(select(func.count()).select_from(tasks).where(IS_QUEUED, IS_SHOWN, waits))
    return int(found.scalar_one())
