"""Who of the nodes is at work, by their last signs of life and the database's clock."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists

from gateway.db.clock import Clock
from gateway.db.tables import nodes, profiles


def beat_s(dialect: str) -> float:
    """Seconds between two signs of life."""
    # On SQLite all nodes are processes of one machine: they need not find each other fast, and each beat is a sync.
    return 3.0 if dialect == "postgresql" else 10.0


def stale_s(dialect: str) -> float:
    """Silence after which a node counts as gone."""
    return 12.0 if dialect == "postgresql" else 30.0


def is_at_work(clock: Clock, node: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the node that *node* names is at work as far as anybody can know."""
    return exists().where(nodes.c.id == node, _lives(clock))


def has_no_node(clock: Clock, profile: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the node of the profile that *profile* names has stopped or is silent; false of what nobody has heard of."""
    return exists().where(profiles.c.name == profile, nodes.c.id == profiles.c.node_id, ~_lives(clock))


def _lives(clock: Clock) -> ColumnElement[bool]:
    return and_(nodes.c.left_at.is_(None), nodes.c.heartbeat_at > clock.now(-stale_s(clock.dialect)))
