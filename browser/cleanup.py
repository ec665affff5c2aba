"""The one way to finish clean-up that must await although its task is being cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)


async def finish(work: Coroutine[Any, Any, Any], *, within_s: float, what: str) -> None:
    """Run *work* to its end, or until *within_s* have passed, even when we are cancelled meanwhile.

    A cancellation is raised again afterwards. Errors of the work are logged under the name *what*, not raised: there
    is nothing left that a caller could do about them.
    """
    task = asyncio.ensure_future(_bounded(work, within_s, what))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        raise cancelled


async def _bounded(work: Coroutine[Any, Any, Any], within_s: float, what: str) -> None:
    try:
        async with asyncio.timeout(within_s):
            await work
    except TimeoutError:
        log.warning("cleanup timed out", what=what, within_s=within_s)
    except Exception as exc:
        log.warning("cleanup failed", what=what, error=str(exc))
