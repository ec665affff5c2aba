"""The double seen by a real Chromium: clearance, signing in, what the page adds to `fetch`, streams, sockets."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Dialog, Error, Page, Playwright, async_playwright

from tests.simulator.client import Simulator
from tests.simulator.direct import NEW, last_video, objects, video_g2

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"),
]
SITE = "https://grok.com/"
POST = """
async ([path, body, fresh]) => {
  let from = window;
  if (fresh) {
    const frame = document.body.appendChild(document.createElement("iframe"));
    from = frame.contentWindow;
  }
  try {
    const answer = await from.fetch(path, {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body),
    });
    return [answer.status, await answer.text()];
  } catch (error) {
    return [0, String(error)];
  }
}
"""
ABORT = """
async ([path, body]) => {
  const stop = new AbortController();
  const answer = await fetch(path, {method: "POST", body: JSON.stringify(body), signal: stop.signal});
  await answer.body.getReader().read();
  stop.abort();
}
"""
SOCKET = """
([url, messages, until]) => new Promise((resolve, reject) => {
  const frames = [], socket = new WebSocket(url);
  socket.onopen = () => messages.shift() && socket.send(JSON.stringify(first));
  const first = messages[0];
  socket.onmessage = (event) => {
    const frame = JSON.parse(event.data);
    frames.push(frame);
    const type = frame.event?.type ?? frame.current_status ?? frame.err_code;
    if (type === "conversation.attached") {
      for (const message of messages) {
        socket.send(JSON.stringify({session_id: frame.session_id, ...message}));
      }
    }
    if (frames.filter((one) => (one.event?.type ?? one.current_status ?? one.err_code) === until[0]).length === until[1]) {
      socket.close();
      resolve(frames);
    }
  };
  socket.onerror = () => reject(new Error("socket failed"));
})
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def driver() -> AsyncIterator[Playwright]:
    # not `playwright` and `context`: pytest-playwright has synchronous fixtures of these names
    async with async_playwright() as driver:
        yield driver


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Simulator]:
    async with Simulator(pace=0.3, pictures="prompt") as sim:
        yield sim


@pytest_asyncio.fixture(loop_scope="module")
async def sim(shared: Simulator) -> Simulator:
    await shared.reset(everything=True)
    return shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(
    driver: Playwright, shared: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BrowserContext]:
    # a profile directory is needed: without one Chromium ignores the list of accepted certificates
    context = await driver.chromium.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=CHROMIUM,
        headless=True,
        args=shared.browser_args_list,
    )
    context.set_default_timeout(60_000)
    try:
        yield context
    finally:
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def chrome(browser: BrowserContext, sim: Simulator) -> BrowserContext:
    """The browser as new: no cookies, one empty page."""
    old = browser.pages
    await browser.new_page()
    for page in old:
        await page.close()
    await browser.clear_cookies()
    return browser


async def signed_in(context: BrowserContext, sim: Simulator, path: str = "") -> Page:
    state = await sim.account(email="b@example.com")
    await context.add_cookies(state["cookies"])
    page = context.pages[0]
    answer = await page.goto(SITE + path)
    assert answer is not None
    assert answer.status == 200
    await page.wait_for_selector("body[data-signed-in=true]")
    return page


async def post(page: Page, path: str, body: dict[str, Any], *, fresh: bool = False) -> tuple[int, str]:
    status, text = await page.evaluate(POST, [path, body, fresh])
    return int(status), str(text)


async def click_box(page: Page) -> None:
    await asyncio.sleep(0.4)
    await page.locator("#box").click()


async def test_challenge_then_sign_in_with_form_and_code(chrome: BrowserContext, sim: Simulator) -> None:
    page = chrome.pages[0]
    answer = await page.goto(SITE)
    assert answer is not None
    assert answer.status == 403
    assert answer.headers["cf-mitigated"] == "challenge"
    # a click that a script makes is not one the browser vouches for
    await page.evaluate("document.getElementById('box').click()")
    await asyncio.sleep(0.4)
    assert await sim.ledger("challenge_click") == []
    await click_box(page)
    await page.wait_for_selector("#sign-in:visible")
    await page.click("#sign-in")
    await page.fill("[name=email]", "new@example.com")
    await page.fill("[name=password]", "wrong")
    asked: list[str] = []

    async def answer_dialog(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await dialog.accept()

    page.on("dialog", answer_dialog)
    await page.click("text=Continue")
    await page.wait_for_selector("text=Wrong email or password.")
    await page.fill("[name=email]", "new@example.com")
    await page.fill("[name=password]", "right")
    await page.select_option("[name=country]", "in")
    await page.click("text=Continue")
    await page.fill("[name=code]", "000000")
    await page.click("text=Verify")
    await page.wait_for_selector("text=That code is wrong.")
    await page.fill("[name=code]", "123456")
    await page.click("text=Verify")
    await page.wait_for_selector("body[data-signed-in=true]")
    assert asked == ["Stay signed in on this device?"] * 2
    assert await page.inner_text("#who") == "new@example.com"
    cookies = {one["name"]: one for one in await chrome.cookies(SITE)}
    assert cookies["sso"]["expires"] == -1
    assert {"sso-rw", "x-userid", "cf_clearance"} <= set(cookies)


async def test_sign_in_with_a_pop_up(chrome: BrowserContext, sim: Simulator) -> None:
    await sim.settings(clearance="automatic")
    page = chrome.pages[0]
    await page.goto("https://accounts.x.ai/sign-in?redirect=grok-com")
    async with page.expect_popup() as popup:
        await page.click("#with-x")
    await (await popup.value).click("text=Authorize app")
    await page.wait_for_selector("body[data-signed-in=true]")
    assert page.url == SITE


async def test_the_page_signs_what_its_own_fetch_sends(chrome: BrowserContext, sim: Simulator) -> None:
    page = await signed_in(chrome, sim)
    status, text = await post(page, NEW, video_g2("a fox"))
    assert status == 200
    assert last_video(objects(text))["progress"] == 100
    # the fetch of another realm is Chromium's own, without what the site's script adds
    status, text = await post(page, NEW, video_g2("a fox"), fresh=True)
    assert (status, "anti-bot" in text) == (403, True)
    first, second = await sim.ledger("submit_video")
    assert (first["signed"], second["signed"]) == (True, False)
    assert first["headers"]["sec-fetch-mode"] == "cors"
    assert first["http_version"] == "2"


async def test_a_stale_page_works_again_after_a_reload(chrome: BrowserContext, sim: Simulator) -> None:
    page = await signed_in(chrome, sim)
    assert (await post(page, NEW, video_g2("a fox [sim:stale-page]")))[0] == 403
    status, text = await post(page, NEW, video_g2("a fox"))
    assert (status, "out of date" in text) == (403, True)
    await page.reload()
    assert (await post(page, NEW, video_g2("a fox")))[0] == 200


async def test_challenges_clear_by_click_or_by_reload(chrome: BrowserContext, sim: Simulator) -> None:
    page = await signed_in(chrome, sim)
    await sim.challenge("b@example.com")
    status, text = await post(page, "/rest/modes", {"locale": "en"})
    assert (status, "challenge-platform" in text) == (403, True)
    await page.reload()
    await click_box(page)
    await page.wait_for_selector("body[data-signed-in=true]")
    assert (await post(page, "/rest/modes", {"locale": "en"}))[0] == 200
    await sim.challenge("b@example.com", reload_clears=True)
    assert (await post(page, "/rest/modes", {"locale": "en"}))[0] == 403
    await page.reload()
    await page.wait_for_selector("body[data-signed-in=true]")
    assert (await post(page, "/rest/modes", {"locale": "en"}))[0] == 200


async def test_an_abort_in_the_page_is_a_reset_here(chrome: BrowserContext, sim: Simulator) -> None:
    page = await signed_in(chrome, sim)
    await page.evaluate(ABORT, [NEW, {"message": "[sim:tokens=300] [sim:every=0.02]"}])
    (entry,) = await sim.wait("submit_chat", outcome="reset")
    assert entry["reset_at"] - entry["arrived_at"] < 2
    await page.evaluate(ABORT, [NEW, video_g2("a fox")])
    (video,) = await sim.wait("submit_video", outcome="reset")
    await asyncio.sleep(0.6)
    path = f"/rest/app-chat/conversations/{video['params']['conversation_id']}/responses"
    text = await page.evaluate("async (path) => (await fetch(path)).text()", path)
    turns = json.loads(text)["responses"]
    assert turns[-1]["fileAttachments"] == [video["params"]["asset_id"]]


@pytest.mark.parametrize(("how", "again"), [("drop", True), ("reset", False), ("head", False)])
async def test_chromium_sends_a_dropped_post_again(
    chrome: BrowserContext, sim: Simulator, how: str, again: bool
) -> None:
    """Not the double's doing, but what makes `drop` dangerous: the browser's network stack submits twice by itself."""
    page = await signed_in(chrome, sim)
    status, _ = await post(page, NEW, video_g2(f"a fox [sim:cut-before-first-frame={how}]"))
    assert status == 0
    assert (len(await sim.ledger("submit_video")) > 1) is again


async def test_pictures_over_the_socket(chrome: BrowserContext, sim: Simulator) -> None:
    page = await signed_in(chrome, sim, "imagine")
    properties = {"aspect_ratio": "2:3", "num_generations": 3}
    content = [{"requestId": "r1", "text": "a cat", "type": "input_text", "properties": properties}]
    message = {"type": "conversation.item.create", "item": {"type": "message", "content": content}}
    url = "wss://grok.com/ws/imagine/listen"
    frames = await page.evaluate(SOCKET, [url, [message], ["completed", 3]])
    pictures = [one for one in frames if one["type"] == "image"]
    assert [one["percentage_complete"] for one in pictures] == [50] * 3 + [100] * 3
    assert [one["order"] for one in pictures[:3]] == [0, 1, 2]
    assert {one["job_id"] for one in pictures[3:]} == {one["job_id"] for one in pictures[:3]}
    await sim.play("image-ws-rate-limit")
    (error,) = await page.evaluate(SOCKET, [url, [message], ["rate_limit_exceeded", 1]])
    assert error["request_id"] == "r1"
    await sim.play("image-ws-moderated", value="first")
    frames = await page.evaluate(SOCKET, [url, [message], ["completed", 3]])
    verdicts = {one["order"]: one["moderated"] for one in frames if one.get("current_status") == "completed"}
    assert verdicts == {0: True, 1: False, 2: False}
    entries = await sim.ledger("image_ws")
    assert [one["prompt"] for one in entries] == ["a cat"] * 3
    # a refusal meets the upgrade itself
    await sim.play("rate-limit-429", match={"route": "image_ws"})
    with pytest.raises(Error, match="socket failed"):
        await page.evaluate(SOCKET, [url, [message], ["completed", 3]])
    assert (await sim.ledger("image_ws"))[-1]["status"] == 429


async def test_chat_over_the_socket(chrome: BrowserContext, sim: Simulator) -> None:
    page = await signed_in(chrome, sim)
    session = await page.evaluate("async () => (await (await fetch('/api/auth/session')).json()).session")
    chunks = {"input_chunks": [{"text": {"text": "say: hello there"}}]}
    messages = [
        {"event": {"type": "session.create", "event_id": "e1", "session": {"model": "fast", "x_grok": {}}}},
        {
            "event": {
                "type": "conversation.item.create",
                "event_id": "e2",
                "item": {"type": "message", "role": "user", "x_grok": chunks},
            }
        },
        {"event": {"type": "response.create", "event_id": "e3"}},
    ]
    url = f"wss://grok.com/ws/mgw/?uid={session['userId']}"
    frames = await page.evaluate(SOCKET, [url, messages, ["conversation.title.updated", 1]])
    kinds = [one["event"]["type"] for one in frames]
    assert kinds[:2] == ["session.created", "conversation.attached"]
    assert kinds[-3:] == ["response.done", "response.persisted", "conversation.title.updated"]
    text = [one["event"]["chunk"]["text"]["text"] for one in frames if one["event"]["type"] == "response.chunk"]
    assert "".join(text) == "hello there"
    messages[1]["event"]["item"]["x_grok"] = {"input_chunks": [{"text": {"text": "[sim:draw=2] say: look"}}]}
    frames = await page.evaluate(SOCKET, [url, messages, ["conversation.title.updated", 1]])
    chunks = [one["event"]["chunk"] for one in frames if one["event"]["type"] == "response.chunk"]
    images = [one["render_generated_image"]["image_chunk"] for one in chunks if "render_generated_image" in one]
    assert [one["progress"] for one in images] == [50, 50, 100, 100]


async def test_the_composer_makes_a_video(chrome: BrowserContext, sim: Simulator) -> None:
    page = await signed_in(chrome, sim, "imagine")
    await page.locator("[aria-label='Aspect Ratio']").select_option("1:1")
    await page.locator("[aria-label='Ask Grok anything']").fill("a lighthouse in the rain")
    await page.click("[aria-label=Submit]")
    await page.wait_for_selector("[aria-label=Download]")
    # by hand: `wait_for_function` needs eval, which the page's content security policy forbids
    while await page.evaluate("document.querySelector('video').readyState") < 2:
        await asyncio.sleep(0.05)
    assert "/imagine/post/" in page.url
    assert "?conversation=" in page.url
    width = await page.evaluate("document.querySelector('video').videoWidth")
    assert width == 560
