"""Where a profile stands with the site, which kinds of work rest, and what an answer of the site changes about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

import structlog

from browser.clearance import Clearance, Cooldown, Verdict, may_move

log = structlog.get_logger(__name__)

#: Longest pause before a profile that the site keeps refusing, though its checks pass, is believed again.
LONGEST_PENALTY_S = 600.0


class Answer(Enum):
    """What to do about a verdict that an answer of the site gave while the profile was READY."""

    NOTE = "note"  # all is well
    SETTLE = "settle"  # believe it as it is
    RELOAD = "reload"  # reload the page once, a browser's natural way to renew clearance, then look again
    IGNORE = "ignore"  # the profile is being looked at already


def answer_to(verdict: Verdict, *, now_in: Clearance, reloaded_s_ago: float | None, again_s: float) -> Answer:
    """Decide what a borrower's report means. reloaded_s_ago: None = never; again_s: a reload this recent did not help."""
    if verdict.clearance is Clearance.READY:
        return Answer.NOTE
    if verdict.clearance is Clearance.BLOCKED:
        return Answer.IGNORE if now_in in (Clearance.BLOCKED, Clearance.HELD) else Answer.SETTLE
    if now_in is not Clearance.READY:
        return Answer.IGNORE
    if reloaded_s_ago is not None and reloaded_s_ago < again_s:
        return Answer.SETTLE
    return Answer.RELOAD


@dataclass
class Standing:
    """A profile's clearance with its reason and since when; the account; the cooldowns of its kinds of work."""

    clearance: Clearance
    reason: str = ""
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    account: dict[str, str] = field(default_factory=dict)
    verified_at: datetime | None = None
    #: How often in a row the site refused although a check had passed, and when last.
    refusals: int = 0
    _refused_at: datetime | None = None
    _cooldowns: dict[str, Cooldown] = field(default_factory=dict)

    def move(self, clearance: Clearance, reason: str = "") -> bool:
        """Go to a state; returns whether state or reason changed."""
        if not may_move(self.clearance, clearance):
            # What the site said is true all the same; that we did not foresee it is for us to mend.
            log.error("move not in the table", before=self.clearance, now=clearance, reason=reason)
        changed = clearance is not self.clearance
        told = changed or reason != self.reason
        if changed:
            self.since = datetime.now(UTC)
        self.clearance, self.reason = clearance, reason
        return told

    def learn(self, account: Mapping[str, str]) -> None:
        """Take over what a verdict says about the account."""
        if account:
            self.account = dict(account)

    def refused(self) -> None:
        """Count a refusal; one that comes long after the last begins a new row."""
        now = datetime.now(UTC)
        if self._refused_at is not None and (now - self._refused_at).total_seconds() > LONGEST_PENALTY_S:
            self.refusals = 0
        self.refusals += 1
        self._refused_at = now

    def penalty_s(self, base_s: float) -> float:
        """Return how long to wait before checking again: longer after each refusal that followed a passed check."""
        return float(min(base_s * 2 ** max(0, self.refusals - 1), max(base_s, LONGEST_PENALTY_S)))

    def cool(self, cooldown: Cooldown) -> None:
        self._cooldowns[cooldown.kind] = cooldown

    def cooling(self, kind: str) -> Cooldown | None:
        """Return the cooldown of a kind while it lasts."""
        cooldown = self._cooldowns.get(kind)
        return cooldown if cooldown is not None and cooldown.until > datetime.now(UTC) else None

    def cooldowns(self) -> tuple[Cooldown, ...]:
        """Return those that last."""
        return tuple(cooldown for kind in self._cooldowns if (cooldown := self.cooling(kind)) is not None)
