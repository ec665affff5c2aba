"""Webhooks as the service uses them: what takes callers' addresses, what keeps deliveries, and the courier that sends them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from gateway.auth.secret import Purpose, Secret
from gateway.db.beside import beside
from gateway.db.connect import Database
from gateway.dialects.views import show
from gateway.media.links import Links
from gateway.outbound.pinning import Pinning
from gateway.settings import Settings
from gateway.tasks.store import TaskStore
from gateway.webhooks import messages
from gateway.webhooks.callbacks import Callbacks
from gateway.webhooks.courier import Courier
from gateway.webhooks.messages import Message
from gateway.webhooks.metrics import WebhookMetrics
from gateway.webhooks.model import Delivery
from gateway.webhooks.sending import Sender
from gateway.webhooks.signing import Signing
from gateway.webhooks.store import Deliveries


@dataclass(frozen=True, slots=True)
class PostOffice:
    """What routes use."""

    callbacks: Callbacks
    deliveries: Deliveries
    signing: Signing


@asynccontextmanager
async def open_post_office(
    settings: Settings,
    secret: Secret,
    db: Database,
    store: TaskStore,
    links: Links,
    *,
    registry: CollectorRegistry | None = None,
) -> AsyncIterator[PostOffice]:
    """Send messages for the length of the block. Raises StartRefused for a secret that is none."""
    deliveries, signing = Deliveries(db), signing_of(settings, secret, db)
    private = settings.fetch_allow_private
    callers = Sender(Pinning(allow_private=private, environment_tls=True), plain=private)

    async def tell(delivery: Delivery) -> Message:
        task = await store.get(delivery.task_id or "")
        now, base = time.time(), delivery.base_url or settings.public_url.rstrip("/")
        return messages.signed_json(
            delivery, show(task, lambda asset_id, suffix: base + links.path(asset_id, suffix, now=now))
        )

    courier = Courier(
        db,
        deliveries,
        signing,
        callers=callers,
        # The operator's own addresses may be on his own network.
        own=Sender(Pinning(allow_private=True, environment_tls=True), plain=True),
        tell=tell,
        metrics=WebhookMetrics(registry),
        ntfy_token=settings.notify_ntfy_token.get_secret_value() if settings.notify_ntfy_token else "",
        kept_s=settings.task_retention_s,
    )
    async with beside(courier.run(), courier.keep_house()):
        yield PostOffice(Callbacks(callers), deliveries, signing)


def signing_of(settings: Settings, secret: Secret, db: Database) -> Signing:
    """What messages are signed with. Raises StartRefused."""
    own = settings.notify_webhook_secret
    return Signing(db, secret.key(Purpose.WEBHOOKS), own=own.get_secret_value() if own else "")
