"""What the site adapter needs of the pool, of other tasks and of the media inspector; the real ones fit as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from browser.clearance import Clearance, Cooldown, Verdict
from browser.transport import Transport


class Lease(Protocol):
    """A slot of a profile, as ``browser.pool`` lends it."""

    @property
    def profile(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def account(self) -> Mapping[str, str]: ...

    @property
    def transport(self) -> Transport: ...

    def report(self, verdict: Verdict) -> None: ...

    def cool(self, kind: str, until: datetime, reason: str) -> None: ...


class SlotCount(Protocol):
    @property
    def used(self) -> int: ...

    @property
    def total(self) -> int: ...


class ProfileStatus(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def clearance(self) -> Clearance: ...

    @property
    def reason(self) -> str: ...

    @property
    def account(self) -> Mapping[str, str]: ...

    @property
    def cooldowns(self) -> Sequence[Cooldown]: ...

    @property
    def slots(self) -> Mapping[str, SlotCount]: ...

    @property
    def running(self) -> bool: ...


class Pool(Protocol):
    """``browser.pool.Pool``, as far as it is used here."""

    def lease(
        self, kind: str, *, timeout_s: float, profile: str | None = None
    ) -> AbstractAsyncContextManager[Lease]: ...

    def free(self, kind: str) -> Sequence[str]: ...

    async def wait_changed(self, seen: int) -> int: ...

    def status(self) -> Sequence[ProfileStatus]: ...


class VideoFacts(Protocol):
    """What ``gateway.media.inspect.inspect_video`` tells. Pixels and seconds."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def duration_s(self) -> float: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def thumbnail_jpeg(self) -> bytes: ...


#: Blocks; raises InvalidMedia. Called in a thread.
InspectVideo: TypeAlias = Callable[[Path], VideoFacts]

#: (task id, ids at the site) → those of the ids that the steps of *other* tasks hold. Asked before a conversation, post or
#: video that we did not see being made is taken for ours.
ClaimedElsewhere: TypeAlias = Callable[[str, Collection[str]], Awaitable[Collection[str]]]

#: Task id → ``VideoResult.upstream`` of that finished task, for extensions. Raises TaskNotFound.
UpstreamOf: TypeAlias = Callable[[str], Awaitable[Mapping[str, Any]]]

#: (profile, generation) → kept, so that a restart need not learn again which generation the site takes from it.
RememberGeneration: TypeAlias = Callable[[str, str], None]

#: (profile, outcome) → counted: ``ok``, or the row of the classifier that an answer of the site fell into.
SawOutcome: TypeAlias = Callable[[str, str], None]

#: (profile, its quota hints by kind as plain JSON) → kept, for the operator to see.
RememberQuota: TypeAlias = Callable[[str, Mapping[str, Any]], None]


async def nothing_claimed(_task_id: str, _ids: Collection[str]) -> Collection[str]:
    """A ClaimedElsewhere for when nobody else can hold anything."""
    return ()
