"""One piece of work that ended, as the books keep it: no prompt, no answer. And how durations are kept for percentiles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

#: Durations are kept as counts in buckets, each this much wider than the one before: a percentile is off by 5 % at most.
WIDER = 1.1
SHORTEST_S = 0.05
_LOG = math.log(WIDER)


class Outcome(StrEnum):
    """How it ended. Cancelled: also a chat whose client left."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Ended:
    """A task, a chat or an image request that is over.

    kind: ``video``, ``chat`` or ``image``. took_s: from being accepted to its end; waited_s: until work on it began (a
    video), or until its first piece came (a call). made: videos or pictures; size_bytes and output_s (length of video): of
    those. code: the error's, where it failed.
    """

    at: datetime
    kind: str
    key_id: str
    model: str
    dialect: str
    outcome: Outcome
    profile: str = ""
    code: str = ""
    took_s: float = 0.0
    waited_s: float = 0.0
    made: int = 0
    size_bytes: int = 0
    output_s: float = 0.0


def bucket_of(seconds: float) -> int:
    """Return the number of the bucket that a duration falls into."""
    return 0 if seconds <= SHORTEST_S else int(math.log(seconds / SHORTEST_S) / _LOG) + 1


def middle_of(bucket: int) -> float:
    """Return the seconds that stand for a bucket."""
    return SHORTEST_S if bucket <= 0 else float(SHORTEST_S * WIDER ** (bucket - 0.5))


def percentile(times: Mapping[str, int], share: float) -> float | None:
    """Return the seconds within which *share* (0-1) of the counted ones were done, None when nothing was counted.

    times: how many by bucket, whose number is text, as it is stored.
    """
    wanted, seen = share * sum(times.values()), 0
    for bucket, count in sorted((int(bucket), count) for bucket, count in times.items()):
        seen += count
        if seen >= wanted:
            return middle_of(bucket)
    return None
