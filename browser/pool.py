"""The pool: profiles, and leases of slots on them. The one door to this package for those who have work for a page.

async with Pool(site, launch=..., profiles_dir=..., slots={"chat": 8}, checkpoint_key=key) as pool:
    await pool.add(ProfileSpec("work"), clearance=Clearance.READY)
    async with pool.lease("chat", timeout_s=30) as lease:
        reply = await lease.transport.fetch("GET", "/api/…")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from browser import processes
from browser.agenda import Mode
from browser.checkpoint import CheckpointStore
from browser.chromium_context import ChromiumOpener
from browser.cleanup import finish
from browser.clearance import NEXT_ACTION, Clearance, Cooldown, Verdict
from browser.context import Context, Opener
from browser.errors import (
    BrowserError,
    LeaseTimeout,
    PoolClosed,
    ProfileNotCleared,
    ProfileUnknown,
)
from browser.hold import Held
from browser.keeper import Keeper
from browser.launch import LaunchSettings
from browser.lease import Lease
from browser.lending import Lending
from browser.profiles import ProfileDir, ProfileSpec, check_name
from browser.resident import Resident
from browser.settings import PoolSettings
from browser.site import Site
from browser.standing import Standing
from browser.status import ProfileEvent, ProfileStatus
from browser.transport_limits import TransportLimits

log = structlog.get_logger(__name__)

#: Leaving the pool's block without `drain` drains for so long.
CLOSE_S = 30.0
#: Of the time for draining this much is kept for closing browsers.
CLOSING_S = 10.0


class Pool:
    """Leases profiles of one site. Use it as a context manager; see browser/README.md for the life of a profile."""

    def __init__(
        self,
        site: Site,
        *,
        launch: LaunchSettings,
        profiles_dir: Path,
        slots: Mapping[str, int],
        checkpoint_key: bytes,
        settings: PoolSettings | None = None,
        limits: TransportLimits | None = None,
        checkpoints_dir: Path | None = None,
        prefer: Callable[[str], int] = lambda _: 0,
        on_event: Callable[[ProfileEvent], None] | None = None,
        opener: Opener | None = None,
    ) -> None:
        """slots: how many leases of each kind of work one profile bears. opener: what starts browsers (Chromium).

        checkpoints_dir: one folder of sealed copies per profile; None: each in its profile's directory. prefer: of profiles
        with equally many free slots the one with the higher number is lent first.
        """
        self.site = site
        self._settings = settings or PoolSettings()
        self._profiles_dir = profiles_dir
        self._checkpoints_dir = checkpoints_dir
        self._key = checkpoint_key
        self._listeners: dict[object, Callable[[ProfileEvent], None]] = {} if on_event is None else {self: on_event}
        self._opener = opener or ChromiumOpener(
            site, launch, launch_concurrency=self._settings.launch_concurrency, limits=limits
        )
        self._residents: dict[str, Resident] = {}
        self._lending = Lending(self._residents, slots, max_waiting=self._settings.max_waiting, prefer=prefer)
        self._memory: dict[str, int] = {}
        self._stack = AsyncExitStack()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        self._stack.push_async_callback(self._opener.close)
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._stack.callback(self._stop)
        self._start(self._lending.janitor.run(), "janitor")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        await finish(self.drain(timeout_s=CLOSE_S), within_s=CLOSE_S + 1, what="pool closing")
        if isinstance(exc, asyncio.CancelledError):
            return await self._stack.__aexit__(kind, exc, trace)
        # The block's own error is not one of our tasks': it goes on as it is, not within a group.
        return await self._stack.__aexit__(None, None, None)

    def __repr__(self) -> str:
        profiles = ", ".join(
            f"{name}: {resident.affairs.clearance}{'' if resident.affairs.context is None else ' running'} "
            + " ".join(f"{kind} {count.used}/{count.total}" for kind, count in self._lending.book.counts(name).items())
            for name, resident in sorted(self._residents.items())
        )
        waiting = " ".join(f"{kind} {self._lending.book.waiting(kind)}" for kind in self._lending.book.totals)
        return (
            f"<Pool {'closed' if self._lending.closed else 'open'} | {profiles or 'no profiles'} | waiting: {waiting}>"
        )

    # Profiles.

    async def add(
        self,
        spec: ProfileSpec,
        *,
        clearance: Clearance = Clearance.NEW,
        reason: str = "",
        account: Mapping[str, str] | None = None,
        cooldowns: Iterable[Cooldown] = (),
    ) -> None:
        """Take a profile in, standing where it stood when it was last known.

        READY starts when first needed; NEW, and one that waits for a human or has an import to apply, starts at once.
        """
        if self._group is None or self._lending.closed:
            raise PoolClosed("the pool is closed")
        if spec.name in self._residents:
            raise BrowserError(f"profile {spec.name} is in the pool already")
        copies = None if self._checkpoints_dir is None else self._checkpoints_dir / spec.name
        directory = ProfileDir(self._profiles_dir / spec.name, checkpoints=copies)
        directory.create()
        store = CheckpointStore(directory.checkpoints, profile=spec.name, key=self._key)
        standing = Standing(clearance, reason, account=dict(account or {}))
        for cooldown in cooldowns:
            standing.cool(cooldown)
        resident = Resident(
            spec,
            site=self.site,
            keeper=Keeper(directory, store=store, opener=self._opener),
            settings=self._settings,
            standing=standing,
            changed=self._lending.changed,
            tell=self._tell,
        )
        self._residents[spec.name] = resident
        self._lending.book.add_profile(spec.name)
        self._start(resident.run(), f"profile {spec.name}")
        self._lending.changed()

    async def remove(self, name: str) -> None:
        """Let a profile go: its leases get the grace, its browser is closed, its directory stays on disk, unlocked."""
        resident = self._resident(name)
        del self._residents[name]
        self._lending.book.remove_profile(name)
        self._memory.pop(name, None)
        self._lending.changed()
        await resident.shut(Mode.LEAVING, grace_s=self._settings.lease_grace_s)

    async def update(self, spec: ProfileSpec) -> None:
        """Take a changed configuration: another proxy restarts and checks the profile, `enabled` lets it in or out."""
        resident = self._resident(spec.name)
        resident.respec(spec)
        if not spec.enabled:
            await resident.shut(Mode.DISABLED, grace_s=self._settings.lease_grace_s)
        elif resident.affairs.mode is Mode.DISABLED:
            resident.reopen(check=True)

    async def release(self, name: str, *, timeout_s: float) -> None:
        """Give a profile's directory up, so that another process may work in it, until `resume`.

        Leases get half of *timeout_s* to end. Raises LeaseTimeout when the browser did not close in time.
        """
        resident = self._resident(name)
        try:
            async with asyncio.timeout(timeout_s):
                await resident.shut(Mode.RELEASED, grace_s=min(self._settings.lease_grace_s, timeout_s / 2))
        except TimeoutError:
            resident.reopen(check=True)
            raise LeaseTimeout(f"profile {name} could not be released within {timeout_s:g} s") from None

    def resume(self, name: str) -> None:
        """Work with a released profile again; it is started and checked, with the checkpoints others may have made."""
        self._resident(name).reopen(check=True)

    async def check(self, name: str) -> Verdict:
        """Look at a profile now: start it if needed, go home, ask the site. READY takes a checkpoint.

        Raises what prevented a verdict: LaunchFailed, TransportFailed, ProfileBusy, ProfileNotCleared (closed).
        """
        return await self._resident(name).check()

    async def checkpoint_now(self, name: str) -> None:
        """Copy a signed-in profile's cookies and storage out. Raises ProfileNotCleared when it is not signed in."""
        await self._resident(name).checkpoint()

    async def look_out(self, name: str, url: str, *, timeout_s: float) -> str:
        """Open *url* in a page of the profile's own browser and return the text it shows (its first 2,000 characters).

        For what only this browser can tell, such as the address its requests come from. Raises ProfileNotCleared when the
        browser does not run or an operator has it, TransportFailed when the page does not answer.
        """
        affairs = self._resident(name).affairs
        context = affairs.context
        if context is None or affairs.held is not None:
            raise ProfileNotCleared(f"profile {name}: its browser is not free to look out now")
        return await context.look_out(url, timeout_s=timeout_s)

    # Slots.

    def free(self, kind: str) -> list[str]:
        """Return the profiles on which a slot of *kind* could be had now without waiting, the best one first."""
        return self._lending.book.free(kind)

    async def wait_changed(self, seen: int) -> int:
        """Wait until capacity may have changed since *seen* (begin with 0); returns what to give next time.

        Raises PoolClosed when nothing will change any more.
        """
        return await self._lending.wait_changed(seen)

    @asynccontextmanager
    async def lease(self, kind: str, *, timeout_s: float, profile: str | None = None) -> AsyncIterator[Lease]:
        """Borrow a slot for one kind of work, on the best profile or on a certain one, for the length of the block.

        timeout_s: for getting it, including the start of a suspended browser. Raises LeaseTimeout, PoolSaturated,
        PoolClosed; with *profile* also ProfileUnknown, ProfileNotCleared (at once), ProfileBusy, LaunchFailed.
        """
        lease = await self._lending.granted(kind, profile, timeout_s=timeout_s)
        try:
            yield lease
        finally:
            lease.end()

    @asynccontextmanager
    async def hold(self, name: str, *, timeout_s: float) -> AsyncIterator[Held]:
        """Give a profile's page to an operator for the length of the block; other leases end first.

        Raises LeaseTimeout, ProfileUnknown, ProfileNotCleared (disabled, released), ProfileBusy, LaunchFailed,
        TransportFailed (the site cannot be reached).
        """
        resident = self._resident(name)
        held = await resident.hold(timeout_s)
        try:
            yield held
        finally:
            resident.unhold()

    async def drain(self, *, timeout_s: float) -> None:
        """Lend nothing more, wait for the borrowers, copy everything out, close; then the pool is closed for good.

        timeout_s: for all of it; borrowers lose their pages some seconds before its end.
        """
        self._lending.close()
        residents = list(self._residents.values())
        self._residents.clear()
        # What is not for the borrowers is for checkpoints, and for Chromium to write its files.
        grace_s = max(timeout_s / 4, timeout_s - CLOSING_S)
        try:
            async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
                for resident in residents:
                    group.create_task(resident.shut(Mode.LEAVING, grace_s=grace_s))
        except TimeoutError:
            log.warning("drain timed out", timeout_s=timeout_s)
            self._stop()  # whoever is still at it ends his browser as fast as that goes

    # What is told.

    def status(self) -> list[ProfileStatus]:
        """Return every profile as it is now, by name."""
        return [self._status(self._residents[name]) for name in sorted(self._residents)]

    def context(self, name: str) -> Context | None:
        """Return what runs on a profile now, to be looked at and not to be worked with; None when nothing does."""
        return self._resident(name).affairs.context

    @contextmanager
    def listen(self, heard: Callable[[ProfileEvent], None]) -> Iterator[None]:
        """Hear the profiles' events as they happen, for the length of the block; must not block."""
        key = object()
        self._listeners[key] = heard
        try:
            yield
        finally:
            del self._listeners[key]

    async def measure_memory(self) -> dict[str, int]:
        """Measure what each running profile takes, in bytes; `status` shows it from then on."""
        running = {
            name: context.pid
            for name, resident in self._residents.items()
            if (context := resident.affairs.context) is not None and context.pid is not None
        }
        self._memory = {name: await asyncio.to_thread(processes.pss_bytes, pid) for name, pid in running.items()}
        return dict(self._memory)

    def _status(self, resident: Resident) -> ProfileStatus:
        affairs, standing = resident.affairs, resident.standing
        context = affairs.context
        return ProfileStatus(
            name=resident.name,
            clearance=affairs.clearance,
            reason=standing.reason or affairs.trouble,
            since=affairs.since,
            next_action=NEXT_ACTION[affairs.clearance].replace("NAME", resident.name),
            account=dict(standing.account),
            cooldowns=standing.cooldowns(),
            slots=self._lending.book.counts(resident.name),
            running=context is not None,
            released=affairs.mode is Mode.RELEASED,
            pid=None if context is None else context.pid,
            pss_bytes=None if context is None else self._memory.get(resident.name),
            last_checkpoint_at=resident.keeper.saved_at,
            verified_at=standing.verified_at,
            proxy=affairs.spec.proxy,
            recycles=affairs.recycling.count(affairs.now),
        )

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        if self._group is None:
            work.close()
            raise PoolClosed("the pool is not open")
        task = self._group.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _resident(self, name: str) -> Resident:
        resident = self._residents.get(name)
        if resident is None:
            if self._lending.closed:
                raise PoolClosed("the pool is closed")
            raise ProfileUnknown(f"there is no profile {check_name(name)} in this pool")
        return resident

    def _tell(self, event: ProfileEvent) -> None:
        for listener in tuple(self._listeners.values()):
            try:
                listener(event)
            except Exception:
                log.exception("event handler failed", what=event.what, profile=event.profile)
