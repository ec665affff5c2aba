"""What most commands work with: the data directory, the secret, the database and the profiles in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gateway.auth.audit import Audit
from gateway.auth.secret import Purpose, Secret, load_secret
from gateway.cli.failures import CommandError
from gateway.cli.logs import quiet
from gateway.cli.options import chosen
from gateway.db.connect import Database
from gateway.profiles.node import node_id
from gateway.profiles.registry import Registry
from gateway.settings import Settings

T = TypeVar("T")
#: Who does what is done here, in the audit log.
ACTOR = "command line"


@dataclass(frozen=True, slots=True)
class House:
    """Everything open. Gone when the block of `open_house` ends."""

    settings: Settings
    secret: Secret
    db: Database
    profiles: Registry

    async def write_down(self, action: str, target: str = "", **data: Any) -> None:
        """Add a line to the audit log, under the same words as the console's: ``area.verb``, on what."""
        await Audit(self.db).write(ACTOR, action, target, **data)


@asynccontextmanager
async def open_house(settings: Settings) -> AsyncIterator[House]:
    """Make what is missing (directory, secret, tables) and open the rest."""
    make_data_dir(settings.data_dir)
    secret = load_secret(settings)
    node = node_id(settings.data_dir, settings.node_id)
    async with Database.open(settings.effective_database_url, bus_url=settings.bus_url) as db:
        profiles = Registry(db, node=node, proxy_key=secret.key(Purpose.PROXIES))
        yield House(settings=settings, secret=secret, db=db, profiles=profiles)


def make_data_dir(data_dir: Path) -> None:
    """Make the data directory, for its owner only: it holds sign-ins."""
    if data_dir.is_dir():
        return
    try:
        data_dir.mkdir(parents=True, mode=0o700)
    except OSError as exc:
        reason = "a file is in the way" if data_dir.exists() else (exc.strerror or str(exc)).lower()
        raise CommandError(
            "bad_data_dir", f"the data directory {data_dir} cannot be made ({reason}); choose another --data-dir"
        ) from None


def in_house(work: Callable[[House], Coroutine[Any, Any, T]], data_dir: Path | None = None) -> T:
    """Run *work* with everything open, and return what it returns."""
    settings = chosen.settings(data_dir)
    quiet(settings)

    async def run() -> T:
        async with open_house(settings) as house:
            return await work(house)

    return asyncio.run(run())
