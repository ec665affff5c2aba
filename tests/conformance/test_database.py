"""The open database: transactions, hints, and what its failures are called."""

from __future__ import annotations

import asyncio
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from gateway.db import migrate, one_host
from gateway.db.connect import Database
from gateway.db.tables import meta
from gateway.errors import DatabaseUnavailable, StartRefused, StorageFull
from tests.postgresql import Cluster


async def put(db: Database, key: str, *topics: str) -> None:
    async with db.write(*topics) as connection:
        await connection.execute(insert(meta).values(key=key, value={"k": key}))


async def keys(db: Database) -> set[str]:
    async with db.read() as connection:
        return set((await connection.execute(select(meta.c.key))).scalars()) - {one_host.KEY, migrate.OLDEST_KEY}


async def test_a_write_is_whole_or_not_at_all(db: Database) -> None:
    with db.changes.listen("things") as hint:
        await until_connected(db)
        await hint.wait()
        with pytest.raises(KeyError):
            async with db.write("things") as connection:
                await connection.execute(insert(meta).values(key="half", value=None))
                raise KeyError("in the middle")
        assert not await hint.wait(0.05)
    await put(db, "whole")
    assert await keys(db) == {"whole"}


async def test_a_cancelled_write_leaves_nothing_and_frees_its_turn(db: Database) -> None:
    begun = asyncio.Event()

    async def cut_short() -> None:
        async with db.write() as connection:
            await connection.execute(insert(meta).values(key="half", value=None))
            begun.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        work = group.create_task(cut_short())
        await begun.wait()
        work.cancel()
    async with asyncio.timeout(20):
        await put(db, "next")
    assert await keys(db) == {"next"}


async def test_cancelling_at_any_moment_blocks_nobody_after(db: Database) -> None:
    """Cancelled inside the driver, a connection used to keep SQLite's write lock for half a minute."""

    async def work(key: str) -> None:
        async with db.write() as connection:
            await connection.execute(insert(meta).values(key=key, value=None))
            await connection.execute(select(meta))
        async with db.read() as connection:
            await connection.execute(select(meta))

    for number in range(60):
        async with asyncio.TaskGroup() as group:
            cut = group.create_task(work(f"k{number}"))
            await asyncio.sleep(number * 0.0001)
            cut.cancel()
        async with asyncio.timeout(20):
            await put(db, f"n{number}")
    async with asyncio.timeout(20):
        assert {f"n{number}" for number in range(60)} <= await keys(db)


async def test_readers_do_not_wait_for_the_writer(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(insert(meta).values(key="pending", value=None))
        async with asyncio.timeout(20):
            assert await keys(db) == set()
    assert await keys(db) == {"pending"}


async def test_many_writers_all_get_their_turn(database_url: str) -> None:
    async with Database.open(database_url) as a, Database.open(database_url) as b:
        await asyncio.gather(*(put(db, f"{name}{i}") for i in range(25) for name, db in (("a", a), ("b", b))))
        assert len(await keys(a)) == 50


async def test_times_come_back_aware_and_comparable(db: Database) -> None:
    async with db.read() as connection:
        now = await db.now(connection)
        later = (await connection.execute(select(db.clock.now(60)))).scalar_one()
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)
    assert timedelta(seconds=59) < later - now < timedelta(seconds=62)


async def test_a_hint_arrives_in_this_process_at_once(db: Database) -> None:
    with db.changes.listen("mine") as mine, db.changes.listen("other") as other:
        await until_connected(db)
        await mine.wait()
        await other.wait()
        await put(db, "x", "mine")
        assert await mine.wait(0)
        assert not await other.wait(0.05)


async def test_hints_reach_other_processes(database_url: str) -> None:
    """Two open databases stand for two processes: they share nothing but the server or the file."""
    async with Database.open(database_url) as here, Database.open(database_url) as there:
        with there.changes.listen("topic") as hint:
            await until_connected(there)
            await hint.wait()
            took = []
            for number in range(5):
                began = time.monotonic()
                await put(here, f"k{number}", "topic")
                assert await hint.wait(2)
                took.append(time.monotonic() - began)
            assert sorted(took)[2] < 1.5


async def until_connected(db: Database) -> None:
    async with asyncio.timeout(20):
        while not db.changes.connected:
            await asyncio.sleep(0.01)


async def test_a_hint_without_a_write_reaches_others_on_postgresql(postgresql_url: str) -> None:
    async with Database.open(postgresql_url) as here, Database.open(postgresql_url) as there:
        with there.changes.listen("topic") as hint:
            await until_connected(there)
            await until_connected(here)
            await hint.wait()
            await hint.wait(0.1)
            here.changes.notify("topic")
            assert await hint.wait(2)


async def test_a_killed_listener_comes_back_and_wakes_everybody(postgresql_url: str, cluster: Cluster) -> None:
    async with Database.open(postgresql_url) as here, Database.open(postgresql_url) as there:
        with there.changes.listen("topic") as hint:
            await until_connected(there)
            await hint.wait()
            await hint.wait(0.1)
            name = postgresql_url.rpartition("/")[2]
            killed = cluster.psql(
                "postgres",
                f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' "
                "AND query LIKE 'LISTEN%'",
            )
            assert int(killed) >= 1
            assert await hint.wait(5)  # woken by the reconnect: something may have been missed
            await until_connected(there)
            await hint.wait(0.1)
            await put(here, "after", "topic")
            assert await hint.wait(2)


async def test_a_server_that_stops_is_told_plainly_and_found_again(postgresql_url: str, cluster: Cluster) -> None:
    async with Database.open(postgresql_url) as db:
        await put(db, "before")
        cluster.crash()
        try:
            with pytest.raises(DatabaseUnavailable) as told:
                await keys(db)
            assert "gateway@127.0.0.1" in told.value.message
            with pytest.raises(DatabaseUnavailable):
                await put(db, "meanwhile")
        finally:
            cluster.start()
        assert await keys(db) == {"before"}
        with db.changes.listen("topic") as hint:
            await until_connected(db)
            await hint.wait()


async def test_a_write_cut_off_by_the_server_is_told_plainly(postgresql_url: str, cluster: Cluster) -> None:
    async with Database.open(postgresql_url) as db:
        with pytest.raises(DatabaseUnavailable):
            async with db.write() as connection:
                pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                cluster.psql("postgres", f"SELECT pg_terminate_backend({pid})")
                await connection.execute(select(meta))
        await put(db, "after")


async def test_a_full_disk_is_called_by_its_name(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as db:
        with pytest.raises(StorageFull):
            async with db.write() as connection:
                await connection.exec_driver_sql("PRAGMA max_page_count = 1")
                await connection.execute(insert(meta).values(key="big", value={"x": "y" * 1_000_000}))
        async with db.write() as connection:
            await connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        await put(db, "small")


async def test_writing_inside_a_write_is_refused_instead_of_hanging(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as db, db.write():
        with pytest.raises(RuntimeError, match="inside"):
            await put(db, "inner")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("mysql://localhost/x", "not supported"),
        ("nonsense", "sqlite:///FILE"),
        ("sqlite:////dev/null/gateway.db", "writable"),
        ("postgresql://me:hunter2@127.0.0.1:port/gateway", "not a database URL"),
        ("postgresql://me:p@ss:hunter2/word@127.0.0.1/gateway", "%40 for @"),
        ("postgresql://me:hunter2@127.0.0.1:5432,127.0.0.2:5432/gateway", "not a database URL"),
    ],
)
async def test_an_address_that_cannot_be_used_says_what_to_give(url: str, words: str) -> None:
    with pytest.raises(StartRefused, match=words) as refused:
        async with Database.open(url):
            pass
    assert "hunter2" not in refused.value.message


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"not a database, " * 100)
    with pytest.raises(StartRefused, match="cannot be opened"):
        async with Database.open(f"sqlite:///{tmp_path / 'gateway.db'}"):
            pass


@pytest.mark.parametrize(
    "place", ["me:hunter2@127.0.0.1:{port}/gateway", "127.0.0.1:{port}/x?user=me&password=hunter2"]
)
async def test_an_unreachable_server_is_named_without_its_password(place: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StartRefused) as refused:
        async with Database.open("postgresql://" + place.format(port=port)):
            pass
    assert f"127.0.0.1:{port}" in refused.value.message
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    "parameters",
    [
        "sslmode=prefer",
        "ssl=disable",
        "sslmode=prefer&sslrootcert=/no/such/ca.pem",
        "connect_timeout=5",
        "application_name=mine&target_session_attrs=read-write",
        "options=-c%20search_path%3Dpublic",
    ],
)
async def test_parameters_are_taken_as_other_clients_take_them(
    postgresql_url: str, cluster: Cluster, parameters: str
) -> None:
    """By every connection there is: those that write, those that ask, and the one that listens."""
    socket_dir = f"host={cluster.data.parent}&port={cluster.port}"
    for url in (postgresql_url, postgresql_url.replace(f"127.0.0.1:{cluster.port}", "") + f"?{socket_dir}"):
        async with Database.open(f"{url}{'&' if '?' in url else '?'}{parameters}") as db:
            await put(db, url)
            assert (await db.rows(select(meta.c.key).where(meta.c.key == url))) == [(url,)]
            await until_connected(db)


async def test_a_file_without_tables_can_be_looked_at_and_given_them(tmp_path: Path) -> None:
    async with Database.open(f"sqlite:///{tmp_path / 'new.db'}", migrate=False) as db:
        assert await migrate.current(db) is None
        await migrate.upgrade(db)
        assert await migrate.current(db) == migrate.HEAD


async def test_a_user_without_rights_is_told_which_ones(cluster: Cluster) -> None:
    url = cluster.new_database()
    cluster.psql("postgres", "DROP ROLE IF EXISTS stranger")
    cluster.psql("postgres", "CREATE ROLE stranger LOGIN")
    with pytest.raises(DatabaseUnavailable, match=r"\(permission denied for schema public\): make this user"):
        async with Database.open(url.replace("gateway@", "stranger@")):
            pass
    async with Database.open(url):  # it can be used by whom it belongs to; others may not even look
        with pytest.raises(DatabaseUnavailable, match="make this user the database's owner"):
            async with Database.open(url.replace("gateway@", "stranger@"), migrate=False) as db:
                await migrate.current(db)


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    async with Database.open(f"sqlite:///{tmp_path / 'new' / 'gateway.db'}"):
        assert (tmp_path / "new" / "gateway.db").stat().st_mode & 0o777 == 0o600


async def say_open(db: Database, *, name: str, boot: str, age_s: float) -> None:
    said = {"name": name, "boot": boot, "at": (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()}
    async with db.write() as connection:
        await connection.execute(meta.delete())
        await connection.execute(insert(meta).values(key=one_host.KEY, value=said))


async def test_a_second_machine_is_refused_on_sqlite(sqlite_url: str) -> None:
    async with Database.open(sqlite_url) as db:
        here = one_host.this_host()
        await say_open(db, name="elsewhere", boot="other", age_s=5)
        with pytest.raises(StartRefused, match=r"another machine \(elsewhere\)"):
            async with Database.open(sqlite_url):
                pass
        for name, boot, age_s in (
            ("elsewhere", "other", 120.0),  # gone since long
            (here["name"], "other", 5.0),  # this machine, started anew
            ("container", here["boot"], 5.0),  # another container on this machine
        ):
            await say_open(db, name=name, boot=boot, age_s=age_s)
            async with Database.open(sqlite_url):
                pass


async def test_an_error_in_the_block_comes_out_as_it_is(db: Database, database_url: str) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with Database.open(database_url):
            raise KeyError("mine")
