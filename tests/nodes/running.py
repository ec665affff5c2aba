"""Nodes on real sockets in this process, each with a data directory, profiles and a scripted site of its own; one PostgreSQL
and one S3 store between them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from browser.clearance import Cooldown
from browser.status import ProfileStatus, SlotCount
from gateway.app import begin_stop, create_app
from gateway.settings import Settings
from tests.front.scripted import Scripted
from tests.front.serving import Front, _Server

SECRET = "one secret for all nodes of these tests"


class NodeSite(Scripted):
    """A scripted site with one profile, named after its node, that also has places for chats and pictures."""

    def __init__(self, film: Path, name: str) -> None:
        super().__init__(film)
        self.name = name
        self.chat_places = 4
        self.image_places = 2
        self.cooldowns: Sequence[Cooldown] = ()

    def offers(self, kind: str) -> Any:
        return [] if kind != "video" else [o.__class__(self.name, o.account_id, o.free) for o in super().offers(kind)]

    def profiles(self) -> Sequence[ProfileStatus]:
        said: dict[str, Any] = dict.fromkeys(ProfileStatus.__slots__)
        places = {"video": self.slots, "chat": self.chat_places, "image": self.image_places}
        said |= {
            "name": self.name, "clearance": self.clearance, "reason": "", "since": datetime.now(UTC), "next_action": "",
            "account": {"id": f"acc-{self.name}"}, "cooldowns": tuple(self.cooldowns),
            "slots": {kind: SlotCount(0, total) for kind, total in places.items()},
        }  # fmt: skip
        return [ProfileStatus(**said)]


@dataclass
class Fleet:
    """Starts nodes that work together."""

    folder: Path
    database_url: str
    film: Path
    media: dict[str, Any]
    key: str = ""
    nodes: dict[str, Front] = field(default_factory=dict)

    @asynccontextmanager
    async def node(self, name: str, *, site: Any = None, **settings: Any) -> AsyncIterator[Front]:
        """Serve node *name* for the length of the block. site: None = a scripted one."""
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            port = listener.getsockname()[1]
            (self.folder / name).mkdir(exist_ok=True)
            said = Settings(
                data_dir=self.folder / name,
                _env_file=None,
                **{
                    "database_url": self.database_url, "secret_key": SECRET, "node_id": name, "port": port, "drain_s": 0.2,
                    **self.media, **settings,
                },
            )  # fmt: skip
            site = site or NodeSite(self.film, name)
            app = create_app(said, site=site.open)
            server = _Server(
                uvicorn.Config(
                    app,
                    lifespan="off",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=5,
                    ws_per_message_deflate=False,
                )
            )
            async with app.router.lifespan_context(app), asyncio.TaskGroup() as group:
                running = group.create_task(server.serve(sockets=[listener]))
                front = self.nodes[name] = Front(app, site, port)
                self.key = self.key or (await front.keys.create("tests"))[1]
                front.http.headers["authorization"] = f"Bearer {self.key}"
                try:
                    async with front.http:
                        yield front
                finally:
                    begin_stop(app)
                    server.should_exit = True
                    async with asyncio.timeout(60):
                        await running


async def until(what: Callable[[], bool], within_s: float = 60) -> None:
    async with asyncio.timeout(within_s):
        while not what():
            await asyncio.sleep(0.02)


async def sees(front: Front, name: str, kind: str = "chat") -> None:
    """Wait until the node knows that node *name* has places of that kind."""
    others = front.app.state.others
    await until(lambda: any(node.id == name for node in others.with_places(kind)))


async def sees_none(front: Front, name: str, kind: str = "chat") -> None:
    others = front.app.state.others
    await until(lambda: not any(node.id == name for node in others.with_places(kind)))


def ask(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "grok-4", "messages": [{"role": "user", "content": text}], **fields}


def said(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])
