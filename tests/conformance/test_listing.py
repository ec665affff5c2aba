"""What an operator finds among everybody's tasks, and in the media store, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from gateway.db.connect import Database
from gateway.db.tables import tasks
from gateway.media.assets import AssetKind
from gateway.media.disk import DiskMedia
from gateway.media.shelf import Shelf, Wanted
from gateway.tasks import listing_sql
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from tests.conformance.samples import a_task


async def _ids(store: SqlTaskStore, where: Filter) -> list[str]:
    return [task.id for task in (await store.find(where)).tasks]


async def test_filters_over_all_keys_and_apis(store: SqlTaskStore) -> None:
    for id_, key, dialect, model in (
        ("a", "k1", "openai", "m1"), ("b", "k2", "openai", "m2"), ("c", "k2", "xai", "m1"),
    ):  # fmt: skip
        await store.insert(replace(a_task(id=id_, key=key, dialect=dialect), model=model))
    await store.cancel("c")
    assert await _ids(store, Filter()) == ["c", "b", "a"]
    assert await _ids(store, Filter(model="m1")) == ["c", "a"]
    assert await _ids(store, Filter(dialects=frozenset({"openai"}), key_id="k2")) == ["b"]
    assert await _ids(store, Filter(states=frozenset({State.CANCELLED, State.QUEUED}), model="m1")) == ["c", "a"]


async def test_a_day_is_one_day(store: SqlTaskStore, db: Database) -> None:
    day = datetime(2026, 11, 3, tzinfo=UTC)
    for id_, at in (("before", day - timedelta(seconds=1)), ("in", day), ("after", day + timedelta(days=1))):
        await store.insert(a_task(id=id_))
        async with db.write() as connection:
            await connection.execute(update(tasks).where(tasks.c.id == id_).values(created_at=at))
    assert await _ids(store, Filter(since=day, until=day + timedelta(days=1))) == ["in"]


async def test_a_search_stops_somewhere_and_can_go_on(store: SqlTaskStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing_sql, "LOOKED_THROUGH", 4)
    for number, prompt in enumerate(["A Lighthouse", "50% rain", "x", "x", "x", "灯塔 at dusk", "lighthouse"]):
        await store.insert(a_task(id=f"t{number}", prompt=prompt))
    first = await store.find(Filter(search="LIGHT"), limit=5)
    assert [task.id for task in first.tasks] == ["t6"]
    assert first.looked_back_to is not None, "it says how far it looked"
    second = await store.find(Filter(search="LIGHT"), limit=5, cursor=first.next_cursor)
    assert [task.id for task in second.tasks] == ["t0"] and second.next_cursor is None
    full = await store.find(Filter(search="x"), limit=1)
    assert [task.id for task in full.tasks] == ["t4"] and full.looked_back_to is None
    assert [task.id for task in (await store.find(Filter(search="灯塔"))).tasks] == ["t5"]
    last = await store.find(Filter(search="50%"), cursor=first.next_cursor)
    assert [task.id for task in last.tasks] == ["t1"], "a percent sign is a percent sign"


async def test_a_task_knows_what_repeats_it(store: SqlTaskStore) -> None:
    await store.insert(a_task(id="first"))
    task, _ = await store.insert(a_task(id="again", retry_of="first"))
    assert task.retry_of == "first" and (await store.get("again")).retry_of == "first"
    assert await store.repeated_by("first") == ["again"]
    await store.delete(Filter(), ids=["again"])
    assert await store.repeated_by("first") == []


async def test_the_shelf_shows_the_newest_files_page_by_page(db: Database, tmp_path) -> None:
    media, shelf = DiskMedia(tmp_path, db), Shelf(db)
    for number in range(5):
        kind = AssetKind.VIDEO if number % 2 else AssetKind.IMAGE
        await media.add(
            b"x", kind=kind, suffix=".bin", media_type="x/y", id=f"f{number}", key_id=f"k{number % 2}", prompt="p",
            task_id="t",
        )  # fmt: skip
    await media.add(b"x", kind=AssetKind.IMAGE, suffix=".bin", media_type="x/y", id="converted")
    await media.add(b"x", kind=AssetKind.INPUT, suffix=".bin", media_type="x/y", id="input", task_id="t")
    first, place = await shelf.newest(Wanted(), limit=3)
    assert [asset.id for asset in first] == ["f4", "f3", "f2"] and place is not None
    second, end = await shelf.newest(Wanted(), limit=3, after=place)
    assert [asset.id for asset in second] == ["f1", "f0"] and end is None
    mine, _ = await shelf.newest(Wanted(kinds=frozenset({AssetKind.VIDEO}), key_id="k1"), limit=9)
    assert [asset.id for asset in mine] == ["f3", "f1"]
    assert {asset.id for asset in await shelf.of_tasks(["t"])} == {"f0", "f1", "f2", "f3", "f4", "input"}
