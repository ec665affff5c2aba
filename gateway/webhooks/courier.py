"""Sends what is due. Every node runs one; a claim in the database keeps two from sending the same message at once.

A message may still arrive twice (its sender died after sending it): receivers know it by ``webhook-id``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from gateway.db.connect import Database
from gateway.errors import GatewayError, TaskNotFound
from gateway.webhooks import messages, signing
from gateway.webhooks.messages import Message
from gateway.webhooks.metrics import WebhookMetrics
from gateway.webhooks.model import TOPIC, Channel, Delivery, Outcome, State
from gateway.webhooks.sending import Sender
from gateway.webhooks.signing import Signing
from gateway.webhooks.store import Deliveries

#: Messages of this node on their way at once, and those of one API key among them: a slow receiver holds up its own.
MOST, MOST_OF_KEY = 32, 6
LOOK_EVERY_S = 5.0
KEEP_HOUSE_EVERY_S = 30.0
REST_S = 2.0
#: How long a stopping gateway waits for receivers that were being told. Who is slower is told again, later.
LAST_S = 3.0
log = structlog.get_logger(__name__)

#: A task's message, as its own dialect shows it. Raises TaskNotFound.
Tell = Callable[[Delivery], Awaitable[Message]]


class Courier:
    """callers: sends to addresses that clients named; own: to the operator's, which are *own_urls* now. tell: what a task's
    message says. kept_s: how long the operator's messages are remembered."""

    def __init__(
        self,
        db: Database,
        deliveries: Deliveries,
        signing: Signing,
        *,
        callers: Sender,
        own: Sender,
        own_urls: Mapping[Channel, str],
        tell: Tell,
        metrics: WebhookMetrics,
        ntfy_token: str = "",
        kept_s: float = 30 * 86400.0,
    ) -> None:
        self._db = db
        self._deliveries = deliveries
        self._signing = signing
        self._senders = {Channel.TASK: callers, Channel.WEBHOOK: own, Channel.NTFY: own}
        self._own_urls = own_urls
        self._tell = tell
        self._metrics = metrics
        self._ntfy_token = ntfy_token
        self._kept_s = kept_s
        self._under_way: Counter[str | None] = Counter()
        self._carrying: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send until cancelled; then what is due, and what is on its way, has a moment to arrive."""
        async with asyncio.TaskGroup() as group:
            try:
                await self._send_what_is_due(group)
            except asyncio.CancelledError:
                with suppress(GatewayError):
                    await self._round(group, lambda: None)
                if self._carrying:
                    await asyncio.wait(self._carrying, timeout=LAST_S)
                raise

    async def _send_what_is_due(self, group: asyncio.TaskGroup) -> None:
        with self._db.changes.listen(TOPIC) as hint:
            pause_s = 0.0
            while True:
                await hint.wait(pause_s)
                try:
                    pause_s = await self._round(group, hint.set)
                except GatewayError as exc:  # the database is away: it will be back
                    log.warning("webhooks put off", reason=exc.message)
                    pause_s = REST_S

    async def keep_house(self) -> None:
        """Find what was left waiting, forget what is old, count what is pending; until cancelled."""
        while True:
            try:
                await self._deliveries.catch_up()
                await self._deliveries.prune(older_than_s=self._kept_s)
                self._metrics.pending.set(await self._deliveries.pending())
            except GatewayError as exc:
                log.warning("webhooks' housekeeping put off", reason=exc.message)
            await asyncio.sleep(KEEP_HOUSE_EVERY_S)

    async def send_now(self, delivery_id: str) -> None:
        """Send this one if it is due and nobody else does."""
        for claimed in await self._deliveries.claim(limit=1, per_key=1, only=delivery_id):
            await self.deliver(claimed)

    async def deliver(self, claimed: Delivery) -> State | None:
        """Send one that was claimed, and write down how that went; None when what it tells of is gone."""
        try:
            outcome = await self._try(claimed)
        except TaskNotFound:
            await self._deliveries.drop(claimed.id)
            return None
        except GatewayError:
            raise
        except Exception:  # a message that cannot be made must not be tried for ever
            log.exception("webhook failed", delivery=claimed.id)
            outcome = Outcome(error="the gateway could not make this message; its log says why")
        state = await self._deliveries.record(claimed, outcome)
        word = "again" if state is State.PENDING else state.value
        self._metrics.attempts.labels(claimed.channel.value, word).inc()
        self._metrics.seconds.labels(claimed.channel.value).observe(outcome.duration_s)
        said = {"delivery": claimed.id, "task": claimed.task_id, "attempt": claimed.attempts, "status": outcome.status}
        if state is State.DELIVERED:
            log.info("webhook delivered", **said)
        else:
            log.warning("webhook not delivered", **said, reason=outcome.error, state=state.value)
        return state

    # -- inside --------------------------------------------------------------------------------------------------
    async def _round(self, group: asyncio.TaskGroup, again: Callable[[], None]) -> float:
        """Take what is due; returns after how many seconds to look again."""
        room = MOST - self._under_way.total()
        if not room:
            return LOOK_EVERY_S  # whoever ends says so
        busy = [key for key, count in self._under_way.items() if key is not None and count >= MOST_OF_KEY]
        claimed = await self._deliveries.claim(limit=room, per_key=MOST_OF_KEY, busy=busy)
        for one in claimed:
            self._under_way[one.key_id] += 1
            carrying = group.create_task(self._carry(one, again))
            self._carrying.add(carrying)
            carrying.add_done_callback(self._carrying.discard)
        if claimed:
            return 0.0
        due_in_s = await self._deliveries.next_due_in_s()
        if due_in_s is None or (due_in_s <= 0 and busy):  # what is due is of busy keys: their next end wakes us
            return LOOK_EVERY_S
        return min(LOOK_EVERY_S, max(0.05, due_in_s))

    async def _carry(self, claimed: Delivery, again: Callable[[], None]) -> None:
        try:
            await self.deliver(claimed)
        except GatewayError as exc:  # not written down: it is due again when the claim ends
            log.warning("webhook's outcome not written", delivery=claimed.id, reason=exc.message)
        finally:
            self._under_way[claimed.key_id] -= 1
            if not self._under_way[claimed.key_id]:
                del self._under_way[claimed.key_id]
            again()

    async def _try(self, claimed: Delivery) -> Outcome:
        message = await self._message(claimed)
        headers = dict(message.headers)
        if message.signed:
            secrets = await self._signing.secrets_of(claimed.key_id)
            headers |= signing.headers(claimed.id, message.body, secrets, datetime.now(UTC))
        # What an operator mended in the settings counts for messages that are still to arrive.
        url = self._own_urls.get(claimed.channel, claimed.url)
        return await self._senders[claimed.channel].send(url, message.body.encode(), headers)

    async def _message(self, claimed: Delivery) -> Message:
        match claimed.channel:
            case Channel.TASK:
                return await self._tell(claimed)
            case Channel.WEBHOOK:
                return messages.signed_json(claimed, messages.for_webhook(claimed.data))
        return messages.ntfy(claimed.data, token=self._ntfy_token)
