"""``python -m tests.bench``: measure in one run, direct client and gateway side by side, and print the table.

``--only NAME`` (several times) runs some parts: transport, tasks, chats, console, listings, live, store, nodes.
``--quick`` shortens every load. The exit status is 0
whatever the figures say; a missed target is printed as MISSED, and whether
Chromium alone, with nothing of ours in it, misses it as well in this run.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import platform
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from playwright.async_api import async_playwright

from browser.transport_limits import TransportLimits
from tests.bench import (
    chat_bench,
    console_bench,
    gateway_bench,
    listing_bench,
    live_bench,
    nodes_bench,
    store_bench,
)
from tests.bench.bare_browser import bare_browser
from tests.bench.fast_site import fast_site
from tests.bench.figure import MB, Figure
from tests.bench.transport_bench import measure
from tests.browser.transport_fixtures import launch, open_on
from tests.e2e.gateway_process import Gateway
from tests.postgresql import running_cluster
from tests.simulator.client import Simulator


async def transport(quick: bool) -> list[Figure]:
    """The page against curl_cffi, same site, same run."""
    with tempfile.TemporaryDirectory() as folder:
        async with fast_site(Path(folder)) as site, async_playwright() as playwright:
            running = await launch(playwright, site, Path(folder))
            opened = await open_on(running, TransportLimits(streams=100))
            assets = "https://assets.grok.com"
            try:
                async with bare_browser(running.context, running.downloads_dir, origin=assets, bytes_=30 * MB) as bare:
                    return await measure(
                        opened.transport,
                        port=site.port,
                        cookie="session=abc",
                        seconds=2.0 if quick else 8.0,
                        not_counted=site.pids,
                        bare=bare,
                    )
            finally:
                await opened.transport.close()
                await running.context.close()


async def tasks(quick: bool) -> list[Figure]:
    """A gateway in its own process, three profiles, against the simulator."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        async with Simulator(pace=0.4) as sim:
            gateway = Gateway(Path(folder) / "data", sim.browser_args)
            names = [f"p{number}" for number in range(3)]
            for name in names:
                await gateway.import_profile(name, await sim.account(email=f"{name}@example.com"))
            await gateway.start()
            try:
                figures += await gateway_bench.overhead(gateway, sim, times=4 if quick else 12)
                figures += await gateway_bench.cancels(gateway, sim, times=2 if quick else 6)
                figures += await gateway_bench.polls(gateway)
                figures += await gateway_bench.memory(gateway, len(names))
            finally:
                await gateway.stop()
            single = Gateway(Path(folder) / "single", sim.browser_args, idle_suspend_s="1")
            await single.import_profile("p0", await sim.account(email="single@example.com"))
            await single.start()
            try:
                figures += await gateway_bench.resuming(sim, single, "p0")
            finally:
                await single.stop()
    return figures


async def chats(quick: bool) -> list[Figure]:
    """A gateway with one profile, against the simulator, and curl_cffi straight to it."""
    with tempfile.TemporaryDirectory() as folder:
        async with Simulator(pace=0.4) as sim:
            gateway = Gateway(Path(folder) / "data", sim.browser_args, chat_slots="56")
            await gateway.import_profile("p0", await sim.account(email="chats@example.com"))
            await gateway.start()
            try:
                return await chat_bench.chats(gateway, sim, times=4 if quick else 12, share=0.3 if quick else 1.0)
            finally:
                await gateway.stop()


async def store(quick: bool) -> list[Figure]:
    """The task store, growing to a million finished tasks."""
    sizes = store_bench.QUICK_SIZES if quick else store_bench.SIZES
    with tempfile.TemporaryDirectory() as folder, running_cluster() as cluster:
        urls = [f"sqlite:///{folder}/gateway.db", *([] if cluster is None else [cluster.new_database()])]
        return [figure for url in urls for figure in await store_bench.growing(url, sizes)]


async def nodes(quick: bool) -> list[Figure]:
    """What passes between nodes, and what an idle one costs."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder, running_cluster() as cluster:
        seconds = 5.0 if quick else 30.0
        figures += await nodes_bench.idle(
            Path(folder) / "one", f"sqlite:///{folder}/idle.db", "SQLite", seconds=seconds
        )
        if cluster is not None:
            url = cluster.new_database()
            figures += await nodes_bench.fan_out(url, times=20 if quick else 98)
            figures += await nodes_bench.cancel(url, times=10 if quick else 60)
            figures += await nodes_bench.idle(Path(folder) / "two", url, "PostgreSQL", seconds=seconds)
    return figures


async def console(quick: bool) -> list[Figure]:
    """A gateway with one profile and some videos behind it, looked at in a browser."""
    with tempfile.TemporaryDirectory() as folder:
        async with Simulator(pace=0.1) as sim:
            password = Path(folder) / "password"
            password.write_text(console_bench.PASSWORD, "utf-8")
            gateway = Gateway(Path(folder) / "data", sim.browser_args, admin_password_file=str(password))
            await gateway.import_profile("p0", await sim.account(email="console@example.com"))
            await gateway.start()
            try:
                async with gateway.client() as client:
                    for task in [await client.create(f"a lighthouse, take {number}") for number in range(6)]:
                        await client.wait(task)
                return await console_bench.console(gateway, times=2 if quick else 8, idle_s=5 if quick else 20)
            finally:
                await gateway.stop()


async def live(quick: bool) -> list[Figure]:
    """A gateway with one profile, watched and worked with through its console."""
    with tempfile.TemporaryDirectory() as folder:
        async with Simulator(pace=0.4) as sim, async_playwright() as playwright:
            gateway = Gateway(Path(folder) / "data", sim.browser_args, admin_password=live_bench.PASSWORD)
            await gateway.import_profile("p0", await sim.account(email="live@example.com"))
            await gateway.start()
            try:
                return await live_bench.live(
                    gateway, playwright, "p0", seconds=3.0 if quick else 10.0, clicks=10 if quick else 60
                )
            finally:
                await gateway.stop()


PARTS: dict[str, Callable[[bool], Awaitable[list[Figure]]]] = {
    "transport": transport,
    "tasks": tasks,
    "chats": chats,
    "console": console,
    "listings": listing_bench.listings,
    "store": store,
    "nodes": nodes,
    "live": live,
}


async def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="run this part (may be given again)")
    parser.add_argument("--quick", action="store_true", help="short loads: to see that it runs, not to quote")
    chosen = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")
    print(f"{'':<46}{'value':>10}{'direct':>10}  {'unit':<8}target")
    missed = beyond = 0
    for name in chosen.only or PARTS:
        print(f"-- {name}")
        for figure in await PARTS[name](chosen.quick):
            print(figure, flush=True)
            missed += not figure.met
            beyond += not figure.met and figure.beyond
    print(f"{missed} of the targets missed, {beyond} of them by Chromium alone, too" if missed else "all targets met")


if __name__ == "__main__":
    asyncio.run(main())
