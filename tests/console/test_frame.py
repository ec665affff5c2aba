"""What every page has: theme, language, phone width, keyboard, being live, errors as pages."""

import asyncio

import pytest
from playwright.async_api import expect
from structlog.testing import capture_logs

from gateway.console.page import navigation
from tests.variants import across

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PAGES = [page.path for page in navigation()]


@across(("width", [360, 1280]), ("scheme", ["dark", "light"]))
async def test_every_page_is_accessible_and_fits(house, new_page, check_page, width, scheme):
    await house.front.create("a lighthouse at dusk")
    page = await new_page(width=width, color_scheme=scheme)
    for path in PAGES:
        await page.goto(path)
        await check_page(page)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
async def test_every_page_speaks_the_browsers_language(new_page, locale):
    page = await new_page(locale=locale)
    for path in PAGES:
        answer = await page.goto(path)
        assert answer.status == 200
        assert await page.locator("html").get_attribute("lang") == ("en" if locale == "en-US" else locale)


async def test_the_language_can_be_chosen(page):
    await page.goto("/console")
    await page.get_by_role("button", name="简体中文").first.click()
    await expect(page.get_by_role("heading", name="总览")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="总览")).to_be_visible()
    await page.get_by_role("button", name="English").first.click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def test_the_theme_is_remembered_and_does_not_flash(new_page):
    page = await new_page(color_scheme="light")
    await page.goto("/console")
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = await page.evaluate(ground)
    async with page.expect_response("**/console/preferences"):
        await page.get_by_role("button", name="Theme: as the system").first.click()
    async with page.expect_response("**/console/preferences"):
        await page.get_by_role("button", name="Theme: light").first.click()
    dark = await page.evaluate(ground)
    assert dark != light
    answer = await page.reload()
    assert 'data-theme="dark"' in await answer.text(), "known before the first paint"
    assert await page.evaluate(ground) == dark


async def test_the_keyboard_is_enough(page):
    await page.goto("/console")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    await expect(skip).to_be_focused()
    await page.keyboard.press("Enter")
    assert await page.evaluate("() => document.activeElement.id") == "main"


async def test_a_phone_reaches_every_page(new_page):
    page = await new_page(width=360, height=740)
    await page.goto("/console")
    more = page.get_by_role("button", name="More")
    for entry in navigation()[4:]:
        await more.click()
        await page.locator(f"#menu a[href='{entry.path}']").click()
        await page.wait_for_url(f"**{entry.path}")


async def test_what_changes_shows_without_a_reload(house, page, site):
    await page.goto("/console")
    await page.evaluate("() => { window.stayed = true }")
    await expect(page.locator("#lost")).to_be_hidden()
    await house.front.create("hold on a moment")
    await expect(page.locator("#numbers")).to_contain_text("1")
    running = page.locator("#numbers .stat", has_text="Running").locator(".num")
    await expect(running).to_have_text("1")
    site.go.set()
    await expect(running).to_have_text("0")
    assert await page.evaluate("() => window.stayed")


SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) {
    shifts.push([one.value, one.sources.map((source) => source.node?.outerHTML?.slice(0, 100) ?? "")]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("width", [360, pytest.param(1280, marks=pytest.mark.long)])
async def test_nothing_moves_while_a_page_loads(house, new_page, width):
    for prompt in (
        "a lighthouse at dusk",
        "a red kite",
    ):  # over before a page opens: what is live moves with good reason
        task = await house.front.create(prompt, aspect_ratio="9:16")
        await house.front.until(task, "completed", within_s=60)
    page = await new_page(width=width)
    await page.add_init_script(SHIFTS)
    for path in [*PAGES, "/console/studio/image", "/console/studio/gallery", f"/console/tasks/{task}"]:
        await page.goto(path, wait_until="load")
        while not await page.evaluate("[...document.images].every(image => image.complete)"):
            await asyncio.sleep(0.02)  # waiting inside the page would need eval, which its policy forbids
        await page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        shifts = await page.evaluate("shifts")
        assert sum(value for value, _ in shifts) < 0.01, (path, shifts)


async def test_pages_are_sent_packed(house):
    async with house.front.client(None) as client:
        cookie = await house.cookie()
        client.cookies.set(cookie["name"], cookie["value"])
        packed = await client.get("/console/settings", headers={"accept-encoding": "gzip"})
        plain = await client.get("/console/settings", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert "content-encoding" not in plain.headers
    assert "GATEWAY_DATA_DIR" in packed.text and "GATEWAY_DATA_DIR" in plain.text


async def test_an_unknown_address_is_told_as_a_page(page, check_page):
    answer = await page.goto("/console/nothing-here")
    assert answer.status == 404
    await expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    await check_page(page)


async def test_a_mistake_of_ours_is_told_as_a_page(house, page, check_page, monkeypatch):
    async def broken():
        raise RuntimeError("canary of the inside")

    monkeypatch.setattr(house.house.services.store, "counts", broken)
    with capture_logs() as said:
        answer = await page.goto("/console")
    assert answer.status == 500
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert [line["event"] for line in said if line["log_level"] == "error"] == ["request failed"]
    await expect(page.get_by_role("heading", level=1)).to_have_text("The gateway made a mistake")
    assert "canary" not in await page.content()
    await check_page(page)


async def test_without_scripts_pages_still_work(house, chromium):
    context = await chromium.new_context(java_script_enabled=False, base_url=house.url, locale="en-US")
    await context.add_cookies([await house.cookie()])
    page = await context.new_page()
    for path in PAGES:
        answer = await page.goto(path)
        assert answer.status == 200
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await context.close()
