"""What the console's pages work with: made once by ``gateway.app``, found on ``app.state.console``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from browser.checkpoint import CheckpointStore
from browser.status import ProfileStatus
from gateway.auth.attempts import LoginAttempts
from gateway.auth.audit import Audit
from gateway.auth.keys import ApiKeys
from gateway.auth.passwords import AdminPassword
from gateway.auth.sessions import Sessions
from gateway.auth.setup_links import SetupLinks
from gateway.console.doctoring import Doctor
from gateway.console.live.room import LiveRoom
from gateway.db.connect import Database
from gateway.profiles.registry import Registry
from gateway.settings import Settings
from gateway.web.services import Services
from gateway.webhooks.watching import Watch


@dataclass(frozen=True, slots=True)
class House:
    """The house as its operator sees it.

    services: what the dialects work with, too (store, media, links, calls…). registry: the rows of all nodes' profiles;
    statuses: how those of this node stand now. watch: tells the operator. copies: the sealed copies of a profile's
    sign-in, by its name; site_host: where a sign-in has to have cookies for. dialects: what a key's default dialect may be.
    """

    settings: Settings
    db: Database
    services: Services
    keys: ApiKeys
    password: AdminPassword
    sessions: Sessions
    setup_links: SetupLinks
    audit: Audit
    doctor: Doctor
    registry: Registry
    statuses: Callable[[], Sequence[ProfileStatus]]
    watch: Watch
    copies: Callable[[str], CheckpointStore]
    site_host: str
    dialects: Sequence[str] = ()
    live: LiveRoom | None = None
    attempts: LoginAttempts = field(default_factory=LoginAttempts)
