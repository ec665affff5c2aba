"""Who of the nodes is at work, by their last signs of life and the database's clock."""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists

from gateway.db.connect import Database
from gateway.db.tables import nodes


def beat_s(dialect: str) -> float:
    """Seconds between two signs of life."""
    # On SQLite all nodes are processes of one machine: they need not find each other fast, and each beat is a sync.
    return 3.0 if dialect == "postgresql" else 10.0


def stale_s(dialect: str) -> float:
    """Silence after which a node counts as gone."""
    return 12.0 if dialect == "postgresql" else 30.0


def is_at_work(db: Database, node: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the node that *node* names is at work as far as anybody can know."""
    heard_lately = nodes.c.heartbeat_at > db.clock.now(-stale_s(db.dialect))
    return exists().where(nodes.c.id == node, nodes.c.left_at.is_(None), heard_lately)
