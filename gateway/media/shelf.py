"""What lies in the media store, to look through: by kind, newest first; and everything that belongs to a task."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal, or_, select, tuple_

from gateway.db.columns import Instant
from gateway.db.connect import Database
from gateway.db.tables import assets
from gateway.media.assets import Asset, AssetKind, kind_of

_COLUMNS = [assets.c[name] for name in Asset.__slots__]
Place = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files; None and empty mean any. since, until: made from then on, and before then."""

    kinds: frozenset[AssetKind] = frozenset({AssetKind.VIDEO, AssetKind.IMAGE})
    key_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Shelf:
    """Reads of the ``assets`` table."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def newest(
        self, wanted: Wanted, *, limit: int, after: Place | None = None
    ) -> tuple[Sequence[Asset], Place | None]:
        """Return up to *limit* files that came before the place *after*, and where the next ones begin (None at the end).

        Pictures without words are left out: they are the same ones in another format, for one client.
        """
        order = (assets.c.created_at.desc(), assets.c.id.desc())
        shown: list[ColumnElement[bool]] = [or_(assets.c.kind != AssetKind.IMAGE.value, assets.c.prompt.is_not(None))]
        if wanted.key_id is not None:
            shown.append(assets.c.key_id == wanted.key_id)
        if wanted.since is not None:
            shown.append(assets.c.created_at >= wanted.since)
        if wanted.until is not None:
            shown.append(assets.c.created_at < wanted.until)
        if after is not None:
            shown.append(
                tuple_(assets.c.created_at, assets.c.id) < tuple_(literal(after[0], Instant), literal(after[1]))
            )
        found: list[Asset] = []
        async with self._db.read() as connection:
            for kind in sorted(wanted.kinds):  # each by itself is a walk along one index
                chosen = select(*_COLUMNS).where(assets.c.kind == kind.value, *shown).order_by(*order).limit(limit + 1)
                found += [_asset(row) for row in await connection.execute(chosen)]
        found.sort(key=_place, reverse=True)
        page = found[:limit]
        return page, _place(page[-1]) if len(found) > limit else None

    async def of_tasks(self, task_ids: Collection[str]) -> Sequence[Asset]:
        """Everything kept for these tasks: results, previews, pictures that came with them."""
        chosen = (
            select(*_COLUMNS).where(assets.c.task_id.in_(list(task_ids))).order_by(assets.c.created_at, assets.c.id)
        )
        async with self._db.read() as connection:
            return [_asset(row) for row in await connection.execute(chosen)]

    async def some(self, asset_ids: Collection[str]) -> Sequence[Asset]:
        """Those of the files that are still kept."""
        if not asset_ids:
            return []
        async with self._db.read() as connection:
            rows = await connection.execute(select(*_COLUMNS).where(assets.c.id.in_(list(asset_ids))))
            return [_asset(row) for row in rows]


def _place(asset: Asset) -> Place:
    assert asset.created_at is not None
    return asset.created_at, asset.id


def _asset(row: object) -> Asset:
    known = {name: getattr(row, name) for name in Asset.__slots__}
    return Asset(**{**known, "kind": kind_of(known["kind"])})
