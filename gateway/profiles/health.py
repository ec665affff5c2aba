"""How well a profile works: a score from what became of its recent requests, with the reasons for it.

    score = 100 · (good + P) / (good + bad + P)

over the last 24 hours in steps of ten minutes. *good* counts answers the site gave as it should, *bad* those of `HARM` times
their weight; both count half after six hours. P = 3 imagined good answers, so that one refusal at the start says little.
Verdicts on a request (moderation, a picture too large) and questions that only ask for hints count as neither.

The score is shown, and of profiles with equally many free slots the healthier one is lent first. It never keeps a profile
from working: that is for its state to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

OK = "ok"

#: What counts against a profile, and how much. The names are the rows of the classifier (``gateway.grok.errors``), and what
#: browsers do.
HARM: Mapping[str, float] = {
    "challenge": 3.0,
    "stale_page": 2.0,
    "anti_bot": 5.0,
    "account_blocked": 5.0,
    "login": 3.0,
    "rate_limit": 1.0,
    "media_credits": 0.5,
    "overload": 0.5,
    "load_shed": 0.5,
    "timeout": 0.5,
    "unknown": 1.0,
    "suspect_output": 3.0,
    "browser_lost": 2.0,
    "launch_failed": 2.0,
}

#: Events of the pool that count, by name.
EVENTS: Mapping[str, str] = {
    "browser lost": "browser_lost",
    "connections hang": "browser_lost",
    "launch failed": "launch_failed",
    "suspect output": "suspect_output",
}

STEP = timedelta(minutes=10)
WINDOW = timedelta(hours=24)
HALF_LIFE_S = 6 * 3600.0
PRIOR = 3.0
#: Bars of the small chart: two hours each.
BARS = 12
#: Profiles whose scores differ by less are as good as each other.
BAND = 20


@dataclass(frozen=True, slots=True)
class Health:
    """A profile's score (0-100) at a moment. reasons: what it lost points for, the most harmful first, with how often.

    bars: the share of good answers (0-100) in each two hours of the last day, oldest first; None where nothing happened.
    """

    score: int
    good: int
    reasons: Sequence[tuple[str, int]]
    bars: Sequence[int | None]


def health_of(stored: Mapping[str, Any], now: datetime) -> Health:
    """Return the health that the counts in a row stand for; *stored* is {moment: {outcome: count}} by step."""
    steps = list(_steps(stored, now))
    good = sum(counts.get(OK, 0) for _, counts in steps)
    weighed_good = sum(counts.get(OK, 0) * _fading(now - at) for at, counts in steps)
    weighed_bad = sum(_harm(counts) * _fading(now - at) for at, counts in steps)
    totals: dict[str, int] = {}
    for _, counts in steps:
        for outcome, count in counts.items():
            if outcome in HARM:
                totals[outcome] = totals.get(outcome, 0) + count
    reasons = sorted(totals.items(), key=lambda item: (-HARM[item[0]] * item[1], item[0]))
    return Health(
        score=round(100 * (weighed_good + PRIOR) / (weighed_good + weighed_bad + PRIOR)),
        good=good,
        reasons=tuple(reasons),
        bars=tuple(_bars(steps, now)),
    )


class HealthBook:
    """Counts what becomes of each profile's requests. now: aware UTC, for tests."""

    def __init__(
        self, stored: Mapping[str, Mapping[str, Any]] | None = None, *, now: Callable[[], datetime] | None = None
    ) -> None:
        self._now = now or (lambda: datetime.now(UTC))
        self._counts: dict[str, dict[str, dict[str, int]]] = {}
        self._changed: set[str] = set()
        for profile, counts in (stored or {}).items():
            self.load(profile, counts)

    def load(self, profile: str, stored: Mapping[str, Any]) -> None:
        """Go on from what was counted before a restart, unless something was counted since."""
        self._counts.setdefault(profile, {at.isoformat(): dict(counts) for at, counts in _steps(stored, self._now())})

    def saw(self, profile: str, outcome: str) -> None:
        """Count an outcome; one that says nothing about the profile is left out."""
        if outcome != OK and outcome not in HARM:
            return
        now = self._now()
        step = now - (now - datetime.min.replace(tzinfo=UTC)) % STEP
        steps = self._counts.setdefault(profile, {})
        key = step.isoformat()
        if key not in steps:  # a new step: drop those that count no longer
            for old in [at for at in steps if datetime.fromisoformat(at) < now - WINDOW]:
                del steps[old]
            steps[key] = {}
        steps[key][outcome] = steps[key].get(outcome, 0) + 1
        self._changed.add(profile)

    def of(self, profile: str) -> Health:
        """Return the profile's health now; an unknown one is taken for well."""
        return health_of(self._counts.get(profile, {}), self._now())

    def band(self, profile: str) -> int:
        """Return the score in coarse steps: what decides between profiles that are equally free."""
        return self.of(profile).score // BAND

    def take_changed(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return the counts that changed since the last call, by profile."""
        changed, self._changed = self._changed, set()
        return {
            profile: {at: dict(counts) for at, counts in self._counts[profile].items()}
            for profile in changed
            if profile in self._counts
        }

    def put_back(self, profiles: Iterable[str]) -> None:
        """What was taken could not be written; it is given out again."""
        self._changed.update(profiles)

    def forget(self, profile: str) -> None:
        """The profile is gone."""
        self._counts.pop(profile, None)
        self._changed.discard(profile)


def _steps(stored: Mapping[str, Any], now: datetime) -> Iterable[tuple[datetime, Mapping[str, int]]]:
    for key, counts in stored.items():
        try:
            at = datetime.fromisoformat(key)
        except ValueError:
            continue
        if now - WINDOW <= at <= now + STEP and isinstance(counts, Mapping):
            yield at, counts


def _harm(counts: Mapping[str, int]) -> float:
    return sum(HARM.get(outcome, 0.0) * count for outcome, count in counts.items())


def _fading(age: timedelta) -> float:
    return float(0.5 ** (max(0.0, age.total_seconds()) / HALF_LIFE_S))


def _bars(steps: Iterable[tuple[datetime, Mapping[str, int]]], now: datetime) -> list[int | None]:
    width = WINDOW / BARS
    good, bad = [0.0] * BARS, [0.0] * BARS
    for at, counts in steps:
        bar = BARS - 1 - min(BARS - 1, max(0, int((now - at) / width)))
        good[bar] += counts.get(OK, 0)
        bad[bar] += _harm(counts)
    return [round(100 * g / (g + b)) if g + b else None for g, b in zip(good, bad, strict=True)]
