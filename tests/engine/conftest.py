"""Every test of this directory that asks for `db` or `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gateway.db.connect import Database
from gateway.tasks.feed import Feed
from gateway.tasks.sql_store import SqlTaskStore
from tests.engine.scripted import MemoryMedia


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as opened:
        yield opened


@pytest.fixture
def store(db: Database) -> SqlTaskStore:
    return SqlTaskStore(db)


@pytest.fixture
def feed(store: SqlTaskStore, db: Database) -> Feed:
    return Feed(store, db.changes)


@pytest.fixture
def media() -> MemoryMedia:
    return MemoryMedia()
