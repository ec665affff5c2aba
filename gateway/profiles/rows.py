"""From rows of ``profiles`` to what is known of each profile, as one node sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, select

from browser.clearance import Clearance
from gateway.db.clock import Clock
from gateway.db.node_life import is_at_work
from gateway.db.tables import profiles
from gateway.profiles.errors import ProxyUnreadable
from gateway.profiles.model import Profile, cooldowns_from_json
from gateway.profiles.sealing import masked, unseal


def wanted_rows(clock: Clock) -> Select[Any]:
    """The rows, each with whether its node is at work, and the time."""
    at_work = is_at_work(clock, profiles.c.node_id).label("node_at_work")
    return select(profiles, at_work, clock.now().label("now"))


def _clearance_of(word: str) -> Clearance:
    """The state of a profile; one that only a later version knows is not READY here, and its own node looks again."""
    return next((one for one in Clearance if one.value == word), Clearance.VERIFYING)


def profile_of(row: Row[Any], *, node: str, proxy_key: bytes) -> Profile:
    """One row of `wanted_rows`, as *node* sees it."""
    shown, unreadable = None, False
    if row.proxy is not None:
        try:
            shown = masked(unseal(row.proxy, proxy_key, bound_to=row.name))
        except ProxyUnreadable:
            shown, unreadable = "unreadable", True
    return Profile(
        name=row.name,
        node_id=row.node_id,
        away=row.node_id != node and not row.node_at_work,
        sealed_proxy=row.proxy,
        shown_proxy=shown,
        proxy_unreadable=unreadable,
        enabled=row.enabled,
        clearance=_clearance_of(row.clearance),
        reason=row.reason or "",
        since=row.since,
        account_id=row.account_id,
        account=row.account or {},
        cooldowns=cooldowns_from_json(row.cooldowns),
        capabilities=row.capabilities or {},
        protocol=row.protocol,
        quota=row.quota or {},
        health=row.health or {},
        egress=row.egress or {},
        checkpoints=row.checkpoints or (),
        live=row.live or {},
        restore_generation=row.restore_generation,
        revision=row.revision,
        check_requested_at=row.check_requested_at,
        checked_at=row.checked_at,
        release_requested_by=row.release_requested_by,
        # Meant by the database's clock, compared with this machine's.
        release_until=row.release_until and row.release_until + (datetime.now(UTC) - row.now),
        released_at=row.released_at,
        removed_at=row.removed_at,
        last_checkpoint_at=row.last_checkpoint_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
