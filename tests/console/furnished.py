"""A gateway in the middle of its work: something on every page, in every state that a page tells apart."""

from __future__ import annotations

import asyncio
import io
import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from browser.clearance import Clearance, Cooldown
from gateway.auth.callers import Scope
from gateway.db.tables import nodes
from gateway.errors import ContentModerated, GenerationFailed
from gateway.media.assets import AssetKind, video_asset_id
from gateway.nodes.model import Places, ProfileOffer
from gateway.nodes.registry import NodeRegistry
from gateway.profiles.registry import Registry
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.states import Stage
from gateway.tasks.upstream import Journal
from gateway.usage.ended import Ended, Outcome
from gateway.usage.log_sql import write_log
from tests.console.making import ask, over
from tests.console.signed_in import Console
from tests.front.scripted import Scripted
from tests.simulator.media.film import SIZES, encode
from tests.simulator.media.scene import Scene

PROMPTS = (
    ("a lighthouse at dusk, waves below, slow camera push towards the lamp, warm light on wet rock", "16:9"),
    ("a paper boat drifting down a rainy street, macro lens", "9:16"),
    ("timelapse of clouds over a mountain village in spring", "3:2"),
    ("两只猫在窗台上看雪，柔和的光", "1:1"),
    ("a red kite over dunes", "2:3"),
    ("an old tram climbing a hill in Lisbon at sunrise", "16:9"),
)
RUNNING = (
    ("a whale surfacing beside a small sailing boat, seen from above", 64),
    ("neon signs in the rain, Osaka", 21),
)
PICTURES = (("a red fox in fresh snow", (960, 640)), ("portrait of an astronaut, oil on canvas", (640, 960)))
DECLINED = "something the site does not make"
GAVE_UP = "a storm that the site gives up on"
PROFILES = (
    ("work", Clearance.READY, {"name": "M•••", "tier": "SuperGrok", "id": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"}),
    ("second", Clearance.LOGIN_REQUIRED, {"name": "A•••", "tier": "free"}),
    ("studio-berlin", Clearance.CHALLENGED, {"name": "S•••"}),
    ("resting", Clearance.READY, {"name": "K•••", "tier": "SuperGrok"}),
)
WORKER, SILENT = "worker-2", "worker-3"
#: Films are really encoded; a busy machine takes its time.
WITHIN_S = 180


class Varied(Scripted):
    """Makes another landscape for every prompt, in the shape that was asked for; some prompts end badly."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "none.mp4")
        self.folder = folder
        self._numbers = itertools.count()
        self._one = asyncio.Lock()
        self._gave_up: set[str] = set()

    async def make(self, task: Task, journal: Journal) -> VideoResult:
        self.script = self._make
        return await super().make(task, journal)

    async def _make(self, _: Scripted, task: Task, journal: Journal) -> VideoResult:
        prompt = task.spec.prompt
        await journal.stage(Stage.SUBMIT)
        await asyncio.sleep(0.3)
        await journal.stage(Stage.GENERATE, 1)
        if prompt == DECLINED:
            raise ContentModerated("the site refuses this content: content moderated")
        if prompt == GAVE_UP and task.id not in self._gave_up:
            self._gave_up.add(task.id)
            raise GenerationFailed("the site's generation failed")
        for running, percent in RUNNING:
            if prompt == running:
                await journal.progress(percent)
                await self.go.wait()
        await asyncio.sleep(1.2)
        return await self.deliver(task, journal)

    async def deliver(self, task: Task, journal: Journal) -> VideoResult:
        await journal.stage(Stage.DOWNLOAD, 99)
        spec = task.spec
        scene = Scene(SIZES[spec.resolution][spec.aspect_ratio], spec.prompt, "photographed")
        data = await asyncio.to_thread(encode, scene, spec.seconds)
        async with self._one:  # `record` looks at the film that was made last
            self.film = self.folder / f"{next(self._numbers)}.mp4"
            self.film.write_bytes(data)
            self.media.target(video_asset_id(task.id), ".mp4").write_bytes(data)
            return await self.record(task, data)


async def furnish(console: Console, site: Varied, *, callback_url: str) -> dict[str, str]:
    """Put something on every page; returns ids of tasks by what became of them."""
    await profiles(console)
    found = await _tasks(console, site, callback_url)
    await _pictures(console)
    await past(console)
    await other_nodes(console)
    for name, facts in (
        ("nightly renders", {"requests_per_minute": 30, "weight": 2}),
        ("notebook", {"scopes": frozenset({Scope.VIDEO}), "valid_for_s": 7 * 86400.0, "max_running": 1}),
    ):
        await console.house.keys.create(name, **facts)
        await console.house.audit.write("admin", "key.created", name, address="127.0.0.1")
    gone, _ = await console.house.keys.create("an old script")
    await console.house.keys.revoke(gone.id)
    return found


async def profiles(console: Console) -> None:
    """Here and on another node: ready, signed out, challenged, resting."""
    here, now = console.house.registry, datetime.now(UTC)
    there = Registry(console.house.db, node=WORKER, proxy_key=b"no proxy is set here")
    told = {"remaining": 12, "total": 20, "told_at": (now - timedelta(minutes=8)).isoformat()}
    for number, (name, clearance, account) in enumerate(PROFILES):
        registry = there if name == "resting" else here
        await registry.add(name)
        rests = (
            (Cooldown("video", now + timedelta(minutes=40), "the site's limit for this kind of work is reached"),)
            if name == "resting"
            else ()
        )
        await registry.record_seen(
            name, clearance=clearance, reason="", since=now - timedelta(hours=3 * number + 1), account=account,
            cooldowns=rests, last_checkpoint_at=now - timedelta(minutes=2),
        )  # fmt: skip
        await registry.note_quota(name, {"video": told})
        health = {
            (now - timedelta(hours=n)).isoformat(): {"ok": 5, "challenge": n % (number + 2)} for n in range(1, 23)
        }
        await registry.note_health(name, health)
        await registry.note_live(
            name, {"running": True, "pss_bytes": 231_000_000, "slots": {"video": [1, 2], "chat": [0, 4]}}
        )
        await registry.note_checkpoints(
            name,
            [
                {
                    "generation": 3 - age,
                    "taken_at": (now - timedelta(hours=age)).isoformat(),
                    "bytes": 41_300 + 90 * age,
                    "imported": False,
                }
                for age in range(3)
            ],
        )


async def _tasks(console: Console, site: Varied, callback_url: str) -> dict[str, str]:
    front = console.front
    called = [
        await front.create(prompt, aspect_ratio=ratio, resolution="720p", callback_url=callback_url)
        for prompt, ratio in PROMPTS[:3]
    ]
    for task in called:
        await front.until(task, "completed", within_s=WITHIN_S)
    declined, gave_up = await ask(console, DECLINED), await ask(console, GAVE_UP)
    for task in (declined, gave_up):
        await over(console, task, within_s=WITHIN_S)
    for prompt, ratio in reversed(PROMPTS):
        done = await ask(console, prompt, aspect_ratio=ratio, resolution="720p")
        await over(console, done, within_s=WITHIN_S)
    goes_on = [await running(console, number) for number in range(len(RUNNING))]
    site.slots = 2
    waiting = await ask(console, "one that waits for its place")
    return {"done": done, "declined": declined, "retried": gave_up, "running": goes_on[0], "waiting": waiting}


async def running(console: Console, number: int = 0) -> str:
    """The id of a task that has come as far as it will."""
    prompt, percent = RUNNING[number]
    task = await ask(console, prompt, aspect_ratio="16:9", resolution="720p")
    async with asyncio.timeout(WITHIN_S):
        while (await console.house.services.store.get(task)).progress != percent:
            await asyncio.sleep(0.05)
    return task


async def _pictures(console: Console) -> None:
    for prompt, size in PICTURES:
        buffer = io.BytesIO()
        Scene(size, prompt, "photographed").picture().save(buffer, "JPEG", quality=85)
        await console.house.services.media.add(
            buffer.getvalue(), kind=AssetKind.IMAGE, suffix=".jpg", media_type="image/jpeg", key_id="console",
            width=size[0], height=size[1], prompt=prompt,
        )  # fmt: skip


async def past(console: Console) -> None:
    """What ended within the last weeks, for the charts."""
    now, dice = datetime.now(UTC), random.Random(4)
    kinds = (
        ("video", "grok-imagine-1.0-video", "openai"),
        ("chat", "grok-auto", "chat"),
        ("image", "grok-imagine", "images"),
    )
    ended = []
    for hour in range(1, 24 * 20):
        for _ in range(dice.choice((0, 1, 2, 4)) if hour % 24 < 14 else 0):
            kind, model, dialect = dice.choices(kinds, (6, 3, 2))[0]
            well = dice.random() < 0.93
            took = dice.lognormvariate({"video": 3.7, "chat": 1.6, "image": 2.2}[kind], 0.3)
            one = Ended(
                now - timedelta(hours=hour, minutes=dice.randrange(60)), kind, "console", model, dialect, Outcome.SUCCEEDED,
                profile=dice.choice(("work", "resting")), took_s=took, waited_s=2, made=1, size_bytes=int(took * 60_000),
                output_s=6.0 if kind == "video" else 0.0,
            )  # fmt: skip
            code = dice.choice(("rate_limited", "content_moderated", "upstream_timeout"))
            ended.append(one if well else replace(one, outcome=Outcome.FAILED, code=code))
    async with console.house.db.write("tasks") as connection:
        await write_log(connection, ended)


async def other_nodes(console: Console) -> None:
    """One that works elsewhere, and one that fell silent."""
    registry = NodeRegistry(console.house.db)
    common = {"version": "0.1.0", "offers": [], "info": {}}
    for number, (name, role) in enumerate(((WORKER, "worker"), (SILENT, "all"), ("front-1", "api")), 2):
        row = {
            "id": name,
            "hostname": f"rack{number}",
            "address": f"http://10.0.0.{number}:8080",
            "role": role,
            **common,
        }
        await registry.join(row, check=lambda _: None)
    await registry.leave("front-1")
    async with console.house.db.write("nodes") as connection:
        long_ago = datetime.now(UTC) - timedelta(minutes=12)
        await connection.execute(update(nodes).where(nodes.c.id == SILENT).values(heartbeat_at=long_ago))
    await console.house.registry.add("night-shift", node=SILENT)


async def beating(console: Console) -> None:
    """Keep the other node alive, until cancelled."""
    registry = NodeRegistry(console.house.db)
    offer = ProfileOffer("resting", "ready", places={"video": Places(1, 2)})
    while True:
        await registry.beat(WORKER, offers=[offer], info={"running": 1})
        await asyncio.sleep(registry.beat_s)
