"""What the pool tells, written into the rows: state, account, cooldowns, and the history."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from browser.checkpoint import CheckpointStore
from browser.clearance import Clearance
from browser.status import ProfileEvent, ProfileStatus
from gateway.errors import GatewayError
from gateway.profiles.carrying import copies_to_json
from gateway.profiles.events import ProfileEvents
from gateway.profiles.registry import Registry

log = structlog.get_logger(__name__)

RETRY_S = 2.0
#: Lines of each profile's history that are kept, and how often the older ones are dropped.
HISTORY = 1000
PRUNE_EVERY_S = 3600.0

#: What changes the copies of a sign-in; that one was only found current is no news for the history.
COPIES_CHANGED = frozenset({"checkpoint saved", "checkpoint confirmed", "import applied"})
NO_NEWS = frozenset({"checkpoint confirmed"})


class Recorder:
    """Writes events in order. A profile's state is read from the pool when it is written, so the last write is true."""

    def __init__(
        self,
        registry: Registry,
        events: ProfileEvents,
        status: Callable[[str], ProfileStatus | None],
        *,
        copies: Callable[[str], CheckpointStore],
        on_sign_in: Callable[[str], None] = lambda _: None,
    ) -> None:
        """on_sign_in: told the name of a profile that has just been signed in, once that is written."""
        self._registry = registry
        self._events = events
        self._status = status
        self._copies = copies
        self._recount: set[str] = set()
        self._on_sign_in = on_sign_in
        self._held_in: dict[str, str] = {}  # the state in which an operator took a profile
        self._signed_in: set[str] = set()  # just now; not written yet
        self._way_out_known: set[str] = set()

    async def run(self) -> None:
        """Write until cancelled; a database that is away is waited for."""
        while True:
            await self._events.wait()
            while True:
                try:
                    await self.flush()
                    break
                except GatewayError as exc:
                    log.warning("profile state not written", error=str(exc), waiting=len(self._events.waiting))
                    await asyncio.sleep(RETRY_S)

    async def prune(self) -> None:
        """Keep the histories short, until cancelled."""
        while True:
            try:
                await self._registry.prune_notes(keep=HISTORY)
            except GatewayError as exc:
                log.info("history not pruned", error=str(exc))
            await asyncio.sleep(PRUNE_EVERY_S)

    async def flush(self) -> None:
        """Write what is known now. Raises what the database raises; nothing is lost by that."""
        await self._write_history()
        await self._write_what_the_site_told()
        while self._recount:
            name = next(iter(self._recount))
            await self.count_copies(name)
            self._recount.discard(name)
        await self._write_health()
        touched = self._events.touched
        while touched:
            name = touched.pop()
            try:
                await self.write(name)
            except BaseException:
                touched.add(name)
                raise

    async def _write_history(self) -> None:
        waiting = self._events.waiting
        while waiting:
            event = waiting[0]
            data = {"clearance": event.clearance.value, "reason": event.reason, **event.detail}
            if event.what not in NO_NEWS:
                await self._registry.log(event.profile, event.what, data, at=event.at)
            if event.what in COPIES_CHANGED:
                self._recount.add(event.profile)
            self._notice_sign_in(event)
            if waiting and waiting[0] is event:  # a full queue drops its oldest while we write
                waiting.popleft()

    async def _write_what_the_site_told(self) -> None:
        while self._events.protocols:
            profile, protocol = next(iter(self._events.protocols.items()))
            await self._registry.note_protocol(profile, protocol)
            if self._events.protocols.get(profile) == protocol:
                del self._events.protocols[profile]
        while self._events.quotas:
            profile, quota = next(iter(self._events.quotas.items()))
            await self._registry.note_quota(profile, quota)
            if self._events.quotas.get(profile) is quota:
                del self._events.quotas[profile]

    async def _write_health(self) -> None:
        health = self._events.health.take_changed()
        try:
            for name, counts in health.items():
                await self._registry.note_health(name, counts)
        except BaseException:
            self._events.health.put_back(health)
            raise

    async def count_copies(self, name: str) -> None:
        """Write which copies of the profile's sign-in there are."""
        found = await asyncio.to_thread(lambda: copies_to_json(self._copies(name)))
        await self._registry.note_checkpoints(name, found)

    async def write(self, name: str, *, checked_for: datetime | None = None) -> None:
        """Write the profile's state; with *checked_for* also that it was looked at for a request of that moment."""
        status = self._status(name)
        if status is None:
            if checked_for is not None:
                await self._registry.answer_check(name, checked_for)
            return
        await self._registry.record_seen(
            name,
            clearance=status.clearance,
            reason=status.reason,
            since=status.since,
            account=status.account,
            cooldowns=status.cooldowns,
            last_checkpoint_at=status.last_checkpoint_at,
            checked_at=None if checked_for is None else max(datetime.now(UTC), checked_for),
        )
        if status.clearance is Clearance.READY:
            await self._remember_way_out(name)

    def _notice_sign_in(self, event: ProfileEvent) -> None:
        """Tell a sign-in from an operator's mere look at a profile that was signed in all the time."""
        name, before = event.profile, event.detail.get("before", "")
        if event.what == "hold started":
            self._held_in[name] = before
        elif event.what == "hold ended":
            self._held_in.pop(name, None)
        elif event.what == "sign-in seen" and self._held_in.get(name) != Clearance.READY:
            self._signed_in.add(name)
        elif event.what == "clearance changed" and before == Clearance.LOGIN_REQUIRED and name not in self._held_in:
            self._signed_in.add(name)  # done in a window of the profile, if it is READY next
        elif event.what == "clearance changed" and event.clearance is Clearance.LOGIN_REQUIRED:
            self._signed_in.discard(name)
        elif event.what == "import applied":
            self._way_out_known.discard(name)

    async def _remember_way_out(self, name: str) -> None:
        anew = name in self._signed_in
        if not anew and name in self._way_out_known:
            return
        if await self._registry.remember_sign_in(name, anew=anew):
            self._on_sign_in(name)
        self._signed_in.discard(name)
        self._way_out_known.add(name)
