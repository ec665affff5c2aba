"""What the pool tells about its profiles: plain values for the console, the command line and the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from browser.clearance import Clearance, Cooldown


@dataclass(frozen=True, slots=True)
class ProfileEvent:
    """Something happened to a profile.

    what: "clearance changed", "browser started", "browser lost", "page reopened", "browser suspended", "launch failed",
    "profile quarantined", "checkpoint saved", "checkpoint confirmed" (nothing had changed), "checkpoint failed",
    "checkpoint not restored", "import applied", "hold started", "sign-in seen", "hold ended", "kind cooling",
    "connections hang".
    detail: flat text, never a secret.
    """

    profile: str
    what: str
    at: datetime
    clearance: Clearance
    reason: str = ""
    account: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SlotCount:
    """Places of one kind on one profile: in use, and altogether."""

    used: int
    total: int


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """One profile as it is now.

    reason: of its clearance, or why its browser did not start. pid: of its Chromium. pss_bytes: as last measured
    (`Pool.measure_memory`). recycles: restarts after crashes within the last ten minutes.
    """

    name: str
    clearance: Clearance
    reason: str
    since: datetime
    next_action: str
    account: Mapping[str, str]
    cooldowns: tuple[Cooldown, ...]
    slots: Mapping[str, SlotCount]
    running: bool
    released: bool
    pid: int | None
    pss_bytes: int | None
    last_checkpoint_at: datetime | None
    verified_at: datetime | None
    proxy: str | None
    recycles: int
