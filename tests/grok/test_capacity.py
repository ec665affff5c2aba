"""What is offered to the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from browser.clearance import Clearance, Cooldown
from browser.status import ProfileStatus, SlotCount
from gateway.grok.capacity import GrokCapacity
from tests.grok.lending import OneProfilePool
from tests.grok.script import Script


class Pool(OneProfilePool):
    """A pool with profiles in several states."""

    def __init__(self, *changes: dict[str, object]) -> None:
        super().__init__(Script())
        [base] = super().status()
        self.profiles = [replace(base, name=f"p{n}", **change) for n, change in enumerate(changes)]  # type: ignore[arg-type]

    def status(self) -> Sequence[ProfileStatus]:
        return self.profiles

    def free(self, kind: str) -> Sequence[str]:
        return [profile.name for profile in reversed(self.profiles)]


def rest(kind: str, seconds: float) -> tuple[Cooldown, ...]:
    return (Cooldown(kind, datetime.now(UTC) + timedelta(seconds=seconds), ""),)


def test_only_ready_rested_and_free_profiles_are_offered() -> None:
    pool = Pool(
        {},
        {"clearance": Clearance.CHALLENGED},
        {"cooldowns": rest("video", 60)},
        {"cooldowns": rest("chat", 60), "account": {"id": "B", "tier": "SuperGrok"}},
        {"cooldowns": rest("video", -1), "slots": {"video": SlotCount(1, 2)}},
        {"slots": {"video": SlotCount(2, 2)}},
        {"slots": {}},
    )
    offers = GrokCapacity(pool).offers("video")
    assert [(offer.profile, offer.account_id, offer.free) for offer in offers] == [
        ("p4", "U", 1),
        ("p3", "B", 2),
        ("p0", "U", 2),
    ]
    assert [sorted(offer.allows) for offer in offers] == [[], ["15s"], []]


def test_what_some_account_allows() -> None:
    assert GrokCapacity(Pool({}, {"account": {"tier": "SuperGrok"}})).allows() == {"15s"}
    assert not GrokCapacity(Pool({"account": {}})).allows()
