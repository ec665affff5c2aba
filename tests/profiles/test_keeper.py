"""The keeper: what is written into a row reaches the pool, and what the pool tells reaches the row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from browser.clearance import Clearance, Cooldown
from browser.pool import Pool
from gateway.auth.secret import Secret
from gateway.db.connect import Database
from gateway.errors import DatabaseUnavailable
from gateway.profiles import keeper as keeping
from gateway.profiles.events import ProfileEvents
from gateway.profiles.keeper import ProfileKeeper
from gateway.profiles.model import Profile
from gateway.profiles.registry import Registry
from gateway.settings import Settings
from tests.profiles.pool_double import PoolDouble

WITHIN_S = 60


class House:
    """A database, a pool double, and the keeper between them (started by `running`)."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self.db = db
        self.settings = settings
        self.events = ProfileEvents()
        self.pool = PoolDouble(self.events)
        self.keeper = self._new_keeper()

    @property
    def registry(self) -> Registry:
        return self.keeper.registry

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with self.keeper:
            yield

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator[None]:
        """The same again with a new pool, as after a restart of the gateway."""
        self.events = ProfileEvents()
        self.pool = PoolDouble(self.events)
        self.keeper = self._new_keeper()
        async with self.keeper:
            yield

    def _new_keeper(self) -> ProfileKeeper:
        secret = Secret("a secret for tests only")
        return ProfileKeeper(cast(Pool, self.pool), self.db, self.settings, secret, events=self.events)

    async def row(self, met: Callable[[Profile], bool], name: str = "work") -> Profile:
        """The row, as soon as it meets the condition."""

        async def look() -> Profile | None:
            row = await self.registry.get(name)
            return row if met(row) else None

        return cast(Profile, await until(look))

    async def told(self, *call: Any) -> None:
        async def look() -> bool:
            return call in self.pool.calls

        await until(look)


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while not (found := await look()):
            await asyncio.sleep(0.01)
        return found


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> AsyncIterator[House]:
    monkeypatch.setattr(keeping, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(keeping, "REST_S", 0.2)
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    async with Database.open(settings.effective_database_url) as db:
        yield House(db, settings)


async def test_rows_are_taken_up_where_they_stood(house: House):
    """READY ones wait for work, those a human must help stay so, all others are looked at anew."""
    until_ = datetime.now(UTC) + timedelta(minutes=5)
    for clearance in Clearance:
        name = clearance.value.replace("_", "-")
        await house.registry.add(name)
        await house.registry.record_seen(
            name,
            clearance=clearance,
            reason="",
            since=datetime.now(UTC),
            account={"id": "u1"},
            cooldowns=[Cooldown("video", until_, "limit")],
            last_checkpoint_at=None,
        )
    async with house.running():
        for clearance in Clearance:
            kept = clearance in {
                Clearance.READY,
                Clearance.LOGIN_REQUIRED,
                Clearance.CHALLENGED,
                Clearance.BLOCKED,
            }
            await house.told("add", clearance.value.replace("_", "-"), clearance if kept else Clearance.NEW)
    assert house.pool.cooldowns["ready"] == (Cooldown("video", until_, "limit"),)
    assert house.pool.accounts["ready"] == {"id": "u1"}


async def test_a_profile_is_added_changed_and_removed_while_it_runs(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        await house.registry.set_proxy("work", "http://me:s3cret@proxy.example:3128")
        await house.told("update", "work")
        assert house.pool.specs["work"].proxy == "http://me:s3cret@proxy.example:3128"
        await house.registry.disable("work")
        await until(lambda: _spec_is(house, enabled=False))
        (house.settings.profiles_dir / "work" / "user-data").mkdir(parents=True)
        await house.registry.request_removal("work")
        await house.told("remove", "work")

        async def gone() -> bool:
            return not await house.registry.list()

        await until(gone)
        assert not (house.settings.profiles_dir / "work").exists()


async def _spec_is(house: House, *, enabled: bool) -> bool:
    return house.pool.specs["work"].enabled is enabled


async def test_what_the_pool_tells_stands_in_the_row(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        house.pool.accounts["work"] = {"id": "u1", "name": "n…"}
        house.pool.move("work", Clearance.CHALLENGED, "the site wants a human")
        row = await house.row(lambda row: row.clearance is Clearance.CHALLENGED)
        assert row.account_id == "u1"
        house.events.remember_protocol("work", "g1")
        await house.row(lambda row: row.protocol == "g1")
        notes = await house.registry.notes("work")
        assert ("clearance changed", "the site wants a human") in [(n.type, n.data.get("reason")) for n in notes]


async def test_a_check_is_answered_with_what_came_out(house: House):
    async with house.running():
        await house.registry.add("work")
        asked_at = await house.registry.request_check("work")
        row = await house.row(lambda row: row.checked_at is not None and row.checked_at >= asked_at)
        assert row.clearance is Clearance.READY
        assert row.account["id"] == "u1"


async def test_a_slow_profile_keeps_nobody_waiting(house: House):
    async with house.running():
        house.pool.slow.clear()
        await house.registry.add("slow")
        await house.registry.request_check("slow")
        await house.told("check", "slow")
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        house.pool.slow.set()


async def test_a_disabled_profile_is_not_checked_but_answered(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.registry.disable("work")
        asked_at = await house.registry.request_check("work")
        await house.row(lambda row: row.checked_at is not None and row.checked_at >= asked_at)
    assert not house.pool.told("check")


async def test_a_directory_is_given_away_and_taken_back(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        await house.registry.request_release("work", by="test", for_s=60)
        await house.row(lambda row: row.released_at is not None)
        assert house.pool.told("release") == [("release", "work")]
        asked_at = await house.registry.request_check("work")
        await asyncio.sleep(0.3)
        assert not house.pool.told("check"), "whoever has the directory works in it"
        await house.registry.end_release("work")
        await house.row(lambda row: row.released_at is None)
        assert house.pool.told("resume") == [("resume", "work")]
        await house.row(lambda row: row.checked_at is not None and row.checked_at >= asked_at)


async def test_a_killed_borrower_loses_the_directory(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        await house.registry.request_release("work", by="test", for_s=0.3)
        await house.row(lambda row: row.released_at is not None)
        await house.row(lambda row: row.released_at is None)
    assert house.pool.told("resume")


async def test_a_refused_release_is_tried_again(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        house.pool.refuses_release = 1
        await house.registry.request_release("work", by="test", for_s=60)
        await house.row(lambda row: row.released_at is not None)


async def test_a_profile_given_away_across_a_restart_is_left_alone(house: House):
    await house.registry.add("work")
    await house.registry.request_release("work", by="test", for_s=60)
    async with house.restarted():
        await house.row(lambda row: row.released_at is not None)
        assert not house.pool.calls
        await house.registry.end_release("work")
        await house.told("add", "work", Clearance.NEW)


async def test_a_profile_whose_proxy_cannot_be_read_does_not_go_without_it(house: House):
    await Registry(house.db, node=house.registry.node, proxy_key=b"x" * 32).add("work", proxy="http://h:1")
    async with house.running():
        row = await house.row(lambda row: row.clearance is Clearance.BLOCKED)
        assert "another secret key" in row.reason
        assert not house.pool.calls
        await house.registry.set_proxy("work", "http://h:2")
        await house.told("add", "work", Clearance.NEW)


async def test_another_nodes_profiles_are_not_touched(house: House):
    await Registry(house.db, node="elsewhere", proxy_key=b"x" * 32).add("theirs")
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
    assert [call[1] for call in house.pool.told("add")] == ["work"]


async def test_a_database_that_goes_away_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)

        async def away(*_: object, **__: object) -> None:
            raise DatabaseUnavailable("The database is away.")

        with monkeypatch.context() as patch, capture_logs() as logs:
            for name in ("list", "log", "record_seen"):
                patch.setattr(Registry, name, away)
            house.pool.move("work", Clearance.CHALLENGED)
            await asyncio.sleep(0.5)
        assert {line["event"] for line in logs} >= {"profiles cannot be read", "profile state not written"}
        await house.row(lambda row: row.clearance is Clearance.CHALLENGED)
        await house.registry.add("more")
        await house.told("add", "more", Clearance.NEW)


async def test_the_last_words_are_written_when_it_ends(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        house.pool.move("work", Clearance.CHALLENGED)
    assert (await house.registry.get("work")).clearance is Clearance.CHALLENGED


async def test_folders_without_a_row_are_reported_and_kept(house: House):
    (house.settings.profiles_dir / "moved").mkdir(parents=True)
    with capture_logs() as logs:
        async with house.running():
            pass
    assert [line["profile"] for line in logs if line["event"] == "profile without an entry"] == ["moved"]
    assert (house.settings.profiles_dir / "moved").is_dir()


async def test_a_row_deleted_by_hand_takes_its_profile_along(house: House):
    async with house.running():
        await house.registry.add("work")
        await house.told("add", "work", Clearance.NEW)
        await house.registry.remove("work")
        await house.told("remove", "work")
