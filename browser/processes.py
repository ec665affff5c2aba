"""Processes of ours, by pid: watching them end, ending them, and what memory they take.

Everything here names processes by pid and start time (psutil), never by a name that somebody else's could have too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

#: How often a process is looked at where the kernel cannot tell us of its end.
POLL_S = 0.25


class ExitWatch:
    """Calls back once, on the event loop, when a process ends; also one that is not our child."""

    def __init__(self, pid: int, on_exit: Callable[[], None]) -> None:
        self.pid = pid
        self._on_exit = on_exit
        self._loop = asyncio.get_running_loop()
        self._fd: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        try:
            self._fd = os.pidfd_open(pid)
        except (OSError, AttributeError):  # already gone, or a system without pidfds
            self._timer = self._loop.call_soon(self._look)  # type: ignore[assignment]
        else:
            self._loop.add_reader(self._fd, self._ended)

    def cancel(self) -> None:
        """Stop watching; the callback will not come any more."""
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if is_running(self.pid):
            self._timer = self._loop.call_later(POLL_S, self._look)
        else:
            self._ended()

    def _ended(self) -> None:
        self.cancel()
        self._on_exit()


def is_running(pid: int) -> bool:
    """Tell whether a process of this pid lives (a zombie does not)."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def family(pid: int) -> list[psutil.Process]:
    """Return the process and all its descendants, as far as they can be seen now; empty when it is gone."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def children_with(pid: int | None, argument: str) -> list[psutil.Process]:
    """Return the direct children of *pid* (None: of this process) that were started with exactly this argument."""
    try:
        children = psutil.Process(pid).children()
    except psutil.Error:
        return []
    return [child for child in children if argument in _command_line(child)]


def browsers_on(user_data_dir: Path) -> list[psutil.Process]:
    """Return every process of this machine that was started as a browser with exactly this user data directory."""
    argument = f"--user-data-dir={user_data_dir}"
    return [process for process in psutil.process_iter() if argument in _command_line(process)]


def pss_bytes(pid: int) -> int:
    """Add up the memory of a process and its descendants, shared pages divided among their users.

    Reads /proc for each of them (some milliseconds per process): not on the event loop.
    """
    total = 0
    for process in family(pid):
        with suppress(psutil.Error):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    return total


async def gone(processes: Iterable[psutil.Process], *, timeout_s: float) -> list[psutil.Process]:
    """Wait until the processes have ended; return those that live on after *timeout_s*."""
    left = list(processes)
    deadline = asyncio.get_running_loop().time() + timeout_s
    while left := [process for process in left if _lives(process)]:
        if asyncio.get_running_loop().time() >= deadline:
            break
        await asyncio.sleep(0.02)
    return left


async def end(processes: Iterable[psutil.Process], *, term_s: float = 3.0, kill_s: float = 3.0) -> list[psutil.Process]:
    """Ask the processes to end, then kill those that did not; return what still lives (normally nothing)."""
    left = [process for process in processes if _lives(process)]
    for process in left:
        with suppress(psutil.Error):
            process.terminate()
    left = await gone(left, timeout_s=term_s)
    for process in left:
        with suppress(psutil.Error):
            process.kill()
    return await gone(left, timeout_s=kill_s)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
