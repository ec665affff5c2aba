"""What the adapter learns about a profile while it works with it. In memory; losing it costs one refused request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.grok.bodies import Generation
from gateway.grok.ports import RememberGeneration, SawOutcome

LONGEST_COOLDOWN_S = 3600.0

#: The page was reloaded for each of these and is still called out of date: sending more would not help.
STALE_TIMES = 3


class ProfileMemory:
    """Per profile: which generation of the protocol the site took, and how often in a row it limited or refused us.

    cooldown_s: rest after a rate limit that names no time; doubles up to an hour while limits follow each other. outcome:
    told what became of each request, by profile: ``ok``, or a row of the classifier.
    """

    def __init__(
        self,
        *,
        cooldown_s: float,
        generations: Mapping[str, str] | None = None,
        remember: RememberGeneration | None = None,
        outcome: SawOutcome = lambda _profile, _outcome: None,
    ) -> None:
        self._cooldown_s = cooldown_s
        self.saw = outcome
        self._generations = {
            profile: Generation(name) for profile, name in (generations or {}).items() if name in set(Generation)
        }
        self._remember = remember
        self._limits: Counter[tuple[str, str]] = Counter()
        self._stale: Counter[str] = Counter()

    def generation(self, profile: str) -> Generation | None:
        return self._generations.get(profile)

    def took(self, profile: str, generation: Generation) -> None:
        """The site generates from requests of this generation."""
        if self._generations.get(profile) is not generation:
            self._generations[profile] = generation
            if self._remember is not None:
                self._remember(profile, generation.value)

    def limited(self, profile: str, kind: str, now: datetime) -> datetime:
        """Count a rate limit that names no time; return when to try again."""
        self._limits[profile, kind] += 1
        pause_s = self._cooldown_s * 2 ** min(self._limits[profile, kind] - 1, 12)
        return now + timedelta(seconds=min(pause_s, max(LONGEST_COOLDOWN_S, self._cooldown_s)))

    def stale(self, profile: str) -> bool:
        """Count a page out of date; True when reloading has not helped often enough."""
        self._stale[profile] += 1
        return self._stale[profile] >= STALE_TIMES

    def worked(self, profile: str, kind: str) -> None:
        """The site accepted work: whatever was counted against the profile is over."""
        for over in {kind, kind.partition(":")[0]}:
            self._limits.pop((profile, over), None)
        self._stale.pop(profile, None)
        self.saw(profile, "ok")
