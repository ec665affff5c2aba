"""The door to the live view: who wants to look at a profile joins here. A profile nobody looks at costs nothing.

async with LiveViews(pool) as views:
    async with views.join("work", who="admin", may_control=True) as viewer:
        while (item := await viewer.outbox.take()) is not None: ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from browser.errors import PoolClosed, ProfileUnknown
from browser.live.settings import LiveSettings
from browser.live.view import LiveView
from browser.live.viewer import Viewer
from browser.pool import Pool

#: (profile, "taken" | "given", who, why)
OnProfileControl = Callable[[str, str, str, str], None]


def _unheard(_profile: str, _what: str, _who: str, _why: str) -> None:
    return None


class LiveViews:
    """The live views of a pool's profiles. Enter it when the pool is open, leave it before it closes."""

    def __init__(self, pool: Pool, settings: LiveSettings | None = None) -> None:
        #: Told whenever control of a profile is taken or given back.
        self.on_control: OnProfileControl = _unheard
        self._pool = pool
        self._settings = settings or LiveSettings()
        self._views: dict[str, tuple[LiveView, asyncio.Task[None]]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.__aenter__()
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._stack.callback(self.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, exc, trace)

    def close(self) -> None:
        """Send everybody home; profiles that are held are given back."""
        for view, task in list(self._views.values()):
            for viewer in list(view.viewers.values()):
                viewer.outbox.close()
            task.cancel()
        self._group, self._views = None, {}

    def knows(self, name: str) -> bool:
        """Whether the profile is in this pool."""
        return any(status.name == name for status in self._pool.status())

    def people(self, name: str) -> list[Viewer]:
        """Who looks at a profile now."""
        found = self._views.get(name)
        return [] if found is None else list(found[0].viewers.values())

    @asynccontextmanager
    async def join(self, name: str, *, who: str, may_control: bool) -> AsyncIterator[Viewer]:
        """Look at a profile for the length of the block. Raises ProfileUnknown, PoolClosed."""
        if self._group is None:
            raise PoolClosed("the gateway is stopping")
        if not self.knows(name):
            raise ProfileUnknown(f"there is no profile {name!r} on this node")
        view = self._view(name, self._group)
        viewer = view.join(who=who, may_control=may_control)
        try:
            yield viewer
        finally:
            view.leave(viewer)
            self._end_unused(name)

    def _view(self, name: str, group: asyncio.TaskGroup) -> LiveView:
        found = self._views.get(name)
        if found is not None:
            return found[0]
        view = LiveView(
            name,
            self._pool,
            group=group,
            settings=self._settings,
            on_control=lambda what, who, why: self.on_control(name, what, who, why),
            unused=lambda: self._end_unused(name),
        )
        task = group.create_task(view.run(), name=f"live view of {name}")
        self._views[name] = (view, task)
        return view

    def _end_unused(self, name: str) -> None:
        found = self._views.get(name)
        if found is not None and not found[0].viewers and not found[0].control.busy:
            del self._views[name]
            found[1].cancel()
