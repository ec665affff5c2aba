"""A profile goes to live on another node: its sign-in travels sealed, as it lies on disk, and opens there with the same secret.

The node that takes it does the work: it asks the owner (in the profile's row) to give the browser up, which saves a last copy;
fetches the copies; and only then makes the row its own, in one transaction. The tasks tied to the account go on here. Until
that transaction nothing has happened; after it the old node removes what it has.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import structlog
from sqlalchemy import update

from browser.errors import CheckpointUnreadable
from gateway.auth.secret import Purpose, Secret
from gateway.db.connect import Database
from gateway.db.tables import profiles
from gateway.errors import InvalidRequest, NoProfileReady, NotFound
from gateway.nodes.client import CONNECT_S, NodeClient
from gateway.nodes.neighbours import Neighbours
from gateway.nodes.signing import Signer
from gateway.profiles.errors import UnknownProfile
from gateway.profiles.model import Profile
from gateway.profiles.places import copies_of, directory_of
from gateway.profiles.registry import TOPIC, Registry
from gateway.settings import Role, Settings

log = structlog.get_logger(__name__)

#: The owner drains what runs (20 s) and closes the browser within this.
GIVEN_UP_WITHIN_S = 90.0
ASK_AGAIN_S = 20.0
LOOK_EVERY_S = 0.25
_COPY = re.compile(r"\d{8}(\.import)?\.sealed")


class NotMoved(InvalidRequest):
    """Why the profile stays where it is, and what to do."""

    code = "profile_not_moved"


class Moves:
    """The moves to and from this node."""

    def __init__(
        self,
        settings: Settings,
        secret: Secret,
        db: Database,
        node: str,
        *,
        others: Neighbours,
        client: NodeClient,
        signer: Signer,
    ) -> None:
        self._settings = settings
        self._secret = secret
        self._db = db
        self._others = others
        self._client = client
        self._signer = signer
        self._registry = Registry(db, node=node, proxy_key=secret.key(Purpose.PROXIES))

    async def copies(self, name: str) -> Mapping[str, str]:
        """The sealed copies of a profile that this node has given up, by file name, in base64. Raises NotMoved, NotFound."""
        profile = await self._profile(name)
        if profile.node_id != self._registry.node or profile.released_at is None:
            raise NotMoved(f"node {self._registry.node} has not given up profile {name}")
        return await asyncio.to_thread(_read_copies, directory_of(self._settings, name).checkpoints)

    async def take(self, name: str) -> Mapping[str, Any]:
        """Bring the profile here. Raises NotMoved, NotFound; then it goes on where it is."""
        if self._settings.role is Role.API:
            raise NotMoved(f"node {self._registry.node} has no browsers (GATEWAY_ROLE=api)")
        profile = await self._profile(name)
        owner = profile.node_id
        if owner == self._registry.node:
            raise NotMoved(f"profile {name} lives on node {owner} already")
        node = self._others.find(owner)
        if node is None:
            raise NotMoved(f"node {owner}, which has profile {name}, is not at work: gateway profile adopt {name}")
        by = f"move to {self._registry.node}"
        try:
            await self._given_up(name, by)
            copies = await self._fetch(node.id, node.address, name)
            await asyncio.to_thread(self._keep, name, copies)
            await self._make_ours(name, owner)
        except BaseException:
            await self._registry.end_release(name)
            raise
        log.info("profile moved here", profile=name, came_from=owner, copies=len(copies))
        return {"profile": name, "from": owner, "to": self._registry.node, "copies": len(copies)}

    async def _profile(self, name: str) -> Profile:
        try:
            return await self._registry.get(name)
        except UnknownProfile as exc:
            raise NotFound(str(exc)) from None

    async def _given_up(self, name: str, by: str) -> None:
        """Wait until the owner's browser is closed and its last copy is written."""
        give_up_at, ask_at = time.monotonic() + GIVEN_UP_WITHIN_S, 0.0
        while True:
            if time.monotonic() >= ask_at:
                await self._registry.request_release(name, by=by, for_s=2 * ASK_AGAIN_S)
                ask_at = time.monotonic() + ASK_AGAIN_S
            profile = await self._registry.get(name)
            if profile.release_requested_by != by:
                raise NotMoved(
                    f"profile {name} is needed by somebody else now ({profile.release_requested_by}); try again later"
                )
            if profile.released_at is not None:
                return
            if time.monotonic() > give_up_at:
                raise NotMoved(
                    f"node {profile.node_id} has not given up profile {name} within {GIVEN_UP_WITHIN_S:.0f} s"
                )
            await asyncio.sleep(LOOK_EVERY_S)

    async def _fetch(self, node: str, address: str, name: str) -> Mapping[str, bytes]:
        path = f"/node/v1/profiles/{name}/copies"
        client = await self._client.opened()
        try:
            answer = await client.get(
                address + path,
                headers=self._signer.sign("GET", path, to=node, body=b""),
                timeout=httpx2.Timeout(30, connect=CONNECT_S),
            )
            said = answer.json()
            if answer.status_code != 200:
                raise NotMoved(str(said["error"]["message"]))
            copies = {file: base64.b64decode(data) for file, data in said.items() if _COPY.fullmatch(file)}
        except (httpx2.HTTPError, json.JSONDecodeError, binascii.Error, KeyError) as exc:
            raise NoProfileReady(f"node {node} cannot be reached at {address}: {exc}", retry_after_s=5) from exc
        if not copies:
            raise NotMoved(
                f"node {node} has no copy of the sign-in of profile {name}: it was never signed in there; add it here instead"
            )
        return copies

    def _keep(self, name: str, copies: Mapping[str, bytes]) -> None:
        directory = directory_of(self._settings, name)
        directory.create()
        for file, sealed in copies.items():
            part = directory.checkpoints / f"{file}.part"
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "wb") as out:
                out.write(sealed)
                out.flush()
                os.fsync(out.fileno())
            part.replace(directory.checkpoints / file)
        store = copies_of(self._settings, self._secret, name)
        try:
            store.read(store.list()[0])
        except CheckpointUnreadable as exc:
            raise NotMoved(f"the copy that came cannot be opened here: {exc}") from exc

    async def _make_ours(self, name: str, owner: str) -> None:
        if not await make_ours(self._db, name, owner=owner, node=self._registry.node):
            raise NotMoved(f"profile {name} was changed meanwhile; try again")
        await self._registry.log(name, "moved", {"from": owner, "to": self._registry.node})


async def make_ours(db: Database, name: str, *, owner: str, node: str, **also: Any) -> bool:
    """Let the profile live on *node*, which verifies it next; False when it is not *owner*'s any more."""
    now = datetime.now(UTC)
    async with db.write(TOPIC) as connection:
        changed = await connection.execute(
            update(profiles)
            .where(profiles.c.name == name, profiles.c.node_id == owner)
            .values(
                node_id=node,
                release_requested_by=None,
                release_until=None,
                released_at=None,
                check_requested_at=now,
                revision=profiles.c.revision + 1,
                updated_at=now,
                **also,
            )
        )
    return changed.rowcount == 1


def _read_copies(folder: Path) -> dict[str, str]:
    if not folder.is_dir():
        return {}
    return {
        path.name: base64.b64encode(path.read_bytes()).decode()
        for path in sorted(folder.iterdir())
        if _COPY.fullmatch(path.name)
    }
