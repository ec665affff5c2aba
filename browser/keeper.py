"""The slow work on one profile: its directory, its browser and its checkpoints. Knows nothing of clearance."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from browser.checkpoint import Checkpoint, CheckpointStore
from browser.context import Context, Observer, Opener, Restore
from browser.errors import CheckpointUnreadable, SlotLost
from browser.profiles import ProfileDir, ProfileSpec

log = structlog.get_logger(__name__)


class Keeper:
    """Starts a profile's browser with what its checkpoints hold, and copies its state out."""

    def __init__(self, directory: ProfileDir, *, store: CheckpointStore, opener: Opener) -> None:
        self.directory = directory
        self._store = store
        self._opener = opener
        self._mark: str | None = None
        self._applied: Checkpoint | None = None
        #: Why the latest checkpoint could not be put back; '' = it could, or there is none.
        self.unreadable = ""
        newest = store.newest()
        self.saved_at: datetime | None = newest.taken_at if newest is not None else None
        self._generation = newest.generation if newest is not None else 0

    def has_import(self) -> bool:
        """Whether a sign-in brought from elsewhere waits to be applied."""
        return self._store.pending_import() is not None

    async def start(self, spec: ProfileSpec, observer: Observer) -> tuple[Context, bool]:
        """Start the browser; returns it and whether its state was replaced (so that it must be verified anew).

        Takes the directory's lock and keeps it until `give_up`. Raises ProfileBusy, LaunchFailed, TransportFailed.
        """
        self.directory.lock()
        await self.directory.clear_remains()
        imported = await asyncio.to_thread(self._store.pending_import)
        restore = await asyncio.to_thread(self._restore, imported)
        context = await self._opener.open(spec, self.directory, restore=restore, observer=observer)
        # No await from here on: a browser that dies before the caller has it could not be told of.
        self._mark = None
        self._applied = imported if restore is not None and restore.whole else None
        return context, restore is not None and restore.whole

    async def applied(self) -> bool:
        """Note that an import of the last start is in the browser: from now on it is a copy like the others."""
        imported, self._applied = self._applied, None
        if imported is not None:
            await asyncio.to_thread(self._store.adopt, imported)
            log.info("import applied", profile=self.directory.name, generation=imported.generation)
        return imported is not None

    async def save(self, context: Context, *, good: Callable[[], bool]) -> tuple[Checkpoint, bool]:
        """Copy the browser's state out; returns the copy, and whether it differs from the one before.

        good: asked once the state was read, whether it is still worth keeping. Raises SlotLost (also when not), OSError.
        """
        mark = await context.session_mark()
        state = await context.state()
        if not good():
            raise SlotLost(f"profile {self.directory.name}: the site meanwhile refuses it")
        checkpoint = await asyncio.to_thread(self._store.save, state)
        self._mark, self.saved_at = mark, checkpoint.taken_at
        before, self._generation = self._generation, checkpoint.generation
        return checkpoint, checkpoint.generation != before

    async def session_changed(self, context: Context) -> bool:
        """Tell whether the session cookies are others than at the last look or copy; the first look just notes them."""
        mark = await context.session_mark()
        before, self._mark = self._mark, mark
        return before is not None and before != mark

    def give_up(self) -> None:
        """Free the directory for another process."""
        self.directory.unlock()

    def _restore(self, imported: Checkpoint | None) -> Restore | None:
        self.unreadable = ""
        try:
            if imported is not None:
                return Restore(self._store.read(imported), whole=True)
            state = self._store.latest()
        except (CheckpointUnreadable, OSError) as exc:
            # The profile may well be signed in without it; if not, it will say so.
            log.warning("checkpoint not restored", profile=self.directory.name, error=str(exc))
            self.unreadable = str(exc)
            return None
        return None if state is None else Restore(state, whole=self.directory.is_fresh)
