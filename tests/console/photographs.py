"""Photographs of every page: three widths, light and dark, on a gateway with something on every page.

python -m tests.console.photographs [--out DIR] [--page PATH]… [--language zh-CN]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from browser.chromium import find_chromium
from browser.clearance import Clearance
from gateway.console.page import navigation
from tests.console.signed_in import PASSWORD, Console
from tests.front.scripted import Scripted, film
from tests.front.serving import serving
from tests.webhooks.receiver import receiving, says

WIDTHS = {360: 760, 1280: 900, 2560: 1400}
STUDIO = ("/console/studio/image", "/console/studio/chat", "/console/studio/gallery")
PROMPTS = (
    "a lighthouse at dusk, waves below, slow camera push towards the lamp, warm light on wet rock",
    "a paper boat drifting down a rainy street, macro lens",
    "timelapse of clouds over a mountain village in spring",
    "两只猫在窗台上看雪，柔和的光",
    "a red kite over dunes",
    "an old tram climbing a hill in Lisbon at sunrise",
)
PROFILES = (
    ("work", Clearance.READY, {"name": "M•••", "tier": "SuperGrok"}),
    ("second", Clearance.LOGIN_REQUIRED, {"name": "A•••", "tier": "free"}),
    ("studio-berlin", Clearance.CHALLENGED, {"name": "S•••"}),
)


async def furnish(console: Console, site: Scripted, *, callback_url: str) -> list[str]:
    """Put something on every page; returns ids of tasks: done, failed, running."""
    house, front = console.house, console.front
    for name, clearance, account in PROFILES:
        await house.registry.add(name)
        await house.registry.record_seen(
            name, clearance=clearance, reason="", since=datetime.now(UTC) - timedelta(hours=3), account=account,
            cooldowns=(), last_checkpoint_at=datetime.now(UTC) - timedelta(minutes=2),
        )  # fmt: skip
    now = datetime.now(UTC)
    told = {"remaining": 12, "total": 20, "told_at": (now - timedelta(minutes=8)).isoformat()}
    health = {(now - timedelta(hours=n)).isoformat(): {"ok": 5, "challenge": n % 3} for n in range(1, 23)}
    for name, *_ in PROFILES:
        await house.registry.note_quota(name, {"video": told})
        await house.registry.note_health(name, health)
        await house.registry.note_live(
            name, {"running": True, "pss_bytes": 231_000_000, "slots": {"video": [1, 2], "chat": [0, 4]}}
        )
    done = [await front.create(prompt, callback_url=callback_url) for prompt in PROMPTS]
    for task in done:
        await front.until(task, "completed")
    running = [await front.create(f"hold {prompt}") for prompt in PROMPTS[:3]]
    for task in running:
        await front.until(task, lambda found: found["status"] == "running" and (found.get("progress") or 0) > 0)
    site.slots = 0
    await front.create("one that waits for its place")
    await house.keys.create("nightly renders", requests_per_minute=30, weight=2)
    await house.audit.write("admin", "key.created", "nightly renders", address="127.0.0.1")
    return [done[0], running[0]]


async def photograph(browser: Browser, console: Console, *, paths: list[str], out: Path, language: str) -> None:
    cookie = await console.cookie()
    for scheme in ("light", "dark"):
        for width, height in WIDTHS.items():
            context = await browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=scheme, base_url=console.url, locale=language
            )  # fmt: skip
            page = await context.new_page()
            for path in paths:
                if path.endswith("login"):
                    await context.clear_cookies()
                else:
                    await context.add_cookies([cookie])
                await page.goto(path)
                await page.wait_for_timeout(400)
                name = path.removeprefix("/console").strip("/").replace("/", "-").replace("?", "-") or "overview"
                await page.screenshot(path=out / f"{name}-{width}-{scheme}.png", full_page=width < 2560)
            await context.close()


async def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/screenshots", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path(".screenshots"), help="where the PNG files go")
    parser.add_argument("--page", action="append", default=[], help="an address; default: every page")
    parser.add_argument("--language", default="en-US")
    said = parser.parse_args()
    said.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        site = Scripted(await asyncio.to_thread(film, Path(folder)))
        (data := Path(folder) / "data").mkdir()
        told = says(503, body="the phone is off")
        async with (
            receiving(told) as phone,
            serving(
                data, site, log_level="error", notify_ntfy_url=phone.url("/a-topic"), notify_after_s=0, fetch_allow_private=True
            ) as front,
            async_playwright() as playwright,
        ):  # fmt: skip
            console = Console(front)
            await console.house.password.create(PASSWORD)
            done, _ = await furnish(console, site, callback_url=phone.url("/done"))
            await phone.wait(4)
            pages = said.page or [
                *(page.path for page in navigation()),
                f"/console/tasks/{done}",
                *(f"/console/profiles/{name}" for name, *_ in PROFILES[:2]),
                "/console/profiles?add",
                *STUDIO,
                "/console/login",
            ]
            browser = await playwright.chromium.launch(executable_path=find_chromium().path)
            await photograph(browser, console, paths=pages, out=said.out, language=said.language)
            await browser.close()
            site.go.set()
    print(f"{len(pages)} pages in {said.out}")


if __name__ == "__main__":
    asyncio.run(main())
