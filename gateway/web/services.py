"""What routes work with: made once by ``gateway.app``, found on ``app.state.services``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

from fastapi import Depends, Request

from gateway.auth.callers import Caller
from gateway.auth.limits import RequestLimits
from gateway.calls.repeats import RepeatableImages
from gateway.calls.upstream import CallMaker
from gateway.errors import ShuttingDown
from gateway.media.assets import Media
from gateway.media.inputs import Inputs
from gateway.media.links import Links
from gateway.models import Model, ModelKind
from gateway.settings import Settings
from gateway.tasks.model import TaskEvent, VideoSpec
from gateway.tasks.store import TaskStore
from gateway.telemetry import Metrics
from gateway.web.authentication import Keys
from gateway.web.forwarding import Forwarder
from gateway.web.sse import HEARTBEAT_S
from gateway.web.video_requests import CheckVideo
from gateway.webhooks.callbacks import Callbacks
from gateway.webhooks.signing import Signing
from gateway.webhooks.store import Deliveries

#: Uploads live at least this long, however short results are kept.
UPLOADS_KEPT_S = 86400.0


class Feed(Protocol):
    """Follows a task's events as they happen."""

    def follow(self, task_id: str, *, after: int = 0) -> AsyncGenerator[TaskEvent, None]: ...


@dataclass(slots=True)
class Services:
    """The house as its HTTP front sees it. No browser in here: dialects know none.

    local_caller: everybody's caller when the gateway serves without keys, else None. stopping: set once the gateway
    begins to stop. requires: what an account must allow beyond the ordinary to make a video. calls: chats and images;
    repeats: images under an Idempotency-Key, too.
    callbacks, deliveries, signing: telling callers of a task's end.
    allows: what some account can do beyond the ordinary. modes: the chat modes that some account may choose, None while the
    site told of none. why_waiting: (code, sentence) while no profile could take a video,
    None otherwise. forwarder: hands requests to the other nodes. places: how many videos all ready
    profiles make side by side.
    """

    settings: Settings
    store: TaskStore
    feed: Feed
    media: Media
    links: Links
    inputs: Inputs
    keys: Keys
    check_video: CheckVideo
    requires: Callable[[VideoSpec], frozenset[str]]
    metrics: Metrics
    calls: CallMaker
    repeats: RepeatableImages
    callbacks: Callbacks
    deliveries: Deliveries
    signing: Signing
    local_caller: Caller | None = None
    limits: RequestLimits = field(default_factory=RequestLimits)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    heartbeat_s: float = HEARTBEAT_S
    why_waiting: Callable[[], tuple[str, str] | None] = lambda: None
    allows: Callable[[], frozenset[str]] = frozenset
    modes: Callable[[], frozenset[str] | None] = lambda: None
    forwarder: Forwarder | None = None
    places: Callable[[], int] = int
    now: Callable[[], float] = time.time

    def uploads_expire_at(self) -> datetime:
        """Until when a picture is kept that no task uses yet."""
        return datetime.fromtimestamp(self.now(), UTC) + timedelta(
            seconds=max(self.settings.retention_s, UPLOADS_KEPT_S)
        )

    def offers_model(self, model: Model) -> bool:
        """Whether some signed-in account has *model*: as the site told, else as far as its subscription lets expect."""
        told = self.modes() if model.kind is ModelKind.CHAT else None
        if told is not None:
            return model.mode in told
        return not model.paid or bool(self.allows())

    def accepting(self) -> None:
        """Raise ShuttingDown when nothing new is taken any more."""
        if self.stopping.is_set():
            raise ShuttingDown("The gateway is stopping; try again in a few seconds.", retry_after_s=5)


# Asynchronous although nothing is awaited: FastAPI sends other dependencies through a thread, which costs a poll dearly.
async def services_of(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


TheServices = Annotated[Services, Depends(services_of)]


async def base_url(request: Request, services: TheServices) -> str:
    """Where this client reaches the gateway, without a slash at the end: as configured, as a proxy says, or as asked."""
    configured = services.settings.public_url
    if configured:
        return configured.rstrip("/")
    headers = request.headers
    scheme = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    host = headers.get("x-forwarded-host", "").partition(",")[0].strip() or headers.get("host", "")
    prefix = headers.get("x-forwarded-prefix", "").partition(",")[0].strip().rstrip("/")
    if scheme not in {"http", "https"}:
        scheme = request.url.scheme
    return f"{scheme}://{host or request.url.netloc}{prefix if prefix.startswith('/') else ''}"


BaseUrl = Annotated[str, Depends(base_url)]
