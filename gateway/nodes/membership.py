"""This node among the others: it joins when nothing speaks against it, gives signs of life, and says when it leaves."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog

from gateway.db.beside import beside
from gateway.db.connect import Database
from gateway.db.one_host import this_host
from gateway.errors import GatewayError, StartRefused
from gateway.nodes.addresses import leads_home
from gateway.nodes.model import Node, ProfileOffer
from gateway.nodes.registry import NodeRegistry
from gateway.settings import Role

log = structlog.get_logger(__name__)

#: What changes quickly (free places) is told at most so often.
SPACING_S = 0.25
LAST_WORD_S = 3.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this node is. store: which media store it keeps files in; secret: mark of its secret key, which tells nothing of it.
    home: its data directory, told from all others by kernel, device and number.
    """

    id: str
    role: Role
    address: str
    store: str
    secret: str
    home: str


class Membership:
    """Made by `join`. *offers* and *facts* are asked at every beat; until `begin_telling` there are none."""

    def __init__(self, registry: NodeRegistry, identity: Identity, *, told_at_once: bool) -> None:
        self.registry = registry
        self.id = identity.id
        self._identity = identity
        self._told_at_once = told_at_once
        self._offers: Callable[[], Sequence[ProfileOffer]] = tuple
        self._facts: Callable[[], Mapping[str, Any]] = dict
        self._leaving = False
        self._news = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def join(cls, db: Database, identity: Identity) -> AsyncIterator[Membership]:
        """Belong to the nodes of this database for the length of the block. Raises StartRefused with what to change."""
        registry = NodeRegistry(db)
        here = this_host()
        row: dict[str, Any] = {
            "id": identity.id,
            "hostname": here["name"],
            "address": identity.address,
            "role": identity.role.value,
            "version": version("grok-gateway"),
            "info": cls._info(identity),
            "offers": [],
        }

        def check(others: Sequence[Node]) -> None:
            live = [node for node in others if node.is_live(registry.stale_s)]
            refuse(identity, live, registry.stale_s)
            if leads_home(identity.address) and any(node.info.get("machine") != here["boot"] for node in live):
                log.warning("other nodes cannot reach this one", address=identity.address, set="GATEWAY_NODE_URL")

        await registry.join(row, check=check)
        member = cls(registry, identity, told_at_once=db.dialect == "postgresql")
        async with beside(member._beat()):
            try:
                yield member
            finally:
                await member.leave()

    def begin_telling(
        self, offers: Callable[[], Sequence[ProfileOffer]], facts: Callable[[], Mapping[str, Any]]
    ) -> None:
        """From now on say what the profiles can do. facts: ``running`` (tasks), ``modes`` (of chats)."""
        self._offers, self._facts = offers, facts
        self._news.set()

    async def watch(self, wait_changed: Callable[[int], Awaitable[int]]) -> None:
        """Tell changes of the profiles as they come, until cancelled."""
        seen = -1
        while True:
            seen = await wait_changed(seen)
            if self._told_at_once:  # elsewhere the next beat is soon enough
                self._news.set()

    async def leave_on(self, stopping: asyncio.Event) -> None:
        """Leave as soon as the gateway begins to stop, while it still finishes what it has."""
        await stopping.wait()
        await self.leave()

    async def leave(self) -> None:
        """Tell the others that nothing may be passed on to here any more. What is at work goes on."""
        if self._leaving:
            return
        self._leaving = True
        with suppress(GatewayError, TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await self.registry.leave(self.id)

    async def _beat(self) -> None:
        told: Sequence[ProfileOffer] = ()
        while not self._leaving:
            offers = self._offers()
            try:
                await self.registry.beat(
                    self.id,
                    offers=offers,
                    info=self._info(self._identity) | dict(self._facts()),
                    tell=_differ(told, offers),
                )
                told = offers
            except GatewayError as exc:
                log.warning("sign of life not written", reason=exc.message)
            await asyncio.sleep(SPACING_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.registry.beat_s - SPACING_S):
                    await self._news.wait()
            self._news.clear()

    @staticmethod
    def _info(identity: Identity) -> dict[str, Any]:
        return {
            "store": identity.store,
            "secret": identity.secret,
            "home": identity.home,
            "machine": this_host()["boot"],
            "pid": os.getpid(),
        }


def home_of(data_dir: Path) -> str:
    """Tell one data directory from another, under whatever path it is mounted."""
    found = data_dir.stat()
    return f"{this_host()['boot']}:{found.st_dev}:{found.st_ino}"


def refuse(identity: Identity, others: Sequence[Node], stale_s: float) -> None:
    """Raise StartRefused when this node cannot work with the *others*, all of them alive."""
    for node in others:
        if node.id == identity.id:
            if node.info.get("home") != identity.home:  # in its own one it was here itself, and died
                raise StartRefused(
                    f"A node named {node.id} is at work on {node.hostname} (last sign of life {node.age_s:.0f} s ago): give "
                    f"each node its own GATEWAY_NODE_ID; if it was moved here, start again in {stale_s:.0f} s."
                )
            continue
        if node.info.get("secret") != identity.secret:
            raise StartRefused(
                f"Node {node.id} on {node.hostname} works on this database with another secret key: set GATEWAY_SECRET_KEY (or "
                "GATEWAY_SECRET_KEY_FILE) to the same text on every node, for instance the content of its secret.key."
            )
        if node.info.get("store") != identity.store:
            raise StartRefused(
                f"Node {node.id} on {node.hostname} keeps files elsewhere ({_place(node.info.get('store'))}; here: "
                f"{_place(identity.store)}): with several nodes set GATEWAY_MEDIA_URL=s3://BUCKET/PREFIX, the same on each."
            )


def _place(store: object) -> str:
    """Where files are, for people: a directory is known by the mark in it."""
    text = str(store or "unknown")
    return "a directory of its own" if text.startswith("file:") else text


def _differ(before: Sequence[ProfileOffer], now: Sequence[ProfileOffer]) -> bool:
    """Whether others must know at once: a profile that can begin something could not, or the other way round."""

    def gist(offers: Sequence[ProfileOffer]) -> dict[str, object]:
        return {
            o.name: (o.clearance, sorted(o.rests), {kind: p.free > 0 for kind, p in o.places.items()}) for o in offers
        }

    return gist(before) != gist(now)
