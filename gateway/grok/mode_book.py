"""Which chat modes each profile's account may choose, as the site told (``/rest/modes``, upstream.md 2.4).

For lists of models and for choosing a profile; a call is never refused over it: the site's own answer is the truth.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gateway.grok.capabilities import allows_of
from gateway.grok.ports import ProfileStatus
from gateway.grok.wire.modes import Modes

#: What an account of which nothing is known is taken to have; paying ones all the others as well.
USUAL = frozenset({"auto", "fast", "expert"})
FURTHER = frozenset({"heavy", "grok-420-computer-use-sa"})


class ModeBook:
    """In memory: losing it costs one question per profile."""

    def __init__(self) -> None:
        self._told: dict[str, frozenset[str]] = {}

    def told(self, profile: str, modes: Modes) -> None:
        """Keep what the site answered; an answer without a single mode tells nothing."""
        if modes.modes:
            self._told[profile] = frozenset(mode.id for mode in modes.modes if mode.available)

    def knows(self, profile: str) -> bool:
        return profile in self._told

    def forget(self, profile: str) -> None:
        """The profile is gone, or another account's now."""
        self._told.pop(profile, None)

    def of(self, profile: ProfileStatus) -> frozenset[str]:
        """The modes of a profile: as told, else as its account's tier lets expect."""
        told = self._told.get(profile.name)
        if told is not None:
            return told
        return USUAL | FURTHER if allows_of(profile.account.get("tier", "")) else USUAL

    def offered(self, profiles: Iterable[ProfileStatus]) -> frozenset[str] | None:
        """The modes that some of *profiles* has; None while the site told nothing of any."""
        here = list(profiles)
        if not any(self.knows(profile.name) for profile in here):
            return None
        return frozenset().union(*(self.of(profile) for profile in here))

    def without(self, mode: str, profiles: Iterable[ProfileStatus]) -> Collection[str]:
        """The names of those of *profiles* that lack *mode*; of nobody when all do."""
        here = list(profiles)
        lacking = [profile.name for profile in here if mode not in self.of(profile)]
        return lacking if len(lacking) < len(here) else ()
