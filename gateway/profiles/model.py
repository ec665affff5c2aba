"""A profile as its row says it. Times are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from browser.clearance import NEXT_ACTION, Clearance, Cooldown
from gateway.profiles.health import Health, health_of
from gateway.profiles.states import AWAY, COOLING, STATES, Remedy, State, state_of
from gateway.profiles.way_out import EgressWarning, warning_of


@dataclass(frozen=True, slots=True)
class Profile:
    """One row.

    away: it lives on another node, which is not at work: all else is what was last known.
    sealed_proxy: `Registry.proxy_of` opens it. revision: raised by whatever the pool has to be told about. clearance,
    reason, since, account, cooldowns and last_checkpoint_at are what the pool last said.
    quota: what the site says is left, by kind; hints, each with ``told_at``. health, egress: see `health.py` and `way_out.py`.
    checkpoints: its copies as JSON, newest first; live: memory and slots as its node last measured.

    A request to the node that owns the profile, and its answer: check_requested_at → checked_at ≥ it;
    release_requested_by (until release_until) → released_at; restore_generation → None again, a check or a line
    ``restore_failed``; removed_at → the row is gone.
    """

    name: str
    node_id: str
    away: bool = False
    sealed_proxy: str | None = None
    shown_proxy: str | None = None
    proxy_unreadable: bool = False
    enabled: bool = True
    clearance: Clearance = Clearance.NEW
    reason: str = ""
    since: datetime | None = None
    account_id: str | None = None
    account: Mapping[str, str] = field(default_factory=dict)
    cooldowns: Sequence[Cooldown] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    protocol: str | None = None
    quota: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    health: Mapping[str, Any] = field(default_factory=dict)
    egress: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: Sequence[Mapping[str, Any]] = ()
    live: Mapping[str, Any] = field(default_factory=dict)
    restore_generation: int | None = None
    revision: int = 0
    check_requested_at: datetime | None = None
    checked_at: datetime | None = None
    release_requested_by: str | None = None
    release_until: datetime | None = None
    released_at: datetime | None = None
    removed_at: datetime | None = None
    last_checkpoint_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def check_wanted(self) -> bool:
        """Whether somebody waits for a look at the profile."""
        wanted, done = self.check_requested_at, self.checked_at
        return wanted is not None and (done is None or done < wanted)

    def release_wanted(self, now: datetime) -> bool:
        """Whether somebody needs the profile's directory now. A request nobody keeps alive lapses."""
        return self.release_requested_by is not None and self.release_until is not None and now < self.release_until

    def state(self, now: datetime) -> State:
        """The place in the state machine to show."""
        if self.away and self.enabled:
            return STATES[AWAY]
        held = self.clearance is Clearance.HELD or self.release_wanted(now)
        return state_of(self.clearance, enabled=self.enabled, held=held, cooldowns=self.cooldowns, now=now)

    def resting(self, now: datetime) -> tuple[Cooldown, ...]:
        """The kinds of work that rest now."""
        return tuple(cooldown for cooldown in self.cooldowns if cooldown.until > now)

    @property
    def why(self) -> str:
        """Why it is in that state, in words; '' when there is nothing to say."""
        if self.away and self.enabled:
            return f"node {self.node_id}, which has it, is not at work; it was {self.clearance.value.replace('_', ' ')}"
        return self.reason

    def remedy(self, now: datetime) -> Remedy:
        """What an operator does next."""
        if self.away and self.enabled:
            return Remedy.START_NODE
        if self.proxy_unreadable:
            return Remedy.SET_PROXY
        if self.enabled and self.clearance is Clearance.NEW and self.check_wanted:
            return Remedy.WAIT  # a sign-in was imported and is verified next
        return self.state(now).remedy

    @property
    def next_action(self) -> str:
        """The same in words, with the command; '' when there is nothing to do."""
        now = datetime.now(UTC)
        if self.remedy(now) is Remedy.START_NODE:
            return f"start node {self.node_id}, or if it is gone for good: gateway profile adopt {self.name}"
        if self.proxy_unreadable:
            return f"set its proxy again: gateway profile proxy {self.name} URL"
        state = self.state(now)
        if self.remedy(now) is not state.remedy or state.name == COOLING:
            return ""
        return NEXT_ACTION[Clearance(state.name)].replace("NAME", self.name)

    def health_at(self, now: datetime) -> Health:
        """How well it worked lately."""
        return health_of(self.health, now)

    @property
    def egress_warning(self) -> EgressWarning | None:
        """What is different about its way out since it signed in."""
        return warning_of(self.egress, self.shown_proxy)


def cooldowns_to_json(cooldowns: Sequence[Cooldown]) -> dict[str, dict[str, str]]:
    return {c.kind: {"until": c.until.isoformat(), "reason": c.reason} for c in cooldowns}


def cooldowns_from_json(stored: Mapping[str, Mapping[str, str]] | None) -> tuple[Cooldown, ...]:
    return tuple(
        Cooldown(kind=kind, until=datetime.fromisoformat(entry["until"]), reason=entry.get("reason", ""))
        for kind, entry in (stored or {}).items()
    )


@dataclass(frozen=True, slots=True)
class ProfileNote:
    """One line of a profile's history."""

    id: int
    profile: str
    at: datetime
    type: str
    data: Mapping[str, Any] = field(default_factory=dict)
