"""Simulator, gateway, profile, key, video, file; then the gateway stays up until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from tests.demo import client
from tests.demo.film import watch
from tests.demo.service import DemoFailed, Service
from tests.demo.terminal import Terminal
from tests.simulator.client import Simulator, SimulatorError

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".demo"
#: Seconds the simulated site takes for a video: long enough to see progress, the real one takes 30 to 60.
PACE_S = 6.0
LENGTH_S = 6
ORDER = {
    "model": "grok-imagine-1.0-video",
    "prompt": "a lighthouse at dusk, waves below",
    "aspect_ratio": "16:9",
    "video_length": LENGTH_S,
    "resolution": "720p",
}


async def demo(terminal: Terminal, *, out: Path, once: bool) -> None:
    terminal.say(terminal.strong("Grok Gateway: a video through a real Chromium, from a simulated site."))
    terminal.say("No account is used and nothing leaves this machine.\n")
    async with workplace() as place, simulated_site(terminal) as site:
        service = Service(place, site.browser_args)
        try:
            await with_gateway(terminal, service, site, out=out, once=once)
        except (DemoFailed, httpx2.HTTPError) as exc:
            kept = keep_log(service)
            said = str(exc) or type(exc).__name__
            where = f"\n\nThe gateway's last lines ({kept}):\n{service.last_lines()}" if kept else ""
            raise DemoFailed(f"{said}{where}") from exc


async def with_gateway(terminal: Terminal, service: Service, site: Simulator, *, out: Path, once: bool) -> None:
    state = service.log.with_name("storage-state.json")
    state.write_text(json.dumps(await site.account(email="demo@example.com")), encoding="utf-8")
    with terminal.step("sign-in") as said:
        await service.command("profile", "import", "demo", "--storage-state", str(state))
        said.append("imported into profile demo, as `gateway profile import` does with yours")
    key = str((await service.command("key", "create", "demo"))["key"])
    with terminal.step("gateway") as said:
        await service.__aenter__()
        said.append(service.url)
    try:
        with terminal.step("browser") as said:
            await service.ready()
            said.append("Chromium is up, the site says the profile is signed in")
        async with httpx2.AsyncClient(
            base_url=service.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=60
        ) as http:
            await one_video(terminal, http, out)
        terminal.say()
        if once:
            terminal.say("Next: scripts/demo (without --once) keeps this gateway running for you to call.")
        else:
            terminal.say(invitation(terminal, service, key))
        terminal.say(with_your_account(terminal))
        if not once:
            terminal.say("\nThe gateway runs until Ctrl-C.")
            await until_told_to_stop(service)
            terminal.say("Stopping …")
    finally:
        await service.stop()


async def until_told_to_stop(service: Service) -> None:
    """Return when the demo is cancelled: with the video saved, that is its proper end."""
    try:
        await service.ended()
    except asyncio.CancelledError:
        return
    raise DemoFailed("the gateway ended by itself")


async def one_video(terminal: Terminal, http: httpx2.AsyncClient, out: Path) -> None:
    with terminal.step("video") as said:
        task = await client.create(http, ORDER)
        said.append(f"POST /v1/video/tasks: {ORDER['prompt']!r}, {LENGTH_S} s, {ORDER['resolution']}")
        said.append(task)
    started, percent, stage = time.monotonic(), 0.0, "queued"
    async for event in client.events(http, task):
        percent = float(event.get("progress") or percent)
        stage = str(event.get("stage") or event.get("status") or stage)
        terminal.progress(percent, stage, started)
        if event.get("status") in client.FINAL:
            break
    terminal.close_line()
    found = await client.result(http, task)
    with terminal.step("saved") as said:
        size = await client.save(http, found["video_url"], out)
        film = await asyncio.to_thread(watch, out)
        if abs(film.seconds - LENGTH_S) > 0.5:
            raise DemoFailed(f"{out} lasts {film.seconds:.1f} s instead of {LENGTH_S} s")
        said.append(terminal.strong(str(out)))
        said.append(
            f"it plays: {film.width}x{film.height}, {film.seconds:.1f} s, {film.frames} frames, {film.codec}, {size / 1e6:.2f} MB"
        )


def invitation(terminal: Terminal, service: Service, key: str) -> str:
    order = json.dumps({"model": ORDER["model"], "prompt": "a paper boat in the rain", "video_length": LENGTH_S})
    return f"""{terminal.strong("Look at it in the console: choose any password, and see the Studio")}
  {service.setup_url}

{terminal.strong("Call it yourself, in another terminal")}
  export URL={service.url} KEY={key}
  task=$(curl -s $URL/v1/video/tasks -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
    -d '{order}' | grep -o 'task_[0-9a-f]\\{{9,\\}}')
  curl -N $URL/v1/video/tasks/$task/stream -H "Authorization: Bearer $KEY"
"""


def with_your_account(terminal: Terminal) -> str:
    return f"""{terminal.strong("With your own account")}
  scripts/run                             prints a link: choose a password, add a profile, sign in, make a video
  .venv/bin/gateway login work            or from the command line, on a desktop: a window opens, sign in there
  .venv/bin/gateway key create my-program the key that your programs send"""


@asynccontextmanager
async def simulated_site(terminal: Terminal) -> AsyncIterator[Simulator]:
    with terminal.step("site") as said:
        try:
            site = await Simulator(pace=PACE_S).__aenter__()
        except (SimulatorError, TimeoutError) as exc:
            raise DemoFailed(f"the simulated site did not start: {exc or 'it took too long'}") from exc
        said.append(f"grok.com as a local double on 127.0.0.1:{site.port}, TLS and HTTP/2")
    try:
        yield site
    finally:
        await site.__aexit__(None, None, None)


@asynccontextmanager
async def workplace() -> AsyncIterator[Path]:
    """A directory for this run, gone afterwards: the next demo starts afresh."""
    try:
        PLACE.mkdir(exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="run-", dir=PLACE))
    except OSError as exc:
        raise DemoFailed(f"{PLACE} must be writable ({exc.strerror})") from exc
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def keep_log(service: Service) -> Path | None:
    """Save the gateway's log from being removed with its directory."""
    if not service.log.exists() or service.log.stat().st_size == 0:
        return None
    return Path(shutil.copy(service.log, PLACE / "gateway.log"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Make a video through a real Chromium from the simulated site; needs no account.",
    )
    parser.add_argument("--once", action="store_true", help="stop everything when the video is saved")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to save it (default: .demo/demo.mp4)")
    parser.add_argument("--from", type=Path, default=Path.cwd(), dest="caller", help=argparse.SUPPRESS)
    found = parser.parse_args()
    found.out = (found.caller / found.out).resolve() if found.out else PLACE / "demo.mp4"
    if found.out.is_dir():
        parser.error(f"--out names a directory; name a file: --out {shlex.quote(str(found.out / 'demo.mp4'))}")
    return found


async def run(options: argparse.Namespace, terminal: Terminal) -> None:
    """Let the ways a person or a system ends a program all end it in order."""
    this = asyncio.current_task()
    assert this is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    await demo(terminal, out=options.out, once=options.once)


def main() -> int:
    options = arguments()
    terminal = Terminal()
    try:
        asyncio.run(run(options, terminal))
    except DemoFailed as exc:
        terminal.close_line()
        print(f"\nThe demo failed: {exc}\n\nWhat may help: .venv/bin/gateway doctor", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        terminal.close_line()
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
