"""Every page in Chinese, of a gateway to which much has happened: no English words on any of them."""

from __future__ import annotations

import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from browser.clearance import Clearance
from gateway.console.page import navigation
from gateway.errors import ContentModerated, GatewayError, LoginRequired, NoVideoInAnswer, OutcomeUnknown
from gateway.tasks.model import Task, VideoResult
from gateway.tasks.upstream import Journal
from tests.console import furnished
from tests.console.conftest import NewPage
from tests.console.making import ask, made, over
from tests.console.photographs import SETTINGS, STUDIO
from tests.console.reading import foreign, texts
from tests.console.signed_in import PASSWORD, Console
from tests.console.test_sentences import constants
from tests.front.scripted import Scripted
from tests.front.serving import serving
from tests.webhooks.receiver import receiving, says

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

#: The same in every language: what the product and others' programs are called, and values of settings.
KNOWN = frozenset((
    "curl", "Chrome", "sqlite", "chmod", "Grok", "Gateway", "SuperGrok", "free", "Webhook", "Webhooks",
    "Standard", "ntfy", "Python", "JavaScript", "Cookie", "Chromium", "Playwright", "Xvfb", "WebSocket",
    "PostgreSQL", "SQLite", "English", "kB", "pgbouncer", "shell", "root", "auto", "all", "api", "worker",
    "rest", "mgw", "spicy", "fail", "rerun", "debug", "info", "warning", "error", "json", "console", "media",
    "openai", "xai", "dubrify", "newapi", "sync", "images", "chat", "responses", "chromium", "playwright",
    "storage", "state", "normal",
))  # fmt: skip
FAILURES: Sequence[GatewayError] = (
    ContentModerated("the site refuses this content: content moderated"),
    NoVideoInAnswer("the site answered with text instead of a video: 你好"),
    OutcomeUnknown(
        "the request left and no answer came; the site shows nothing of it. "
        "It was not sent again, because it may have been accepted"
    ),
)
WAITS = LoginRequired("the site no longer knows the sign-in: session expired")
NAMES = [
    *(name for name, *_ in furnished.PROFILES), furnished.WORKER, furnished.SILENT, "front-1", "night-shift", "tests", "a script",
    "session expired", "nothing",
]  # fmt: skip


async def failing(site: Scripted, task: Task, journal: Journal) -> VideoResult:
    """Prompts with a number fail with that one of FAILURES, ``WAITS`` is told of a profile that was signed out."""
    if task.spec.prompt.isdecimal():
        raise FAILURES[int(task.spec.prompt)]
    if task.spec.prompt == "WAITS":
        raise WAITS
    return await site.deliver(task, journal)


@pytest_asyncio.fixture(loop_scope="session")
async def troubled(house: Console, site: Scripted) -> AsyncIterator[dict[str, str]]:
    """Tasks by what became of them; profiles in every state, a history, messages that did not arrive, a long audit log."""
    site.script = failing
    for part in (furnished.profiles, furnished.past, furnished.other_nodes):
        await part(house)
    registry, now = house.house.registry, datetime.now(UTC)
    reasons = {
        Clearance.BLOCKED: "the site blocked the account: session expired",
        Clearance.CRASHED: "Chromium did not start: the disk is full",
        Clearance.STALE_PAGE: "the site calls its page out of date; reloading the page once",
        Clearance.VERIFYING: "not verified: the site did not answer the verification within 20 s",
    }
    for number, (clearance, reason) in enumerate(reasons.items(), 1):
        await registry.add(f"p{number}")
        await registry.record_seen(
            f"p{number}",
            clearance=clearance,
            reason=reason,
            since=now - timedelta(hours=2),
            account={},
            cooldowns=(),
            last_checkpoint_at=None,
        )
    data = {
        "clearance": "challenged",
        "generation": 2,
        "cookies": 3,
        "kind": "video",
        "until": now.isoformat(),
        "from": "front-1",
        "to": "tests",
    }
    for number, name in enumerate(sorted({*constants("browser", of={"event"}, looks="[a-z][a-z ]+")})):
        await registry.log("work", name, {**data, "reason": list(reasons.values())[number % len(reasons)]})
    for action in sorted(
        {*constants("gateway", of={"note", "write", "write_down", "_enter"}, looks=r"[a-z_]+\.[a-z_]+")}
    ):
        await house.house.audit.write(
            "command line", action, "tests", address="127.0.0.1", proxy="left out", why="too_long", scopes=["video"]
        )
    key, _ = await house.house.keys.create("a script", requests_per_minute=3, weight=2)
    await house.house.keys.revoke(key.id)
    found = {f"failed {number}": await ask(house, str(number)) for number in range(len(FAILURES))}
    found |= {"waits": await ask(house, "WAITS"), "done": await made(house, "灯塔")}
    for number in range(len(FAILURES)):
        await over(house, found[f"failed {number}"])
    yield found
    site.go.set()


async def test_a_new_gateway_greets_in_chinese(house: Console, site: Scripted, new_page: NewPage) -> None:
    """Every empty page; the first prompt is filled in, in the reader's language."""
    site.stand(Clearance.LOGIN_REQUIRED)
    page = await new_page(locale="zh-CN")
    names = ["tests", house.house.registry.node, socket.gethostname()]
    found = [line for one in navigation() for line in await english(page, one.path, names)]
    await page.goto("/console/studio")
    await expect(page.locator("#prompt")).to_have_value("黄昏的灯塔，下方海浪翻涌，海鸥迎风飞翔")
    await expect(page.get_by_text("需要等待：没有已登录且就绪的账号配置")).to_be_visible()
    assert not found, "\n".join(found)


async def english(page: Page, path: str, names: Sequence[str] = NAMES) -> list[str]:
    """What is foreign on the page at *path*."""
    await page.goto(path)
    return [f"{path}: {line}" for line in foreign(await texts(page), names, KNOWN)]


async def test_no_page_shows_english(
    house: Console, troubled: dict[str, str], new_page: NewPage, tmp_path: Path
) -> None:
    """Every page once: that is why it takes longer than other tests."""
    page = await new_page(locale="zh-CN")
    paths = [*(one.path for one in navigation()), *STUDIO, *(f"/console/settings/{name}" for name in SETTINGS)]
    paths += [f"/console/tasks/{task}" for task in troubled.values()]
    paths += [f"/console/profiles/{name}" for name in ("work", "second", "p1", "p2", "p3", "p4", "resting")]
    paths += ["/console/usage?period=day", "/console/tasks?q=7", "/console/tasks/delete?status=failed"]
    paths += ["/console/nothing", "/console/tasks/nothing", "/console/live/nothing"]
    names = [*NAMES, house.house.registry.node, socket.gethostname()]
    found = [line for path in paths for line in await english(page, path, names)]
    assert not found, "\n".join(found)


async def test_what_is_refused_and_what_is_done_is_told_in_chinese(house: Console, new_page: NewPage) -> None:
    page = await new_page(locale="zh-CN", signed_in=False)
    await page.goto("/console/login")
    await page.locator("input[name=password]").fill("not this one")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("密码不正确。")).to_be_visible()
    assert not foreign(await texts(page), (), KNOWN)

    await page.context.add_cookies([await house.cookie()])
    await page.goto("/console/profiles?add")
    dialog = page.locator("#add-profile")
    await dialog.get_by_label("名称").fill("a b")
    await dialog.locator("footer .primary").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("名称由 1 到 63 个")

    await page.goto("/console/keys#new-key")
    await page.locator("#f-name").fill("tests")  # which is taken
    await page.locator("#new-key footer .primary").click()
    await expect(page.locator("#new-key").get_by_role("alert")).to_contain_text(
        "已有名为“tests”的密钥，请吊销它或换一个名称。"
    )

    await page.goto("/console/studio")
    said = await page.evaluate(
        """() => fetch("/console/studio/extend/nothing", {method: "POST", headers: {"x-console": "1"}}).then((it) => it.json())"""
    )
    assert not foreign([said["error"]["message"]], ["nothing", "console", "studio", "extend"], KNOWN), said


async def test_findings_and_messages_are_told_in_chinese(
    chromium: Browser, made_before: Path, site: Scripted, tmp_path: Path
) -> None:
    """With a real examination of this machine."""
    folder = Path(shutil.copytree(made_before, tmp_path / "data"))
    async with receiving(says(503, body="")) as phone:
        settings = {"notify_ntfy_url": phone.url("/a-topic"), "notify_webhook_url": "https://127.0.0.1:9/none"}
        async with serving(
            folder, site, heartbeat_s=1, notify_after_s=0, fetch_allow_private=True, **settings
        ) as front:
            console = Console(front)
            await console.house.password.create(PASSWORD)
            await furnished.profiles(console)
            names = [*NAMES, console.house.registry.node, socket.gethostname(), str(tmp_path), "a-topic", "none"]
            context = await chromium.new_context(base_url=front.url, locale="zh-CN")
            await context.add_cookies([await console.cookie()])
            page = await context.new_page()
            page.set_default_timeout(60_000)
            await page.goto("/console/settings/doctor")
            await page.get_by_role("button", name="立即诊断").click()
            await expect(page.get_by_role("button", name="重新诊断")).to_be_visible(timeout=120_000)
            assert await page.locator(".findings li").count() > 12
            found = foreign(await texts(page), names, KNOWN)
            await phone.wait(2)
            found += await english(page, "/console/notifications", names)
            for address in await page.locator("#deliveries td a").evaluate_all(
                "(all) => all.map((one) => one.getAttribute('href'))"
            ):
                found += await english(page, address, names)
            await context.close()
    assert not found, "\n".join(found)
