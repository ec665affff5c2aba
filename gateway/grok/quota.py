"""What the site says is left, kept as hints for the operator: a refusal is the truth, a number is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.errors import GatewayError, RateLimited
from gateway.grok.client import GrokClient
from gateway.grok.exchange import refusal_of
from gateway.grok.wire.limits import QuotaLine

#: A moment further away than this is not believed.
LONGEST_WAIT = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class QuotaHint:
    """One kind's line, and when the site told it."""

    kind: str
    line: QuotaLine
    told_at: datetime

    def age_s(self, now: datetime) -> float:
        return (now - self.told_at).total_seconds()


class QuotaBook:
    """The latest hints by profile and kind (``video``, ``video720p``, ``image`` …, and the chat models asked about)."""

    def __init__(self) -> None:
        self._hints: dict[str, dict[str, QuotaHint]] = {}

    def of(self, profile: str) -> Mapping[str, QuotaHint]:
        return self._hints.get(profile, {})

    async def ask(self, client: GrokClient, *, models: tuple[str, ...] = (), timeout_s: float = 15.0) -> None:
        """Ask for the media lines, and for the line of each of *models*. Raises GatewayError."""
        self._keep(client, await client.imagine_quota(timeout_s=timeout_s))
        for model in models:
            self._keep(client, {model: await client.rate_limits(model)})

    def _keep(self, client: GrokClient, lines: Mapping[str, QuotaLine]) -> None:
        now = datetime.now(UTC)
        hints = self._hints.setdefault(client.lease.profile, {})
        hints.update({kind: QuotaHint(kind, line, now) for kind, line in lines.items()})


async def with_known_end(
    book: QuotaBook, client: GrokClient, limited: RateLimited, kinds: tuple[str, ...]
) -> RateLimited:
    """Return *limited* with the moment the quota comes back, when the refusal named none and the site's quota does.

    kinds: the quota lines that the refused work draws on. The lease's kind of work then rests until that moment.
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
    client.lease.cool(client.lease.kind, until, limited.message)
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
