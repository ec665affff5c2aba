"""Which node this is. Profiles are directories, so they belong to the node whose data directory holds them."""

from __future__ import annotations

import os
import re
import secrets
import socket
from pathlib import Path

NODE_FILE = "node"
_UNFIT = re.compile(r"[^a-z0-9-]+")


def node_id(data_dir: Path) -> str:
    """Return the name of the node that owns *data_dir*; made once and kept in its file `NODE_FILE`.

    It is not the host's name alone: a data directory moved to another machine takes its profiles along, and a container
    made anew has another host name but the same volume.
    """
    place = data_dir / NODE_FILE
    try:
        if known := place.read_text("ascii").strip():
            return known
    except FileNotFoundError:
        pass
    made = f"{_UNFIT.sub('-', socket.gethostname().lower())[:30].strip('-') or 'node'}-{secrets.token_hex(3)}"
    part = place.with_name(f"node.{os.getpid()}.part")
    part.write_text(made + "\n", "ascii")
    try:
        os.link(part, place)  # exactly one of several that start at once wins
    except FileExistsError:
        return place.read_text("ascii").strip()
    finally:
        part.unlink()
    return made
