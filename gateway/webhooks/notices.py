"""When an operator is told what, about a profile or a node. Pure decisions and words; `watching` acts on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from browser.clearance import NEEDS_HUMAN, Clearance

#: States in which a profile waits for somebody; CRASHED is kept out until it is looked at.
CALLED_FOR = NEEDS_HUMAN | {Clearance.CRASHED}

ATTENTION, READY = "profile.needs_attention", "profile.ready"
DISK_LOW, DISK_OK = "node.disk_low", "node.disk_ok"
TEST = "test"

GB = 1024**3
#: Told below the first, over above the second: a file more or less is no news.
LOW_BYTES, ENOUGH_BYTES = 1 * GB, 2 * GB

#: Title and what happened, by state; {name} is the profile's.
WORDS: Mapping[Clearance, tuple[str, str]] = {
    Clearance.LOGIN_REQUIRED: ("Sign in again: {name}", "The site signed the profile {name} out."),
    Clearance.CHALLENGED: (
        "A check wants a human: {name}",
        "The profile {name} is stopped at a check that only a human passes.",
    ),
    Clearance.BLOCKED: ("Refused: {name}", "The site refuses the profile {name}."),
    Clearance.CRASHED: ("Stopped: {name}", "The browser of {name} crashed again and again and is kept out."),
}


class Step(StrEnum):
    """What is done about something."""

    TELL = "tell"
    OVER = "over"
    FORGET = "forget"  # over, and nobody cares


@dataclass(frozen=True, slots=True)
class Standing:
    """How a profile stands, by its row."""

    name: str
    clearance: Clearance
    reason: str
    since: datetime
    wanted: bool = True  # neither disabled nor about to be removed
    account_id: str | None = None
    away: bool = False  # its node is not at work

    @property
    def works(self) -> bool:
        """Whether it takes up tasks."""
        return self.wanted and not self.away and self.clearance is Clearance.READY


def decide(profile: Standing, told: str | None, now: datetime, *, after_s: float) -> Step | None:
    """Return what to do, None for nothing. told: the state of which the operator was told and which is not over.

    What lasts shorter than *after_s* is nobody's business: a challenge renews itself by one reload.
    """
    if not profile.wanted:
        return Step.FORGET if told else None
    if profile.clearance in CALLED_FOR and profile.clearance != told:
        return Step.TELL if (now - profile.since).total_seconds() >= after_s else None
    return Step.OVER if told and profile.clearance is Clearance.READY else None


def decide_disk(free_bytes: int, told: str | None) -> Step | None:
    """Return what to do about a node's disk."""
    if free_bytes < LOW_BYTES:
        return None if told else Step.TELL
    return Step.OVER if told and free_bytes > ENOUGH_BYTES else None


# -- words -------------------------------------------------------------------------------------------------------------
def attention(profile: Standing, *, waiting: int, url: str) -> dict[str, Any]:
    """What is said when a profile needs somebody."""
    title, happened = (text.format(name=profile.name) for text in WORDS[profile.clearance])
    reason = f" ({profile.reason.rstrip('.')})" if profile.reason else ""
    return {
        **_of_profile(profile, waiting=waiting, url=url),
        "title": title,
        "message": f"{happened.rstrip('.')}{reason}. {_waiting(waiting)} Open it: {url}",
        "priority": "high",
        "tags": ["warning"],
    }


def ready(profile: Standing, *, waiting: int, url: str) -> dict[str, Any]:
    """What is said when it is over."""
    return {
        **_of_profile(profile, waiting=waiting, url=url),
        "title": f"Ready again: {profile.name}",
        "message": f"The profile {profile.name} works again. {_waiting(waiting)}",
        "priority": "default",
        "tags": ["white_check_mark"],
    }


def disk(node: str, free_bytes: int, *, low: bool, url: str) -> dict[str, Any]:
    """What is said of a node's disk."""
    said = f"{free_bytes / GB:.1f} GB"
    message = f"Node {node} has {said} free where the gateway keeps its data. "
    return {
        "node": node,
        "free_bytes": free_bytes,
        "url": url,
        "title": f"Disk almost full: {node}" if low else f"Disk has room again: {node}",
        "message": message + ("Free some room: without it no video can be kept." if low else "That is enough."),
        "priority": "high" if low else "default",
        "tags": ["warning" if low else "white_check_mark"],
    }


def test(url: str) -> dict[str, Any]:
    """What a test says."""
    return {
        "url": url,
        "title": "Grok Gateway: a test",
        "message": "This is how the gateway will tell you that a profile needs you. Nothing is wrong.",
        "priority": "default",
        "tags": ["bell"],
    }


def _of_profile(profile: Standing, *, waiting: int, url: str) -> dict[str, Any]:
    return {
        "profile": profile.name,
        "state": profile.clearance.value,
        "reason": profile.reason,
        "since": profile.since.isoformat(timespec="seconds"),
        "tasks_waiting": waiting,
        "url": url,
    }


def _waiting(count: int) -> str:
    match count:
        case 0:
            return "No task waits."
        case 1:
            return "1 task waits."
    return f"{count} tasks wait."
