"""A worker in a process of its own, to be killed. Its "site" is a file: what is written there has happened."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
from multiprocessing.process import BaseProcess
from pathlib import Path

from gateway.db.connect import Database
from gateway.tasks.engine import Engine
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.sql_store import SqlTaskStore
from gateway.tasks.states import Stage
from gateway.tasks.upstream import Journal
from tests.engine.scripted import MemoryMedia, ScriptedCapacity, ScriptedMaker, result_of, settings

#: Where a worker can die, in the order of a video's life.
BOUNDARIES = (
    "claimed",
    "intent stored",
    "side effect done",
    "id stored",
    "generating",
    "submit finished",
    "downloaded",
    "download finished",
)


class Site:
    """Lines of JSON, each on disk before `happened` returns."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def happened(self, what: str, task_id: str) -> None:
        fd = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, (json.dumps({"what": what, "task": task_id, "pid": os.getpid()}) + "\n").encode())
            os.fsync(fd)
        finally:
            os.close(fd)

    def lines(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []

    def count(self, what: str, task_id: str) -> int:
        return sum(line["what"] == what and line["task"] == task_id for line in self.lines())


class MortalMaker(ScriptedMaker):
    """Makes videos at the `Site`; with *dies*, kills its process the first time it comes to each boundary."""

    def __init__(self, site: Site, *, dies: bool, waits_for: Path | None = None) -> None:
        super().__init__(self.make_at_site)
        self._site = site
        self._dies = dies
        self._waits_for = waits_for

    def _boundary(self, name: str, task: Task) -> None:
        if self._dies and not self._site.count(f"died: {name}", task.id):
            self._site.happened(f"died: {name}", task.id)
            os.kill(os.getpid(), signal.SIGKILL)

    async def make_at_site(self, task: Task, journal: Journal) -> VideoResult:
        try:
            return await self._steps(task, journal)
        except asyncio.CancelledError:
            self._site.happened("stopped", task.id)
            raise

    async def _steps(self, task: Task, journal: Journal) -> VideoResult:
        self._boundary("claimed", task)
        step = journal.steps.get("submit")
        if step is not None and not step.external and not self._site.count("submit", task.id):
            await journal.forget("submit")  # proven absent at the site
            step = None
        if step is None:
            await journal.bind(account_id="acc", profile="main")
            await journal.begin("submit", {"prompt": task.spec.prompt})
            self._boundary("intent stored", task)
            self._site.happened("submit", task.id)
            self._boundary("side effect done", task)
        if "submit" not in journal.steps or not journal.steps["submit"].external:
            await journal.note("submit", {"video_id": f"v-{task.id}"})
        self._boundary("id stored", task)
        await journal.stage(Stage.GENERATE)
        await journal.progress(50)
        self._boundary("generating", task)
        self._site.happened("generating", task.id)
        while self._waits_for is not None and not self._waits_for.exists():
            await asyncio.sleep(0.02)
        await journal.finish("submit", {"url": "u"})
        self._boundary("submit finished", task)
        if "download" not in journal.steps:
            self._site.happened("download", task.id)
            self._boundary("downloaded", task)
            await journal.finish("download", {"size": 1})
        self._boundary("download finished", task)
        return result_of(task)


def work(url: str, node: str, site: str, dies: bool, waits_for: str | None, lease_s: float) -> None:
    """The process: an engine until it is killed."""
    maker = MortalMaker(Site(Path(site)), dies=dies, waits_for=Path(waits_for) if waits_for else None)

    async def serve() -> None:
        async with Database.open(url) as db:
            engine = Engine(SqlTaskStore(db), maker, ScriptedCapacity(), settings(lease_s=lease_s), MemoryMedia(), node)
            await engine.run()

    asyncio.run(serve())


def start(
    url: str, node: str, site: Site, *, dies: bool = False, waits_for: Path | None = None, lease_s: float = 30.0
) -> BaseProcess:
    """Start a worker; it is this test's to end, by `kill`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(
        target=work, args=(url, node, str(site.file), dies, waits_for and str(waits_for), lease_s), daemon=True
    )
    process.start()
    return process
