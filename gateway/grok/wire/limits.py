"""Quota answers. Hints only: fields come and go (#972), and the numbers have been wrong; a 429 is the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from gateway.grok.wire.fields import Json, integer, mapping, moment, number, truth


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """What is left of one kind of work. None = the site does not say. window and wait in seconds."""

    remaining: int | None = None
    total: int | None = None
    window_s: int | None = None
    wait_s: float | None = None
    next_at: datetime | None = None
    available: bool | None = None

    def exhausted(self, now: datetime) -> bool:
        """``available: true`` with nothing remaining happens, so the flag is not asked."""
        return self.remaining == 0 or (self.next_at is not None and self.next_at > now)


def read_rate_limits(value: Json) -> QuotaLine:
    """Read ``POST /rest/rate-limits`` (2026-02)."""
    return _line(value)


def read_imagine_quota(value: Json) -> Mapping[str, QuotaLine]:
    """Read ``POST /rest/media/imagine/quota_info`` (captured 2026-08): line by kind; a null line is absent."""
    return MappingProxyType({kind: _line(line) for kind, line in value.items() if isinstance(line, Mapping)})


def _line(value: Json) -> QuotaLine:
    effort = mapping(value, "highEffortRateLimits") or mapping(value, "lowEffortRateLimits")
    remaining = integer(value, "remainingQueries", "remainingTokens")
    return QuotaLine(
        remaining=remaining if remaining is not None else integer(effort, "remainingQueries"),
        total=integer(value, "totalQueries", "totalTokens"),
        window_s=integer(value, "windowSizeSeconds"),
        wait_s=number(value, "waitTimeSeconds") or number(effort, "waitTimeSeconds"),
        next_at=moment(value.get("nextAvailableAt")) or moment(value.get("availableAt")),
        available=truth(value, "available") if "available" in value else None,
    )
