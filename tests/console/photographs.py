"""Photographs of every page: three widths, light and dark; on a gateway at work, on a new one, and of a live view.

python -m tests.console.photographs [--out DIR] [--scene full|empty|live]… [--only NAME]… [--width 360]… [--language zh-CN]
python -m tests.console.photographs --readme FILE
"""

from __future__ import annotations

import argparse
import asyncio
import io
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from browser.chromium import find_chromium
from browser.clearance import Clearance
from gateway.console.page import navigation
from gateway.db.beside import beside
from gateway.settings import Settings
from gateway.site import open_site
from gateway.tasks.states import State
from gateway.tasks.store import Filter
from gateway.telemetry import configure_logging
from gateway.web import video_requests
from tests.console.camera import SCHEMES, WIDTHS, Camera, Shot, clicking
from tests.console.furnished import PROFILES, Varied, beating, furnish, running
from tests.console.signed_in import PASSWORD, Console
from tests.front.serving import serving
from tests.live.operator import PROFILE, House, Operator
from tests.simulator.client import Simulator
from tests.webhooks.receiver import receiving, says

SCENES = ("full", "empty", "live")
STUDIO = ("/console/studio/image", "/console/studio/chat", "/console/studio/gallery")
SETTINGS = ("doctor", "nodes", "access", "audit")


def name_of(path: str) -> str:
    """``/console/studio/image`` is photographed as ``studio-image``."""
    return path.removeprefix("/console").strip("/").replace("/", "-").replace("?", "-") or "overview"


def pages(found: dict[str, str]) -> list[Shot]:
    """Every page of a gateway at work, and the dialogs on them."""
    paths = [*(page.path for page in navigation()), *STUDIO, *(f"/console/settings/{name}" for name in SETTINGS)]
    return [
        *(Shot(name_of(path), path) for path in paths),
        *(Shot(f"task-{name}", f"/console/tasks/{task}") for name, task in found.items()),
        *(Shot(f"profile-{name}", f"/console/profiles/{name}") for name, *_ in PROFILES),
        Shot("tasks-failed", "/console/tasks?status=failed"),
        Shot("tasks-none", "/console/tasks?q=nothing+like+this"),
        Shot("tasks-menu", "/console/tasks", clicking("[data-pop] summary"), whole=False),
        Shot("tasks-delete", "/console/tasks/delete?status=failed"),
        Shot("task-code", f"/console/tasks/{found['done']}", _to("#code"), whole=False),
        Shot("profiles-add", "/console/profiles#add-profile", _dialog, whole=False),
        Shot("profiles-menu", "/console/profiles", clicking("[data-pop] summary"), whole=False),
        Shot("keys-new", "/console/keys#new-key", _dialog, whole=False),
        Shot("keys-made", "/console/keys", _key, whole=False),
        Shot("studio-extend", f"/console/studio?extend={found['done']}"),
        Shot("studio-pictures", "/console/studio", _with_pictures),
        Shot("studio-chat-answered", "/console/studio/chat", _chat),
        Shot("settings-examined", "/console/settings/doctor", _examine),
        Shot("settings-defaults", "/console/settings", clicking("#defaults summary")),
        Shot("usage-day", "/console/usage?period=day"),
        Shot("menu", "/console", _menu, whole=False),
        Shot("login", "/console/login", signed_in=False),
        Shot("login-refused", "/console/login", _wrong_password, signed_in=False),
        Shot("not-found", "/console/nothing-here"),
    ]


def new_ones() -> list[Shot]:
    """The pages of a gateway that has just been set up."""
    paths = [*(page.path for page in navigation()), *STUDIO, "/console/settings/doctor"]
    return [Shot(f"new-{name_of(path)}", path) for path in paths]


def _to(selector: str) -> Any:
    return lambda page: page.locator(selector).scroll_into_view_if_needed()


async def _dialog(page: Page) -> None:
    await page.locator("dialog[open]").wait_for()


async def _key(page: Page) -> None:
    await page.locator("[data-open=new-key]").first.click()
    await page.locator("#f-name").fill(f"made for a photograph {await page.evaluate('Math.random()')}")
    await page.locator("#new-key footer .primary").click()
    await page.locator("#result[open]").wait_for()


async def _with_pictures(page: Page) -> None:
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((320, 180)).convert("RGB").save(buffer, "PNG")
    await page.locator("#prompt").fill("it begins to rain")
    file = {"name": "still.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    await page.locator("input[name=first]").set_input_files(file)


async def _chat(page: Page) -> None:
    await page.locator("#prompt").fill("Write a haiku about a lighthouse, then a list of **three** things it needs.")
    await page.locator("[data-send]").click()
    await page.locator(".turn.assistant .tools:not([hidden])").wait_for()


async def _examine(page: Page) -> None:
    if await page.locator("#doctor .empty").count():
        await page.locator("#doctor button").click()
    await page.locator(".verdict form").wait_for(timeout=120_000)


async def _menu(page: Page) -> None:
    button = page.locator("[data-open=menu]")
    if await button.is_visible():
        await button.click()


async def _wrong_password(page: Page) -> None:
    await page.locator("input[name=password]").fill("not this one")
    await page.keyboard.press("Enter")
    await page.locator(".problem-line").wait_for()


async def full(browser: Browser, said: argparse.Namespace, folder: Path) -> list[Path]:
    site = Varied(folder)
    told = says(503, body="the phone is off")
    settings = {"log_level": "error", "notify_after_s": 0, "fetch_allow_private": True}
    async with (
        receiving(told) as phone,
        serving(folder / "data", site, notify_ntfy_url=phone.url("/a-topic"), **settings) as front,
    ):
        console = Console(front)
        await console.house.password.create(PASSWORD)
        found = await furnish(console, site, callback_url=phone.url("/done"))
        await phone.wait(4)
        async with beside(beating(console)):
            camera = _camera(browser, console, said, await console.cookie())
            if said.readme:
                await _for_the_readme(camera, console, site, said.readme)
            else:
                await camera.take(_chosen(said, pages(found)))
        site.go.set()
    return camera.taken


async def empty(browser: Browser, said: argparse.Namespace, folder: Path) -> list[Path]:
    site = Varied(folder)
    site.stand(Clearance.LOGIN_REQUIRED)
    async with serving(folder / "data", site, log_level="error") as front:
        console = Console(front)
        camera = _camera(browser, console, said, None)
        await camera.take(_chosen(said, [Shot("setup", "/console/setup", signed_in=False)]))
        await console.house.password.create(PASSWORD)
        for key in await console.house.keys.list():
            await console.house.keys.revoke(key.id)
        camera = _camera(browser, console, said, await console.cookie(), camera.taken)
        await camera.take(_chosen(said, new_ones()))
    return camera.taken


async def live(browser: Browser, said: argparse.Namespace, folder: Path) -> list[Path]:
    """A real browser in the live view: at the sign-in form, and with the work going on."""
    async with Simulator(pace=0.3) as sim:
        site: Any = SimpleNamespace(open=open_site)
        async with serving(folder / "data", site, browser_args=sim.browser_args, verify_waiting_every_s=1.0) as front:
            house = House(front, folder)
            await house.registry.add(PROFILE)
            await house.until(Clearance.CHALLENGED, Clearance.LOGIN_REQUIRED)
            console = Console(front)
            camera = _camera(browser, console, said, await console.cookie())

            async def in_control(page: Page) -> None:
                operator = Operator(house, page.context, page)
                await page.locator("[data-empty]").wait_for(state="hidden")
                await operator.take()

            async def seen(page: Page) -> None:
                await page.locator("[data-empty]").wait_for(state="hidden")

            await camera.take(
                _chosen(
                    said,
                    [
                        Shot("live", f"/console/live/{PROFILE}", seen),
                        Shot("live-control", f"/console/live/{PROFILE}", in_control),
                        Shot("live-share", f"/console/live/{PROFILE}", clicking("[data-open=share]"), whole=False),
                    ],
                )
            )
    return camera.taken


def _camera(
    browser: Browser, console: Console, said: argparse.Namespace, cookie: Any, taken: list[Path] | None = None
) -> Camera:
    return Camera(
        browser,
        console.url,
        said.out,
        cookie,
        said.language,
        said.width or tuple(WIDTHS),
        said.scheme or SCHEMES,
        taken or [],
    )


def _chosen(said: argparse.Namespace, shots: list[Shot]) -> list[Shot]:
    return [shot for shot in shots if not said.only or shot.name in said.only]


async def _for_the_readme(camera: Camera, console: Console, site: Varied, file: Path) -> None:
    """The Studio with videos in it, one of them on its way, small enough for a page that is read online."""
    services = console.house.services
    unfinished = await services.store.find(Filter(states=frozenset({State.QUEUED, State.RUNNING})), limit=9)
    await video_requests.delete(services, Filter(), [task.id for task in unfinished.tasks])
    site.slots = 4
    site.changed()
    await running(console)
    async with camera.page(1280, "light") as page:
        await page.context.add_cookies([camera.cookie])
        await page.goto("/console/studio")
        await page.locator("#prompt").fill("a lighthouse at dusk, waves below, slow camera push towards the lamp")
        await page.wait_for_timeout(1200)
        await page.set_viewport_size({"width": 1280, "height": 1180})
        data = await page.screenshot()
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(data)).convert("RGB").quantize(256).save(file, optimize=True)
    camera.taken.append(file)


async def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(".screenshots"), help="where the PNG files go")
    parser.add_argument("--scene", action="append", choices=SCENES, default=[], help="default: all of them")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="a photograph's name, as task-done")
    parser.add_argument("--width", action="append", type=int, choices=WIDTHS, default=[])
    parser.add_argument("--scheme", action="append", choices=SCHEMES, default=[])
    parser.add_argument("--language", default="en-US")
    parser.add_argument("--readme", type=Path, metavar="FILE", help="only the picture that the README shows")
    said = parser.parse_args()
    said.out.mkdir(parents=True, exist_ok=True)
    configure_logging(Settings(_env_file=None, log_level="error"))
    taken: list[Path] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium().path)
        for scene in (full, empty, live):
            if (scene.__name__ in said.scene or not said.scene) and (scene is full or not said.readme):
                with tempfile.TemporaryDirectory() as folder:
                    (Path(folder) / "data").mkdir()
                    taken += await scene(browser, said, Path(folder))
        await browser.close()
    print(f"{len(taken)} photographs in {said.readme or said.out}")


if __name__ == "__main__":
    asyncio.run(main())
