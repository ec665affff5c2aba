"""What the site says is left, kept as hints for the operator: a refusal is the truth, a number is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.errors import GatewayError, RateLimited, UpstreamRefused
from gateway.grok.client import GrokClient
from gateway.grok.exchange import refusal_of
from gateway.grok.ports import RememberQuota
from gateway.grok.wire.fields import integer, mapping, moment, number, truth
from gateway.grok.wire.limits import QuotaLine

#: A moment further away than this is not believed.
LONGEST_WAIT = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class QuotaHint:
    """One kind's line, and when the site told it. media: it is one of the lines for pictures and videos."""

    kind: str
    line: QuotaLine
    told_at: datetime
    media: bool = False

    def age_s(self, now: datetime) -> float:
        return (now - self.told_at).total_seconds()


class QuotaBook:
    """The latest hints by profile and kind (``video``, ``video720p``, ``image`` …, and the chat models asked about).

    known: what was remembered of each profile; remember: told what to keep whenever the site said something new.
    """

    def __init__(
        self, known: Mapping[str, Mapping[str, Any]] | None = None, *, remember: RememberQuota | None = None
    ) -> None:
        self._hints = {profile: hints_from_json(stored) for profile, stored in (known or {}).items()}
        self._remember = remember
        self._asked_at: dict[str, datetime] = {}
        self._stale: set[str] = set()

    def of(self, profile: str) -> Mapping[str, QuotaHint]:
        return self._hints.get(profile, {})

    def outdated(self, profile: str) -> None:
        """Something happened that changed the numbers, or may have."""
        self._stale.add(profile)

    def forget(self, profile: str) -> None:
        """The profile is gone, or another account's now."""
        self._hints.pop(profile, None)
        self._asked_at.pop(profile, None)
        self._stale.add(profile)

    def due(self, profile: str, now: datetime, *, every_s: float) -> bool:
        """Whether the site should be asked: something changed, and it was not asked lately (also before a restart)."""
        told = [hint.told_at for hint in self.of(profile).values()]
        asked_at = max([*told, *filter(None, [self._asked_at.get(profile)])], default=None)
        return profile in self._stale and (asked_at is None or not 0 <= (now - asked_at).total_seconds() < every_s)

    async def ask(self, client: GrokClient, *, models: tuple[str, ...] = (), timeout_s: float = 15.0) -> None:
        """Ask for the media lines, and for the line of each of *models*. Raises GatewayError.

        A line that the site refuses to tell is left as it was; the others are asked for all the same.
        """
        profile = client.lease.profile
        self._asked_at[profile] = datetime.now(UTC)
        self._stale.discard(profile)
        refused: UpstreamRefused | None = None
        try:
            self._keep(profile, await client.imagine_quota(timeout_s=timeout_s), media=True)
        except UpstreamRefused as exc:
            refused = exc
        for model in models:
            try:
                self._keep(profile, {model: await client.rate_limits(model)})
            except UpstreamRefused as exc:
                refused = exc
        if refused is not None:
            raise refused

    def _keep(self, profile: str, lines: Mapping[str, QuotaLine], *, media: bool = False) -> None:
        now = datetime.now(UTC)
        hints = self._hints.setdefault(profile, {})
        if media:  # a line that is null now is no limit any more
            for kind in [kind for kind, hint in hints.items() if hint.media and kind not in lines]:
                del hints[kind]
        hints.update({kind: QuotaHint(kind, line, now, media) for kind, line in lines.items()})
        if self._remember is not None:
            self._remember(profile, hints_to_json(hints))


def hints_to_json(hints: Mapping[str, QuotaHint]) -> dict[str, dict[str, Any]]:
    """Return *hints* by kind as plain JSON; what the site did not say is left out."""
    stored = {}
    for kind, hint in hints.items():
        line = asdict(hint.line) | {"told_at": hint.told_at, "media": hint.media or None}
        stored[kind] = {
            key: value.isoformat() if isinstance(value, datetime) else value
            for key, value in line.items()
            if value is not None
        }
    return stored


def hints_from_json(stored: Mapping[str, Any]) -> dict[str, QuotaHint]:
    """Return what `hints_to_json` wrote; what cannot be read is left out."""
    found = {}
    for kind in stored:
        entry = mapping(stored, kind)
        if (told_at := moment(entry.get("told_at"))) is not None:
            line = QuotaLine(
                remaining=integer(entry, "remaining"),
                total=integer(entry, "total"),
                window_s=integer(entry, "window_s"),
                wait_s=number(entry, "wait_s"),
                next_at=moment(entry.get("next_at")),
                available=truth(entry, "available") if "available" in entry else None,
            )
            found[kind] = QuotaHint(kind, line, told_at, truth(entry, "media"))
    return found


async def with_known_end(
    book: QuotaBook, client: GrokClient, limited: RateLimited, kinds: tuple[str, ...]
) -> RateLimited:
    """Return *limited* with the moment the quota comes back, when the refusal named none and the site's quota does.

    kinds: the quota lines that the refused work draws on. What the lease rests for it then rests until that moment.
    """
    refusal = refusal_of(limited)
    now = datetime.now(UTC)
    if refusal is None or refusal.problem.come_back_at(now) is not None:
        return limited
    try:
        await book.ask(client, timeout_s=5.0)
    except GatewayError:
        return limited
    lines = [hint.line for kind, hint in book.of(client.lease.profile).items() if kind in kinds]
    ends = [line.next_at for line in lines if line.next_at is not None and line.exhausted(now)]
    until = max((end for end in ends if now < end <= now + LONGEST_WAIT), default=None)
    if until is None:
        return limited
    client.lease.cool(client.exchange.rests, until, limited.message)
    told = RateLimited(limited.message, retry_after_s=(until - now).total_seconds())
    told.__cause__ = refusal
    return told


async def with_known_wait(client: GrokClient, limited: RateLimited, model: str) -> RateLimited:
    """Return *limited*, refused to a chat of *model* (or mode), with the wait that the site's limits tell of.

    What the lease rests for it then rests so long. Unchanged when the refusal named a time, or the limits tell none.
    """
    refusal = refusal_of(limited)
    now = datetime.now(UTC)
    if refusal is None or refusal.problem.come_back_at(now) is not None:
        return limited
    try:
        line = await client.rate_limits(model, timeout_s=3.0)
    except GatewayError:
        return limited
    until = line.next_at or (now + timedelta(seconds=line.wait_s) if line.wait_s else None)
    if until is None or not now < until <= now + LONGEST_WAIT:
        return limited
    client.lease.cool(client.exchange.rests, until, limited.message)
    told = RateLimited(limited.message, retry_after_s=(until - now).total_seconds())
    told.__cause__ = refusal
    return told
