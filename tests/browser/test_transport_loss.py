"""The death of page, browser and driver in the middle of everything: told once, at once, and nothing hangs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from browser.errors import BrowserError, SlotLost, StorageFull
from browser.page_transport import PageTransport
from browser.transport import World
from browser.transport_limits import MIB
from tests.browser.transport_fixtures import Opened, Running, launch, open_on, the_world, until  # noqa: F401
from tests.browser.transport_site import TransportSite

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Doomed(Opened):
    """A transport on a Chromium of its own, which the test may kill."""

    running: Running
    driver: psutil.Process

    def processes(self, sign: str) -> list[psutil.Process]:
        """Chromium's processes whose command line contains *sign*."""
        found = []
        for process in self.driver.children(recursive=True):
            try:
                line = process.cmdline()
            except psutil.Error:
                continue
            if sign in line:
                found.append(process)
        return found

    def kill_renderers(self) -> None:
        for process in self.processes("--type=renderer"):
            os.kill(process.pid, signal.SIGKILL)

    def kill_browser(self) -> None:
        for process in self.processes(f"--user-data-dir={self.running.profile_dir}"):
            with suppress(psutil.Error, ProcessLookupError):  # its own processes end with it
                if not any(argument.startswith("--type=") for argument in process.cmdline()):
                    os.kill(process.pid, signal.SIGKILL)

    def kill_driver(self) -> None:
        os.kill(self.driver.pid, signal.SIGKILL)


@pytest_asyncio.fixture(loop_scope="session", name="doomed")
async def a_doomed_transport(world: TransportSite, tmp_path: Path) -> AsyncIterator[Doomed]:
    before = {process.pid for process in psutil.Process().children()}
    playwright = await async_playwright().start()
    driver = next(process for process in psutil.Process().children() if process.pid not in before)
    running = await launch(playwright, world, tmp_path)
    opened = await open_on(running)
    doomed = Doomed(opened.transport, opened.lost, opened.navigated, running, driver)
    browser = driver.children(recursive=True)
    yield doomed
    await opened.transport.close()
    if driver.is_running():
        await running.context.close()
        await playwright.stop()
    await asyncio.to_thread(psutil.wait_procs, [*browser, driver], timeout=60)


async def fetching(transport: PageTransport) -> None:
    await transport.fetch("GET", "/slow", world=World.ISOLATED)


async def fetching_in_main(transport: PageTransport) -> None:
    await transport.fetch("GET", "/slow", world=World.MAIN)


async def streaming(transport: PageTransport) -> None:
    async with transport.stream("GET", "/lines?n=1&hang=1") as reply:
        async for _ in reply:
            pass


async def downloading(transport: PageTransport) -> None:
    into = Path(os.environ["TRANSPORT_TEST_FOLDER"]) / "f"
    await transport.download("https://assets.grok.com/asset?mb=50&rate=5", into=into, limit_bytes=64 * MIB)


async def listening(transport: PageTransport) -> None:
    async with transport.open_socket("wss://grok.com/ws", timeout_s=5) as socket:
        await socket.receive(timeout_s=30)


WORK: list[Callable[[PageTransport], Awaitable[None]]] = [
    fetching, fetching_in_main, streaming, downloading, listening,
]  # fmt: skip
KILLS = [Doomed.kill_renderers, Doomed.kill_browser, Doomed.kill_driver]


@pytest.mark.parametrize("kill", KILLS, ids=lambda kill: kill.__name__)
async def test_everything_under_way_ends_as_slot_lost(
    doomed: Doomed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: Callable[[Doomed], None]
) -> None:
    """Calls, streams, downloads and sockets all hear of it within a moment; the owner hears of it once."""
    monkeypatch.setenv("TRANSPORT_TEST_FOLDER", str(tmp_path))
    works = [asyncio.ensure_future(work(doomed.transport)) for work in WORK]
    await until((tmp_path / "f.part").exists)
    await asyncio.sleep(0.3)
    assert not any(work.done() for work in works)
    killed_at = time.monotonic()
    kill(doomed)
    done, still = await asyncio.wait(works, timeout=10)
    assert time.monotonic() - killed_at < 10
    assert not still
    assert {type(work.exception()) for work in done} == {SlotLost}
    assert len(doomed.lost) == 1, doomed.lost
    assert doomed.transport.broken
    assert not (tmp_path / "f.part").exists()
    with pytest.raises(SlotLost):
        await doomed.transport.fetch("GET", "/echo")
    with pytest.raises(SlotLost):
        async with doomed.transport.stream("GET", "/echo"):
            pass
    with pytest.raises(SlotLost):
        await doomed.transport.reload()


async def test_an_idle_transport_notices_too(doomed: Doomed) -> None:
    """No call is under way when the driver dies, for which the driver's library has no event."""
    doomed.kill_driver()
    await until(lambda: doomed.lost)
    assert doomed.transport.broken


async def test_a_closed_page_is_a_loss_and_closing_is_not(doomed: Doomed) -> None:
    work = asyncio.ensure_future(fetching(doomed.transport))
    await asyncio.sleep(0.1)
    await doomed.transport.close()
    with pytest.raises(SlotLost):
        await asyncio.wait_for(work, 2)
    assert doomed.lost == []
    again = await open_on(doomed.running)
    await again.transport.page.close()
    await until(lambda: again.lost)
    assert len(again.lost) == 1
    await again.transport.close()


async def test_a_full_disk_of_the_browser_is_told(world: TransportSite, tmp_path: Path) -> None:
    """The browser itself runs out of room while it writes."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder = tmp_path / "downloads"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        async with async_playwright() as playwright:
            running = await launch(playwright, world, tmp_path)
            opened = await open_on(running)
            download = opened.transport.download(
                "https://assets.grok.com/asset?mb=20&rate=20&no_length=1", into=folder / "f", limit_bytes=64 * MIB
            )
            with pytest.raises(BrowserError) as caught:
                await asyncio.wait_for(download, 15)
            assert isinstance(caught.value, StorageFull), caught.value
            await until(lambda: list(folder.iterdir()) == [])
            await opened.transport.close()
            await running.context.close()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
