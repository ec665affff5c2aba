"""Sums of ended work. They add up: hours to days, profiles to all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gateway.usage.ended import Outcome, bucket_of, percentile


@dataclass(slots=True)
class Totals:
    """How much ended, and how. times: successful work by bucket of its duration (its number as text, as it
    is stored); codes: failures by their code.

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
    times: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

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
                bucket = str(bucket_of(row.took_s))
                self.times[bucket] = self.times.get(bucket, 0) + 1
            case Outcome.FAILED:
                self.failed += 1
                code = row.code or "unknown"
                self.codes[code] = self.codes.get(code, 0) + 1
            case _:
                self.cancelled += 1
        self.made += row.made
        self.size_bytes += row.size_bytes
        self.output_s += row.output_s

    def add_sums(self, row: Any) -> None:
        """Add one row of sums, or another `Totals`. Called tens of thousands of times for one report: hence so plain."""
        self.succeeded += row.succeeded
        self.failed += row.failed
        self.cancelled += row.cancelled
        self.made += row.made
        self.size_bytes += row.size_bytes
        self.output_s += row.output_s
        self.took_s += row.took_s
        self.waited_s += row.waited_s
        times = self.times
        for bucket, count in row.times.items():
            times[bucket] = times.get(bucket, 0) + count
        if row.codes:
            for code, count in row.codes.items():
                self.codes[code] = self.codes.get(code, 0) + count

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
            "times": self.times,
            "codes": self.codes,
        }


def whole(parts: Iterable[Totals]) -> Totals:
    """All of *parts* in one."""
    together = Totals()
    for part in parts:
        together.add_sums(part)
    return together
