"""The filters of a list of tasks as they stand in an address, so that what one sees can be sent to somebody. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from gateway.tasks.states import State
from gateway.tasks.store import Filter

#: Words for several states at once.
ACTIVE = "active"
GROUPS: Mapping[str, frozenset[State]] = {
    ACTIVE: frozenset({State.QUEUED, State.RUNNING}),
    **{state.value: frozenset({state}) for state in State},
}
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class TaskFilters:
    """What was chosen; '' is no choice. day: ``2026-11-03`` (UTC)."""

    q: str = ""
    status: str = ""
    profile: str = ""
    key: str = ""
    dialect: str = ""
    model: str = ""
    day: str = ""
    after: str = ""

    @property
    def chosen(self) -> bool:
        """Whether anything is filtered."""
        return replace(self, after="") != TaskFilters()

    def address(self, path: str, **changed: str) -> str:
        """Return *path* with these filters, some of them changed."""
        now = replace(self, **changed)
        said = {name: getattr(now, name) for name in self.__slots__ if getattr(now, name)}
        return f"{path}?{urlencode(said)}" if said else path

    def to_filter(self) -> Filter:
        since = self._day()
        return Filter(
            key_id=self.key or None,
            states=GROUPS.get(self.status, frozenset()),
            dialects=frozenset({self.dialect}) if self.dialect else frozenset(),
            profile=self.profile or None,
            search=self.q or None,
            model=self.model or None,
            since=since,
            until=None if since is None else since + timedelta(days=1),
        )

    def _day(self) -> datetime | None:
        try:
            chosen = date.fromisoformat(self.day)
        except ValueError:
            return None
        return datetime(chosen.year, chosen.month, chosen.day, tzinfo=UTC)


def read_filters(params: Mapping[str, str]) -> TaskFilters:
    """Read an address. What is no choice of ours counts as none."""
    said = {name: params.get(name, "").strip()[:LONGEST_SEARCH] for name in TaskFilters.__slots__}
    filters = TaskFilters(**said)
    if filters.status not in GROUPS:
        filters = replace(filters, status="")
    return filters if filters._day() is not None else replace(filters, day="")
