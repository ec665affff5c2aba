"""The Studio: a video from words and a dropped picture, pictures as they come, a chat that can be stopped."""

import asyncio
import base64
import re

import pytest
from playwright.async_api import expect

from gateway.calls.model import Citation, Ended, PictureRefused, Reasoning, Text
from gateway.errors import RateLimited
from gateway.media.assets import AssetKind
from gateway.tasks.model import VideoMode
from gateway.tasks.store import Filter
from tests.console.making import DROP, PHOTO, ask, made, over
from tests.front.scripted_calls import preview

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FILE = {"name": "photo.png", "type": "image/png", "base64": base64.b64encode(PHOTO["buffer"]).decode()}


async def newest(house):
    return (await house.front.services.store.find(Filter(), limit=1)).tasks[0]


async def test_the_first_video_is_one_press_away(house, page, check_page):
    await house.front.keys.revoke("tests")
    await page.goto("/console/studio")
    await expect(page.get_by_role("heading", name="Make your first video")).to_be_visible()
    await expect(page.get_by_label("What should the video show?")).to_have_value(re.compile("lighthouse"))
    await check_page(page)
    await page.get_by_role("button", name="Generate").click()
    await expect(page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()
    card = page.locator(".result")
    await expect(card.locator("video")).to_be_attached(timeout=60_000)
    await card.get_by_role("link", name="Watch").hover()
    await page.wait_for_function("() => !document.querySelector('.result video').paused")
    await expect(page.get_by_text("Call it from code")).to_be_visible()
    await expect(page.get_by_role("link", name="Make a key")).to_be_visible()


async def test_a_dropped_picture_becomes_the_first_frame(house, page, check_page, site):
    await page.goto("/console/studio")
    await page.get_by_label("What should the video show?").fill("hold: it wakes up")
    await page.locator("[data-drop]").first.evaluate(DROP, [FILE])
    await expect(page.get_by_role("img", name="photo.png")).to_be_visible()
    await page.get_by_role("radio", name="10 s").check()
    await expect(page.locator("#line")).to_contain_text("10 s at 720p, the picture's own ratio, on any ready profile")
    await expect(page.locator("#sample-code-1")).to_contain_text("image=@photo.png")
    await check_page(page)
    await page.keyboard.press("Control+Enter")
    card = page.locator(".result")
    await expect(card).to_contain_text("the site generates")
    await expect(card.get_by_role("progressbar")).to_have_attribute("value", "50")
    task = await newest(house)
    assert (task.key_id, task.spec.mode, task.spec.seconds) == ("console", VideoMode.IMAGE, 10)
    assert task.spec.aspect_ratio == "4:3", "as the picture is"
    assert (await house.front.services.media.get(task.spec.image_assets[0])).file_name == "photo.png"
    await expect(page.get_by_role("img", name="photo.png")).to_have_count(0)
    site.go.set()
    await over(house, task.id)
    await card.get_by_role("link", name="Watch").click()
    await expect(page.locator("video.player")).to_be_visible()


async def test_references_are_something_else_than_a_first_frame(house, page):
    await page.goto("/console/studio")
    await page.get_by_label("What should the video show?").fill("two friends")
    await page.get_by_label("References").set_input_files([PHOTO, {**PHOTO, "name": "other.png"}])
    await expect(page.locator("#sample-code-2")).to_contain_text('("reference_images", open("other.png", "rb"))')
    await page.get_by_role("button", name="Remove this picture").first.click()
    await expect(page.locator(".previews img")).to_have_count(1)
    await page.get_by_label("First frame").set_input_files(PHOTO)
    await expect(page.locator("#problem")).to_contain_text("cannot be used together")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("#problem")).to_contain_text("remove one of them")
    await page.get_by_role("button", name="Remove this picture").first.click()
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator(".result")).to_have_count(1)
    assert (await newest(house)).spec.mode is VideoMode.REFERENCES


async def test_a_pasted_picture_and_a_bad_file(house, page):
    await page.goto("/console/studio")
    await page.get_by_label("What should the video show?").evaluate(
        """(area, base64) => {
            const holder = new DataTransfer();
            const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
            holder.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
            area.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true, clipboardData: holder }));
        }""",
        FILE["base64"],
    )
    await expect(page.get_by_role("img", name="pasted.png")).to_be_visible()
    await page.get_by_label("First frame").set_input_files({**PHOTO, "buffer": b"no picture at all"})
    await page.get_by_label("What should the video show?").fill("x")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("#problem")).not_to_be_empty()
    assert not (await house.front.services.store.find(Filter())).tasks


async def test_an_extension_goes_on_from_a_video(house, page):
    task_id = await made(house, "a ship", seconds=6, resolution="720p", aspect_ratio="9:16")
    await page.goto("/console/studio")
    await page.locator(".result").get_by_role("link", name="Extend this video").click()
    await page.get_by_label("What happens next?").fill("it sails away")
    await expect(page.locator("#line")).to_contain_text("on work, which made it")
    await expect(page.locator("#sample-code-1")).to_contain_text("/v1/videos/extensions")
    await page.get_by_role("button", name="Extend").click()
    await expect(page).to_have_url(re.compile("/console/studio$"))
    task = await newest(house)
    assert (task.spec.mode, task.spec.source_task_id, task.spec.aspect_ratio) == (VideoMode.EXTEND, task_id, "9:16")


async def test_the_last_frame_is_where_the_next_video_begins(house, page, check_page, site):
    first = await made(house, "a lighthouse")
    await page.goto(f"/console/tasks/{first}")
    await page.get_by_role("button", name="Go on from its last frame").click()
    await expect(page).to_have_url(re.compile(r"/console/studio\?picture="))
    await expect(page.locator("[data-own-picture] img")).to_have_js_property("naturalWidth", 320)
    await check_page(page)
    await page.get_by_label("What should the video show?").fill("the lamp goes out")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()
    task = await newest(house)
    assert (task.spec.mode, task.spec.prompt) == (VideoMode.IMAGE, "the lamp goes out")
    await over(house, task.id)


async def test_a_larger_version_is_a_task_of_its_own(house, page, check_page):
    first = await made(house, "a lighthouse", seconds=10, resolution="480p", aspect_ratio="9:16")
    await page.goto(f"/console/tasks/{first}")
    await page.get_by_role("button", name="Upscale").click()
    await expect(page).to_have_url(re.compile(f"/console/tasks/task_(?!{first[5:]})"))
    larger = await over(house, page.url.rsplit("/", 1)[1])
    assert (larger.spec.mode, larger.spec.source_task_id) == (VideoMode.UPSCALE, first)
    assert (larger.spec.prompt, larger.spec.seconds, larger.spec.aspect_ratio) == ("a lighthouse", 10, "9:16")
    await expect(page.locator("video.player")).to_be_visible()
    await expect(page.get_by_role("button", name="Upscale")).to_have_count(0)
    await check_page(page)
    await page.get_by_role("link", name="the earlier video").click()
    await expect(page).to_have_url(re.compile(f"{first}$"))


async def test_settings_can_be_used_again(house, page):
    task_id = await made(house, "a kite", seconds=10, resolution="480p", aspect_ratio="1:1", preset="fun")
    await page.goto(f"/console/studio?from={task_id}")
    await expect(page.get_by_label("What should the video show?")).to_have_value("a kite")
    for name, value in (("seconds", "10"), ("ratio", "1:1"), ("resolution", "480p"), ("preset", "fun")):
        await expect(page.locator(f"input[name={name}][value='{value}']")).to_be_checked()


async def test_pictures_come_one_after_the_other(house, page, check_page, site):
    go = asyncio.Event()
    first, second = await site.calls.made("a fox"), await site.calls.made("a fox")
    site.calls.image_script = [preview(0), go.wait, first, second, PictureRefused(2, "content_moderated", "not this")]
    await page.goto("/console/studio/image")
    await page.get_by_label("What should the pictures show?").fill("a fox")
    await page.get_by_role("button", name="Make pictures").click()
    frames = page.locator("#made .result")
    await expect(frames).to_have_count(4)
    await expect(frames.first.locator("img")).to_have_attribute("src", re.compile("^data:image/jpeg"))
    await expect(frames.first).to_contain_text("50 %")
    await check_page(page)
    go.set()
    await expect(frames.first.locator("img")).to_have_attribute("src", f"/console/media/{first.asset_id}")
    await expect(frames.nth(1).locator("img")).to_have_attribute("src", f"/console/media/{second.asset_id}")
    await expect(frames.nth(2)).to_contain_text("not this")
    await expect(frames).to_have_count(3)
    assert site.calls.images_asked[-1].key_id == "console" and site.calls.images_asked[-1].count == 4
    await frames.first.get_by_role("button", name="The same call from code").click()
    await expect(page.get_by_role("dialog")).to_contain_text("/v1/images/generations")
    await page.keyboard.press("Escape")
    await frames.first.get_by_role("link", name="Make a video of it").click()
    await expect(page.locator("[data-own-picture] img")).to_be_visible()


async def test_a_picture_is_edited(page, site):
    await page.goto("/console/studio/image")
    await page.get_by_label("Pictures to edit").set_input_files(PHOTO)
    await page.get_by_label("What should the pictures show?").fill("a blue sky")
    await page.get_by_role("radio", name="1", exact=True).check()
    await expect(page.locator("#sample-code-2")).to_contain_text("client.images.edit(")
    await page.get_by_role("button", name="Make pictures").click()
    await expect(page.locator("#made .result img[src^='/console/media/']")).to_be_visible()
    assert len(site.calls.images_asked[-1].images) == 1 and site.calls.images_asked[-1].aspect_ratio == "auto"


async def test_what_goes_wrong_stands_beside_the_button(page, site):
    site.calls.image_script = [RateLimited("The account's pictures are used up until 14:20.")]
    await page.goto("/console/studio/image")
    await page.get_by_label("What should the pictures show?").fill("a fox")
    await page.get_by_role("button", name="Make pictures").click()
    await expect(page.locator("#problem")).to_contain_text("used up until 14:20")
    await expect(page.locator("#made .result")).to_have_count(0)


async def test_a_chat_streams_and_is_stopped(page, check_page, site):
    go = asyncio.Event()
    site.calls.chat_script = [Reasoning("Let me think."), Text("Lighthouses are **tall** and "), go.wait, Text("old.")]
    await page.goto("/console/studio/chat")
    await page.get_by_label("Message").fill("What are lighthouses?")
    await page.get_by_label("Pictures").set_input_files(PHOTO)
    await page.keyboard.press("Tab")
    await page.get_by_role("button", name="Send").click()
    answer = page.locator(".turn.assistant")
    await expect(answer.locator("strong")).to_have_text("tall")
    await answer.get_by_text("Reasoning").click()
    await expect(answer.get_by_text("Let me think.")).to_be_visible()
    await check_page(page)
    await page.get_by_role("button", name="Stop").click()
    await expect(answer).to_contain_text("Stopped.")
    async with asyncio.timeout(60):
        while not site.calls.stopped_at:
            await asyncio.sleep(0.01)
    assert len(site.calls.last.turns[-1].images) == 1 and site.calls.last.key_id == "console"
    await page.reload()
    await expect(page.locator(".turn")).to_have_count(2)
    await expect(page.locator(".turn.assistant strong")).to_have_text("tall")


async def test_a_conversation_goes_on(page, site):
    sources = (Citation("https://example.com/lighthouse", "About lighthouses"),)
    site.calls.chat_script = [Text("They "), Text("shine."), Ended("stop", "They shine.", sources)]
    await page.goto("/console/studio/chat")
    await page.get_by_label("Model").select_option("grok-expert")
    await page.get_by_label("Message").fill("What do lighthouses do?")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_role("link", name="About lighthouses")).to_have_attribute("rel", "noopener noreferrer")
    await page.get_by_label("Message").fill("Why?")
    await page.get_by_text("May search the web").click()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".turn")).to_have_count(4)
    said = site.calls.last
    assert [turn.text for turn in said.turns] == ["What do lighthouses do?", "They shine.", "Why?"]
    assert said.mode == "expert" and not said.search
    await expect(page.locator("#sample-code-2")).to_contain_text('model="grok-expert"')
    await page.get_by_role("button", name="New chat").click()
    await expect(page.locator(".turn")).to_have_count(0)


async def test_an_answer_is_text_never_markup(page, site):
    site.calls.chat_script = [Text("<img src=x onerror=alert(1)> [a](javascript:alert(1)) `<b>`")]
    await page.goto("/console/studio/chat")
    await page.get_by_label("Message").fill("x")
    await page.keyboard.press("Control+Enter")
    said = page.locator(".turn.assistant .said")
    await expect(said).to_contain_text("<img src=x onerror=alert(1)>")
    assert await said.locator("img, a").count() == 0


async def test_the_gallery_has_all_and_filters(house, page, check_page, site):
    await page.goto("/console/studio/gallery")
    await expect(page.get_by_role("heading", name="Nothing made yet")).to_be_visible()
    await made(house, "a film")
    await site.calls.media.add(
        PHOTO["buffer"], kind=AssetKind.IMAGE, suffix=".png", media_type="image/png", width=80, height=60, prompt="a drawing",
        key_id="console",
    )  # fmt: skip
    await page.reload()
    await expect(page.locator(".result")).to_have_count(2)
    await check_page(page)
    await page.get_by_label("Kind").select_option("image")
    await expect(page).to_have_url(re.compile(r"gallery\?kind=image$"))
    await expect(page.locator(".result")).to_have_count(1)
    await expect(page.locator(".result")).to_contain_text("a drawing")


async def test_what_the_console_makes_is_the_operators(house, page):
    task_id = await ask(house, "mine")
    await over(house, task_id)
    async with house.front.client(house.front.key) as client:
        assert (await client.get(f"/v1/video/tasks/{task_id}")).status_code == 404
    await page.goto("/console/tasks?key=console")
    await expect(page.locator(".task-row")).to_have_count(1)


@pytest.mark.parametrize("tab", ["", "/image", "/chat", "/gallery"])
@pytest.mark.parametrize("width", [360, pytest.param(2560, marks=pytest.mark.long)])
async def test_small_and_large(new_page, check_page, tab, width):
    page = await new_page(width=width, color_scheme="dark", locale="zh-CN")
    await page.goto(f"/console/studio{tab}")
    await check_page(page)
