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
from gateway.errors import StartRefused
from gateway.media.links import Links
from gateway.nodes.addresses import own_address
from gateway.outbound.pinning import Pinning, Refused, read_url
from gateway.settings import Settings
from gateway.tasks.store import TaskStore
from gateway.webhooks import messages
from gateway.webhooks.callbacks import Callbacks
from gateway.webhooks.courier import Courier, Tell
from gateway.webhooks.messages import Message
from gateway.webhooks.metrics import WebhookMetrics
from gateway.webhooks.model import Channel, Delivery
from gateway.webhooks.sending import Sender
from gateway.webhooks.signing import Signing
from gateway.webhooks.store import Deliveries
from gateway.webhooks.watching import Watch


@dataclass(frozen=True, slots=True)
class PostOffice:
    """What routes use. watch: tells the operator."""

    callbacks: Callbacks
    deliveries: Deliveries
    signing: Signing
    watch: Watch


@asynccontextmanager
async def open_post_office(
    settings: Settings,
    secret: Secret,
    db: Database,
    store: TaskStore,
    links: Links,
    *,
    node: str,
    registry: CollectorRegistry | None = None,
) -> AsyncIterator[PostOffice]:
    """Send messages for the length of the block. Raises StartRefused for settings that cannot be followed."""

    async def tell(delivery: Delivery) -> Message:
        task = await store.get(delivery.task_id or "")
        now, base = time.time(), delivery.base_url or settings.public_url.rstrip("/")
        return messages.signed_json(
            delivery, show(task, lambda asset_id, suffix: base + links.path(asset_id, suffix, now=now))
        )

    callers = _callers(settings)
    deliveries, signing = Deliveries(db), signing_of(settings, secret, db)
    watch = watch_of(settings, db, node=node)
    courier = make_courier(settings, db, deliveries, signing, tell=tell, registry=registry)
    looking = [watch.profiles(), watch.disk()] if watch.targets else []
    async with beside(courier.run(), courier.keep_house(), *looking):
        yield PostOffice(Callbacks(callers), deliveries, signing, watch)


def make_courier(
    settings: Settings,
    db: Database,
    deliveries: Deliveries,
    signing: Signing,
    *,
    tell: Tell,
    registry: CollectorRegistry | None = None,
) -> Courier:
    """Who sends messages. tell: what a task's message says."""
    return Courier(
        db,
        deliveries,
        signing,
        callers=_callers(settings),
        # The operator's own addresses may be on the operator's own network.
        own=Sender(Pinning(allow_private=True, environment_tls=True), plain=True),
        own_urls=targets_of(settings),
        tell=tell,
        metrics=WebhookMetrics(registry),
        ntfy_token=settings.notify_ntfy_token.get_secret_value() if settings.notify_ntfy_token else "",
        kept_s=settings.task_retention_s,
    )


def watch_of(settings: Settings, db: Database, *, node: str) -> Watch:
    """Who tells the operator. Raises StartRefused for an address that is none."""
    return Watch(
        db,
        targets_of(settings),
        after_s=settings.notify_after_s,
        console=settings.public_url or own_address(settings),
        node=node,
        data_dir=settings.data_dir,
    )


def targets_of(settings: Settings) -> dict[Channel, str]:
    """The operator's addresses. Raises StartRefused for one that is none."""
    said = {Channel.WEBHOOK: settings.notify_webhook_url.strip(), Channel.NTFY: settings.notify_ntfy_url.strip()}
    for channel, url in said.items():
        try:
            if url:
                read_url(url)
        except Refused as exc:
            raise StartRefused(f"GATEWAY_NOTIFY_{channel.name}_URL cannot be used: {exc}.") from exc
    return {channel: url for channel, url in said.items() if url}


def signing_of(settings: Settings, secret: Secret, db: Database) -> Signing:
    """What messages are signed with. Raises StartRefused."""
    own = settings.notify_webhook_secret
    return Signing(db, secret.key(Purpose.WEBHOOKS), own=own.get_secret_value() if own else "")


def _callers(settings: Settings) -> Sender:
    """Sends to addresses that clients named: on the internet, over TLS, unless the operator allows private ones."""
    private = settings.fetch_allow_private
    return Sender(Pinning(allow_private=private, environment_tls=True), plain=private)
