"""Which node this is. Profiles are directories, so they belong to the node whose data directory holds them."""

from __future__ import annotations

import os
import re
import secrets
import socket
from pathlib import Path

from sqlalchemy import delete, select, update

from gateway.db.connect import Database
from gateway.db.tables import nodes, profiles
from gateway.errors import StartRefused

NODE_FILE = "node"
_UNFIT = re.compile(r"[^a-z0-9-]+")


def node_id(data_dir: Path, preferred: str = "") -> str:
    """Return the name of the node that owns *data_dir*; made once (*preferred*, if said) and kept in its file `NODE_FILE`.

    It is not the host's name alone: a data directory moved to another machine takes its profiles along, and a container
    made anew has another host name but the same volume.
    """
    place = data_dir / NODE_FILE
    try:
        if known := place.read_text("ascii").strip():
            return known
    except FileNotFoundError:
        pass
    made = (
        preferred or f"{_UNFIT.sub('-', socket.gethostname().lower())[:30].strip('-') or 'node'}-{secrets.token_hex(3)}"
    )
    part = _written(place, made)
    try:
        os.link(part, place)  # exactly one of several that start at once wins
    except FileExistsError:
        return place.read_text("ascii").strip()
    finally:
        part.unlink()
    return made


async def node_of(db: Database, profile: str) -> str | None:
    """Return the node that has the profile, None when there is no such profile."""
    async with db.read() as connection:
        found: str | None = (
            await connection.execute(select(profiles.c.node_id).where(profiles.c.name == profile))
        ).scalar_one_or_none()
    return found


async def take_name(db: Database, data_dir: Path, preferred: str) -> str:
    """Return this node's name, changed to *preferred* where that is another than before: its profiles come along.

    For the one process that works with the data directory. Raises StartRefused when another node has that name.
    """
    before = node_id(data_dir, preferred)
    if not preferred or preferred == before:
        return before
    async with db.write() as connection:
        taken = select(profiles.c.name).where(profiles.c.node_id == preferred).limit(1)
        if (await connection.execute(taken)).first() is not None:
            raise StartRefused(
                f"GATEWAY_NODE_ID={preferred} is the name of another node, which has profiles; this one was {before} so far."
            )
        await connection.execute(update(profiles).where(profiles.c.node_id == before).values(node_id=preferred))
        await connection.execute(delete(nodes).where(nodes.c.id == before))
    _written(data_dir / NODE_FILE, preferred).replace(data_dir / NODE_FILE)
    return preferred


def _written(place: Path, name: str) -> Path:
    """Write *name* beside *place*."""
    part = place.with_name(f"node.{os.getpid()}.part")
    part.write_text(name + "\n", "ascii")
    return part
