"""Downloads: bytes on disk while they arrive, and nothing left behind by any way they can fail."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from browser.errors import StorageFull, TooLarge, TransportFailed, TransportRefused, TransportTimeout
from browser.page_transport import PageTransport
from browser.transport_limits import MIB
from tests.browser.transport_fixtures import (  # noqa: F401
    Opened,
    Running,
    a_chromium,
    a_transport,
    an_opened_transport,
    launch,
    open_on,
    the_world,
    until,
)
from tests.browser.transport_site import TransportSite, asset_bytes

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ASSET = "https://assets.grok.com/asset"
LIMIT = 64 * MIB


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    folder = tmp_path / "tiny"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_file_arrives_whole(transport: PageTransport, chromium: Running, tmp_path: Path) -> None:
    """Size, hash and type are told; the browser keeps no second copy."""
    done = await transport.download(f"{ASSET}?mb=5", into=tmp_path / "video.mp4", limit_bytes=LIMIT)
    expected = asset_bytes(5)
    assert done.path.read_bytes() == expected
    assert done.size_bytes == len(expected)
    assert done.sha256 == hashlib.sha256(expected).hexdigest()
    assert done.media_type == "video/mp4"
    assert [file.name for file in tmp_path.iterdir()] == ["video.mp4"]
    await until(lambda: list(chromium.downloads_dir.iterdir()) == [])
    assert done.path.stat().st_size == len(expected)


@pytest.mark.parametrize("how", ["mb=2", "mb=2&no_range=1", "mb=2&no_length=1", "mb=0"])
async def test_every_kind_of_answer_is_saved(transport: PageTransport, tmp_path: Path, how: str) -> None:
    """With and without ranges, of known and unknown length, and with no byte at all."""
    done = await transport.download(f"{ASSET}?{how}", into=tmp_path / "f", limit_bytes=LIMIT)
    assert done.path.read_bytes() == asset_bytes(2 if "mb=2" in how else 0)


async def test_a_length_of_compressed_bytes_does_not_end_a_file(transport: PageTransport, tmp_path: Path) -> None:
    """What is on disk becomes longer than the length that was told; it must not be taken for whole on the way."""
    for how in ("", "&no_range=1"):
        done = await transport.download(f"{ASSET}?mb=16&packed=1&rate=0.4{how}", into=tmp_path / "f", limit_bytes=LIMIT)
        assert done.path.read_bytes() == asset_bytes(1)[:16384] * 1024


async def test_the_part_file_can_be_read_while_it_grows(transport: PageTransport, tmp_path: Path) -> None:
    """A reader that follows ``.part`` sees the right bytes long before the end, and the rest through the same handle."""
    into = tmp_path / "video.mp4"
    part = tmp_path / "video.mp4.part"
    download = asyncio.create_task(transport.download(f"{ASSET}?mb=4&rate=8", into=into, limit_bytes=LIMIT))
    await until(lambda: part.exists() and part.stat().st_size > 0)
    with part.open("rb") as file:
        assert not into.exists()
        seen = file.read()
        assert 0 < len(seen) < 4 * MIB
        await download
        seen += file.read()
    assert seen == asset_bytes(4)
    assert not part.exists()


async def test_another_file_system_is_reached_by_copying(transport: PageTransport, tmp_path: Path) -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    into = shm / f"transport-{os.getpid()}.mp4"
    try:
        done = await transport.download(f"{ASSET}?mb=5", into=into, limit_bytes=LIMIT)
        assert into.read_bytes() == asset_bytes(5)
        assert done.sha256 == hashlib.sha256(asset_bytes(5)).hexdigest()
        assert not into.with_name(into.name + ".part").exists()
    finally:
        into.unlink(missing_ok=True)


async def test_a_redirect_to_another_origin_is_followed(transport: PageTransport, tmp_path: Path) -> None:
    """The browser would show such a file instead of saving it; what it refuses there is told as well."""
    moved = "https://assets.grok.com/moved?to=https://cdn.grok.com/asset"
    for number in range(2):
        done = await transport.download(f"{moved}?mb=2", into=tmp_path / f"{number}", limit_bytes=LIMIT)
        assert done.path.read_bytes() == asset_bytes(2)
    with pytest.raises(TransportRefused) as caught:
        await transport.download(f"{moved}?status=404", into=tmp_path / "f", limit_bytes=LIMIT)
    assert caught.value.status == 404
    circle = "https://assets.grok.com/moved?to=https://cdn.grok.com/moved?to=https://assets.grok.com/moved"
    with pytest.raises(TransportFailed):
        await transport.download(circle, into=tmp_path / "f", limit_bytes=LIMIT, start_timeout_s=2)


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_an_error_status_is_told_with_its_body(transport: PageTransport, tmp_path: Path, status: int) -> None:
    with pytest.raises(TransportRefused, match=str(status)) as caught:
        await transport.download(f"{ASSET}?status={status}", into=tmp_path / "f", limit_bytes=LIMIT)
    assert caught.value.status == status
    assert caught.value.body == "<Error>NoSuchKey</Error>"
    assert caught.value.headers["x-why"] == "asked"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", ["", "&no_range=1", "&no_length=1"])
async def test_too_many_bytes_are_not_kept(
    transport: PageTransport, world: TransportSite, chromium: Running, tmp_path: Path, length: str
) -> None:
    """Known beforehand or counted: the download ends at the site as well."""
    with pytest.raises(TooLarge):
        await transport.download(f"{ASSET}?mb=20&rate=20{length}", into=tmp_path / "f", limit_bytes=2 * MIB)
    assert list(tmp_path.iterdir()) == []
    exchange = world.ledger.last("/asset")
    await until(lambda: exchange.ended_at is not None)
    assert exchange.sent_bytes < 10 * MIB
    await until(lambda: list(chromium.downloads_dir.iterdir()) == [])


async def test_a_cancelled_caller_cancels_at_the_site(
    transport: PageTransport, world: TransportSite, chromium: Running, tmp_path: Path
) -> None:
    into = tmp_path / "f"
    download = asyncio.create_task(transport.download(f"{ASSET}?mb=20&rate=5", into=into, limit_bytes=LIMIT))
    await until(lambda: into.with_name("f.part").exists())
    download.cancel()
    cancelled_at = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await download
    assert time.monotonic() - cancelled_at < 1
    exchange = world.ledger.last("/asset")
    await until(lambda: exchange.aborted_at is not None)
    assert exchange.aborted_at is not None
    assert exchange.aborted_at - cancelled_at < 0.1
    assert list(tmp_path.iterdir()) == []
    await until(lambda: list(chromium.downloads_dir.iterdir()) == [])


async def test_a_download_that_breaks_is_a_failure(transport: PageTransport, chromium: Running, tmp_path: Path) -> None:
    with pytest.raises(TransportFailed, match="broke after"):
        await transport.download(f"{ASSET}?mb=8&cut=3", into=tmp_path / "f", limit_bytes=LIMIT)
    assert list(tmp_path.iterdir()) == []
    await until(lambda: list(chromium.downloads_dir.iterdir()) == [])


async def test_deadlines_end_a_download(transport: PageTransport, world: TransportSite, tmp_path: Path) -> None:
    with pytest.raises(TransportTimeout, match=r"not complete within 0\.6 s"):
        await transport.download(f"{ASSET}?mb=20&rate=2", into=tmp_path / "f", limit_bytes=LIMIT, timeout_s=0.6)
    with pytest.raises(TransportTimeout, match=r"within 0\.3 s"):
        await transport.download(
            "https://assets.grok.com/slow", into=tmp_path / "f", limit_bytes=LIMIT, start_timeout_s=0.3
        )
    assert list(tmp_path.iterdir()) == []
    await until(lambda: world.ledger.open_now == 0)


async def test_a_full_disk_is_told_before_and_during(
    transport: PageTransport, world: TransportSite, tiny_disk: Path
) -> None:
    """Known length: refused beforehand. Unknown length: stopped when the room ends, at the site too."""
    with pytest.raises(StorageFull, match="are needed"):
        await transport.download(f"{ASSET}?mb=3", into=tiny_disk / "f", limit_bytes=LIMIT)
    with pytest.raises(StorageFull, match="no room left"):
        await transport.download(f"{ASSET}?mb=20&rate=20&no_length=1", into=tiny_disk / "f", limit_bytes=LIMIT)
    assert list(tiny_disk.iterdir()) == []
    exchange = world.ledger.last("/asset")
    await until(lambda: exchange.aborted_at is not None)
    assert (await transport.download(f"{ASSET}?mb=0.5", into=tiny_disk / "f", limit_bytes=LIMIT)).size_bytes == MIB // 2


async def test_many_at_once_all_arrive(transport: PageTransport, tmp_path: Path) -> None:
    """More than the browser would start in a second."""
    downloads = [
        transport.download(f"{ASSET}?mb=0.{number % 9 + 1}", into=tmp_path / f"{number}", limit_bytes=LIMIT)
        for number in range(20)
    ]
    for number, done in enumerate(await asyncio.gather(*downloads)):
        assert done.path.read_bytes() == asset_bytes((number % 9 + 1) / 10)


async def test_other_origins_and_redirects_within_one(transport: PageTransport, tmp_path: Path) -> None:
    """A path of the site itself, a third host, and a redirect that stays on its origin."""
    for number, url in enumerate(["/asset?mb=1", "https://cdn.grok.com/asset?mb=1", f"{ASSET[:-6]}/moved?to=/asset"]):
        done = await transport.download(url, into=tmp_path / f"{number}", limit_bytes=LIMIT)
        assert done.size_bytes == MIB
    assert transport.page.url == "https://grok.com/"
    assert all(transport.owns(page) for page in transport.page.context.pages)
    stranger = await transport.page.context.new_page()
    assert not transport.owns(stranger)


async def test_a_start_is_not_lost_with_its_download_page(
    opened: Opened, chromium: Running, world: TransportSite, tmp_path: Path
) -> None:
    """The download page dies while the site is about to answer: the download begins again from another page."""
    transport = opened.transport
    await transport.download(f"{ASSET}?mb=0.1", into=tmp_path / "1", limit_bytes=LIMIT)
    stub = next(page for page in chromium.context.pages if page.url.startswith("https://assets.grok.com"))
    count = len(world.ledger.of("/asset"))
    download = asyncio.create_task(transport.download(f"{ASSET}?mb=1&late=1", into=tmp_path / "2", limit_bytes=LIMIT))
    await until(lambda: len(world.ledger.of("/asset")) == count + 2)
    await stub.close()
    assert (await download).size_bytes == MIB
    assert opened.lost == []


async def test_the_download_page_is_made_again_after_a_crash(opened: Opened, chromium: Running, tmp_path: Path) -> None:
    """Its crash costs nobody the lease."""
    transport = opened.transport
    await transport.download(f"{ASSET}?mb=1", into=tmp_path / "1", limit_bytes=LIMIT)
    stub = next(page for page in chromium.context.pages if page.url.startswith("https://assets.grok.com"))
    session = await chromium.context.new_cdp_session(stub)
    crashed = stub.wait_for_event("crash")
    crash = asyncio.create_task(session.send("Page.crash"))
    await crashed
    crash.cancel()
    await transport.download(f"{ASSET}?mb=1", into=tmp_path / "2", limit_bytes=LIMIT)
    assert opened.lost == []
    assert not transport.broken


async def test_a_tool_on_the_debugging_port_does_not_lead_downloads_away(world: TransportSite, tmp_path: Path):
    """Playwright turns downloads to a folder of its own when it connects, and to nowhere of ours when it leaves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with async_playwright() as playwright, async_playwright() as tool:
        running = await launch(playwright, world, tmp_path, f"--remote-debugging-port={port}")
        try:
            opened = await open_on(running)
            for name in ("before", "after"):
                saved = await opened.transport.download(
                    f"{ASSET}?mb=1", into=tmp_path / name, limit_bytes=LIMIT, timeout_s=10
                )
                assert saved.size_bytes == MIB
                await (await tool.chromium.connect_over_cdp(f"http://127.0.0.1:{port}")).close()
        finally:
            await running.context.close()
