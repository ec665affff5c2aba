"""Sums of ended work. They add up: hours to days, profiles to all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gateway.usage.ended import Outcome, bucket_of, percentile

_NUMBERS = ("succeeded", "failed", "cancelled", "made", "size_bytes", "output_s", "took_s", "waited_s")


@dataclass(slots=True)
class Totals:
    """How much ended, and how. times: successful work by bucket of its duration; codes: failures by their code.

    took_s, waited_s: sums over successful work. made, size_bytes, output_s: videos or pictures.
    """

    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    made: int = 0
    size_bytes: int = 0
    output_s: float = 0.0
    took_s: float = 0.0
    waited_s: float = 0.0
    times: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.cancelled

    @property
    def success(self) -> float | None:
        """Share (0-1) of what came to its end that came well; what somebody cancelled counts for neither side."""
        tried = self.succeeded + self.failed
        return self.succeeded / tried if tried else None

    @property
    def p50_s(self) -> float | None:
        return percentile(self.times, 0.5)

    @property
    def p95_s(self) -> float | None:
        return percentile(self.times, 0.95)

    def add_logged(self, row: Any) -> None:
        """Add one row of the log."""
        match row.outcome:
            case Outcome.SUCCEEDED:
                self.succeeded += 1
                self.took_s += row.took_s
                self.waited_s += row.waited_s
                self.times[bucket_of(row.took_s)] += 1
            case Outcome.FAILED:
                self.failed += 1
                self.codes[row.code or "unknown"] += 1
            case _:
                self.cancelled += 1
        self.made += row.made
        self.size_bytes += row.size_bytes
        self.output_s += row.output_s

    def add_sums(self, row: Any) -> None:
        """Add one row of sums."""
        self.succeeded += row.succeeded
        self.failed += row.failed
        self.cancelled += row.cancelled
        self.made += row.made
        self.size_bytes += row.size_bytes
        self.output_s += row.output_s
        self.took_s += row.took_s
        self.waited_s += row.waited_s
        for bucket, count in row.times.items():
            self.times[int(bucket)] += count
        for code, count in row.codes.items():
            self.codes[code] += count

    def add(self, more: Totals) -> None:
        """Add what others sum up to."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(more, name))
        self.times.update(more.times)
        self.codes.update(more.codes)

    def to_row(self) -> dict[str, Any]:
        return {
            "succeeded": self.succeeded,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "made": self.made,
            "size_bytes": self.size_bytes,
            "output_s": self.output_s,
            "took_s": self.took_s,
            "waited_s": self.waited_s,
            "times": {str(bucket): count for bucket, count in self.times.items()},
            "codes": dict(self.codes),
        }
