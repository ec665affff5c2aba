"""Files on their way to a file chooser of a page: uploaded first, then given by their names. In memory, for minutes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from browser.live.asked import OfferedFile
from gateway.errors import InvalidRequest

LIMIT_BYTES = 25 * 1024 * 1024
#: All files that wait, of all profiles.
ALL_BYTES = 100 * 1024 * 1024
KEPT_S = 300.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    profile: str
    file: OfferedFile
    until: float


class LiveFiles:
    """Keeps uploads until they are given to a page, or forgotten."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}

    def put(self, profile: str, file: OfferedFile) -> str:
        """Keep a file and return its name here. Raises InvalidRequest when too many wait."""
        now = time.monotonic()
        self._waiting = {name: one for name, one in self._waiting.items() if one.until > now}
        if sum(len(one.file.data) for one in self._waiting.values()) + len(file.data) > ALL_BYTES:
            raise InvalidRequest("Too many files wait for a page; give or cancel the ones before.")
        name = secrets.token_urlsafe(12)
        self._waiting[name] = _Waiting(profile, file, now + KEPT_S)
        return name

    def take(self, profile: str, names: Sequence[str]) -> list[OfferedFile]:
        """Return files of this profile and forget them; unknown names are left out."""
        found = []
        for name in names:
            one = self._waiting.get(name)
            if one is not None and one.profile == profile:
                del self._waiting[name]
                found.append(one.file)
        return found
