"""A person's first video, from the console's sign-in to the same call from a shell: whole gateway, two real browsers, the site."""

from __future__ import annotations

import asyncio
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from browser.chromium import find_chromium
from tests.e2e.conftest import MakeGateway
from tests.e2e.gateway_process import COMMAND, Gateway
from tests.simulator.client import Simulator

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "correct horse battery"
PHOTO = io.BytesIO()
Image.effect_noise((160, 90), 60).convert("RGB").save(PHOTO, "PNG")


async def signed_in(browser: Browser, gateway: Gateway) -> Page:
    """The console's first page, after typing the password."""
    said = await asyncio.create_subprocess_exec(
        str(COMMAND), "admin", "password", "--json", env=gateway.env, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, trouble = await said.communicate(f"{PASSWORD}\n".encode())
    assert said.returncode == 0, trouble.decode()
    context = await browser.new_context(base_url=gateway.url, locale="en-US")
    context.set_default_timeout(60_000)
    page = await context.new_page()
    await page.goto("/console/studio")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/console/studio$"))
    return page


@pytest.mark.long
async def test_a_video_a_picture_and_a_chat_in_the_studio(
    sim: Simulator, make_gateway: MakeGateway, tmp_path: Path
) -> None:
    gateway = await make_gateway()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium().path)
        try:
            page = await signed_in(browser, gateway)
            await _video(page, gateway, tmp_path)
            await _pictures(page)
            await _chat(page, sim)
        finally:
            await browser.close()


async def _video(page: Page, gateway: Gateway, folder: Path) -> None:
    """From a picture, watched to its end, played, and asked for again by what was copied."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_label("First frame").set_input_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": PHOTO.getvalue()}
    )
    await page.get_by_label("What should the video show?").fill("it's waking up; slowly")
    await expect(page.locator("#line")).to_contain_text("6 s at 720p")
    await page.get_by_role("button", name="Generate").click()
    card = page.locator(".result").first
    await expect(card.get_by_role("progressbar")).to_be_visible()
    await expect(card.locator("video")).to_be_attached(timeout=60_000)
    await card.get_by_role("link", name="Watch").click()
    film = page.locator("video.player")
    await film.evaluate("film => { film.muted = true; return film.play(); }")
    await page.wait_for_function("() => document.querySelector('video').currentTime > 0.5")
    width, height = await film.evaluate("film => [film.videoWidth, film.videoHeight]")
    assert width / height == pytest.approx(16 / 9, abs=0.02), "as the picture is"
    await page.get_by_role("button", name="Copy (curl)").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    (folder / "photo.png").write_bytes(PHOTO.getvalue())
    call = copied.replace("YOUR_KEY", gateway.key)
    shell = await asyncio.create_subprocess_shell(call, cwd=folder, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(60):
        out, _ = await shell.communicate()
    answers = [json.loads(line) for line in out.splitlines()]
    request_id = answers[0]["request_id"]
    assert answers[-1]["status"] == "done", answers
    await page.goto(f"/console/tasks/{request_id}")
    await expect(page.locator(".whole-prompt")).to_have_text("it's waking up; slowly")
    await expect(page.get_by_role("img", name="photo.png")).to_be_visible()
    await page.get_by_role("button", name="Upscale").click()
    await expect(page.locator("#facts")).to_contain_text("upscaled")
    await expect(page.locator("video.player")).to_be_visible(timeout=60_000)


async def _pictures(page: Page) -> None:
    await page.goto("/console/studio/image")
    await page.get_by_label("What should the pictures show?").fill("a red fox in fresh snow")
    await page.get_by_role("radio", name="2", exact=True).check()
    await page.get_by_role("button", name="Make pictures").click()
    made = page.locator("#made .result img[src^='/console/media/']")
    await expect(made).to_have_count(2, timeout=60_000)
    await page.wait_for_function(
        "() => [...document.querySelectorAll('#made img')].every(image => image.naturalWidth > 0)"
    )
    await expect(page.get_by_role("button", name="Stop")).to_be_hidden(timeout=60_000)
    await page.goto("/console/studio/gallery?kind=image")
    await expect(page.locator(".result")).to_have_count(2)
    await expect(page.locator(".result").first).to_contain_text("a red fox in fresh snow")


async def _chat(page: Page, sim: Simulator) -> None:
    await page.goto("/console/studio/chat")
    await page.get_by_label("Message").fill("What is a lighthouse for?")
    await page.keyboard.press("Control+Enter")
    answer = page.locator(".turn.assistant").first
    await expect(answer.get_by_role("button", name="Copy")).to_be_visible(timeout=60_000)
    await expect(page.get_by_role("button", name="Stop")).to_be_hidden(timeout=60_000)
    await page.goto("/console/usage")
    for kind in ("Videos", "Images", "Chats"):
        await expect(page.get_by_role("link", name=kind)).to_be_visible(timeout=60_000)
