"""PostgreSQL through pgbouncer in transaction mode: each transaction may get another session, so none may count on its own."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.db.connect import Database
from gateway.errors import StartRefused
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import State
from tests.conformance.samples import a_task, claim, offer
from tests.postgresql import Cluster


@pytest.fixture
def pooled_url(cluster: Cluster, postgresql_url: str) -> Iterator[str]:
    """The database through a pgbouncer of two sessions."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = postgresql_url.rpartition("/")[2]
    folder = Path(cluster.data).parent
    settings = folder / f"pgbouncer-{name}.ini"
    settings.write_text(
        f"[databases]\n{name} = host=127.0.0.1 port={cluster.port} user=gateway\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n"
    )
    process = subprocess.Popen([program, "-q", str(settings)], cwd=folder, **cluster.as_user)
    try:
        give_up_at = time.monotonic() + 20
        while time.monotonic() < give_up_at:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
        yield f"postgresql://gateway@127.0.0.1:{port}/{name}"
    finally:
        process.terminate()
        process.wait(10)


async def test_tasks_and_hints_through_a_pooler(pooled_url: str, postgresql_url: str) -> None:
    async with (
        Database.open(pooled_url, bus_url=postgresql_url) as here,
        Database.open(pooled_url, bus_url=postgresql_url) as there,
    ):
        store, other = SqlTaskStore(here), SqlTaskStore(there)
        async with asyncio.timeout(60):
            while not there.changes.connected:
                await asyncio.sleep(0.02)
        with there.changes.listen("queue") as hint:
            await hint.wait()
            await hint.wait(0.1)
            made = await asyncio.gather(*(store.insert(a_task(key=f"key{number % 3}")) for number in range(30)))
            assert await hint.wait(3), "the server's own hint, not a poll"
        taken = await asyncio.gather(
            *(
                claim(one, offer(f"p{number}", free=3), worker=f"w{number}/1")
                for number, one in enumerate((store, other) * 5)
            )
        )
        ids = [one.id for some in taken for one in some]
        assert sorted(ids) == sorted(task.id for task, _ in made), "each exactly once"
        for some in taken:
            for one in some:
                await other.finish_cancel(one.id, one.token)
        assert (await store.counts()).by_state[State.CANCELLED] == 30
        async with here.snapshot() as looking:
            assert looking is not None


async def test_a_bus_that_is_none_is_refused(postgresql_url: str, tmp_path: Path) -> None:
    for url, bus in (
        (f"sqlite:///{tmp_path / 'x.db'}", postgresql_url),
        (postgresql_url, "redis://localhost"),
        (postgresql_url, "nonsense"),
    ):
        with pytest.raises(StartRefused, match="GATEWAY_BUS_URL"):
            async with Database.open(url, bus_url=bus):
                pass
