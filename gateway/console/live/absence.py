"""Why there is nothing to look at: the profile of that name is not in a pool of this node."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gateway.profiles.model import Profile


class Absence(StrEnum):
    """The reasons; each has its words (``live.absent_…``) and one thing to do."""

    NONE = "none"
    LEAVING = "leaving"
    AWAY = "away"  # its node is not at work
    SILENT = "silent"  # its node is at work and cannot be reached from here
    PROXY = "proxy"
    NO_BROWSERS = "no_browsers"
    SOON = "soon"


#: Where it is an error; everywhere else the page is as it should be.
STATUS: Mapping[Absence, int] = {Absence.NONE: 404, Absence.AWAY: 503, Absence.SILENT: 503}


def absence_of(row: Profile | None, *, node: str, has_browsers: bool) -> Absence:
    """Return why node *node* does not show the profile, asked when its pool does not know it. row: None when there is none."""
    if row is None:
        return Absence.NONE
    if row.removed_at is not None:
        return Absence.LEAVING
    if row.node_id != node:  # it would have been asked otherwise
        return Absence.AWAY if row.away else Absence.SILENT
    if row.proxy_unreadable:
        return Absence.PROXY
    return Absence.SOON if has_browsers else Absence.NO_BROWSERS
