"""The tasks of everybody: found by what is known of them, followed while they are made, and dealt with."""

import json
import re
from dataclasses import replace

import pytest
from playwright.async_api import expect

from gateway.auth.callers import Caller
from gateway.errors import ContentModerated, LoginRequired
from gateway.media.inputs import Owner
from gateway.tasks.model import VideoMode
from gateway.tasks.states import Stage, State
from gateway.tasks.store import Filter
from tests.conformance.samples import a_task
from tests.console.making import PHOTO, ask, made, over

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_no_tasks_teach_how_to_make_one(page, check_page):
    await page.goto("/console/tasks")
    await expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    await check_page(page)
    await page.locator("#rows").get_by_role("link", name="New video").click()
    await expect(page).to_have_url(re.compile("/console/studio$"))


async def test_a_row_tells_of_its_task_while_it_is_made(house, page, check_page, site):
    await page.goto("/console/tasks")
    task_id = await ask(house, "hold: a train through snow", seconds=10, resolution="720p", aspect_ratio="9:16")
    row = page.get_by_role("listitem").filter(has_text="a train through snow")
    await expect(row).to_contain_text("generating")
    await expect(row).to_contain_text("the site generates")
    await expect(row.get_by_role("progressbar")).to_have_attribute("value", "50")
    await expect(row).to_contain_text("10 s · 9:16 · 720p")
    await expect(row).to_contain_text("work")
    await check_page(page)
    await page.evaluate("window.stayed = true")
    site.go.set()
    await over(house, task_id)
    await expect(row).to_contain_text("done")
    picture = row.get_by_role("presentation").or_(row.locator("img"))
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("image => image.naturalWidth") > 0
    assert await page.evaluate("window.stayed"), "nothing was loaded anew"


async def test_filters_stand_in_the_address(house, page, check_page):
    other = Caller(key_id=(await house.front.keys.create("other"))[0].id, name="other")
    await made(house, "a red kite", dialect="openai", caller=other)
    await made(house, "a blue boat")
    await page.goto("/console/tasks")
    await expect(page.locator(".task-row")).to_have_count(2)
    await page.get_by_label("Key", exact=True).select_option(label="other")
    await expect(page).to_have_url(re.compile(r"/console/tasks\?key=[^&]+$"))
    await expect(page.locator(".task-row")).to_have_count(1)
    await expect(page.get_by_text("a red kite")).to_be_visible()
    await page.get_by_label("Status").select_option("failed")
    await expect(page.get_by_role("heading", name="No task fits these filters")).to_be_visible()
    await check_page(page)
    await page.locator("#rows").get_by_role("link", name="Show all").click()
    await page.get_by_role("searchbox").fill("BOAT")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"\?q=BOAT$"))
    await expect(page.locator(".task-row")).to_have_count(1)
    await page.get_by_label("API").select_option("openai")
    await expect(page.locator(".task-row")).to_have_count(0)


async def test_pages_follow_each_other(house, page):
    store = house.front.services.store
    for number in range(95):
        await store.insert(replace(a_task(id=f"t{number:03}", prompt=f"film {number}", kind="none"), model="m"))
    await page.goto("/console/tasks")
    seen = await page.locator(".task-row .prompt").all_inner_texts()
    while await page.get_by_role("link", name="Older").count():
        await page.get_by_role("link", name="Older").click()
        await page.wait_for_load_state()
        seen += await page.locator(".task-row .prompt").all_inner_texts()
    assert seen == [f"film {number}" for number in reversed(range(95))]
    await page.get_by_role("link", name="Newer").click()
    await expect(page.locator(".task-row .prompt").first).to_have_text("film 94")


async def test_a_finished_task_plays_and_tells_all(house, page, check_page):
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    task_id = await made(house, "it's a lighthouse", seconds=6, resolution="720p", aspect_ratio="16:9")
    await page.goto(f"/console/tasks/{task_id}")
    await check_page(page)
    film = page.locator("video")
    await film.evaluate("film => { film.muted = true; return film.play(); }")
    await page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert await film.evaluate("film => [film.videoWidth, film.videoHeight]") == [320, 240]
    timeline = page.locator("#timeline")
    for words in ("waited for a profile", "a profile took it", "the site generated", "fetched the file", "done"):
        await expect(timeline).to_contain_text(words)
    await page.get_by_role("button", name="Copy (curl)").click()
    curl = await page.evaluate("navigator.clipboard.readText()")
    assert house.url in curl and '"duration": 6' in curl and "YOUR_KEY" in curl
    await page.get_by_text("All details, as JSON").click()
    assert json.loads(await page.locator("#raw-json").inner_text())["task"]["id"] == task_id
    await page.get_by_role("button", name="Make a link").click()
    link = await page.get_by_role("dialog").locator("code").inner_text()
    async with house.front.client(None) as anybody:
        answer = await anybody.get(link, headers={"range": "bytes=0-99"})
        assert answer.status_code == 206 and len(answer.content) == 100


async def test_a_failure_says_what_to_do(house, page, check_page, site):
    async def script(site, task, journal):
        await journal.stage(Stage.SUBMIT, 1)
        raise ContentModerated("The site refuses this content.")

    site.script = script
    task_id = await made(house, "something")
    await page.goto(f"/console/tasks/{task_id}")
    failure = page.get_by_role("group", name="Why it failed")
    await expect(failure).to_contain_text("Say it in other words")
    await expect(failure).to_contain_text("content_moderated")
    await check_page(page)


async def test_a_task_that_waits_for_a_person_leads_there(house, page, site):
    async def script(site, task, journal):
        await journal.stage(Stage.SUBMIT, 1)
        raise LoginRequired("The site signed the profile out.")

    site.script = script
    task_id = await ask(house, "something")
    await page.goto(f"/console/tasks/{task_id}")
    await expect(page.get_by_role("link", name="Open work")).to_have_attribute("href", "/console/live/work")


async def test_retry_as_new_takes_the_pictures_along(house, page):
    services = house.front.services
    async with services.inputs.receiving() as draft:
        draft.write_bytes(PHOTO["buffer"])

        kept = await services.inputs.keep(draft, Owner("console", services.uploads_expire_at()), file_name="photo.png")
    first = await made(house, "wake up", mode=VideoMode.IMAGE, pictures=(kept.id,), seconds=10)
    await page.goto(f"/console/tasks/{first}")
    await expect(page.get_by_role("img", name="photo.png")).to_be_visible()
    await page.get_by_role("button", name="Retry as new").click()
    await expect(page).to_have_url(re.compile("/console/tasks/task_(?!" + first[5:] + ")"))
    again = await services.store.get(page.url.rsplit("/", 1)[1])
    before = await services.store.get(first)
    assert again.retry_of == first and again.key_id == "console"
    assert replace(again.spec, image_assets=()) == replace(before.spec, image_assets=())
    assert again.spec.image_assets and again.spec.image_assets != before.spec.image_assets
    await over(house, again.id)
    await page.get_by_role("link", name="the earlier task").click()
    await expect(page.get_by_text("Retried as")).to_be_visible()
    await page.get_by_role("button", name="Delete").first.click()
    dialog = page.get_by_role("dialog", name="Delete")
    await expect(dialog).to_contain_text("files")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(page).to_have_url(re.compile("/console/tasks$"))
    assert (await services.media.get(again.spec.image_assets[0])).size_bytes > 0, "the new task has its own copy"


async def test_a_running_task_is_cancelled(house, page, site):
    task_id = await ask(house, "hold: nothing moves")
    await page.goto(f"/console/tasks/{task_id}")
    await expect(page.locator("#outcome")).to_contain_text("generating")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator("#facts")).to_contain_text("cancelled")
    assert site.cancelled == [task_id]
    assert (await over(house, task_id)).state is State.CANCELLED


async def test_deleting_what_a_filter_shows_says_what_that_is(house, page, check_page):
    for _ in range(3):
        await made(house, "rain on a window")
    kept = await made(house, "sun")
    await page.goto("/console/tasks?q=rain")
    await page.get_by_role("link", name="Delete these").click()
    await expect(page.get_by_text("3 tasks and 3 videos")).to_be_visible()
    await check_page(page)
    await page.get_by_role("button", name="Delete them").click()
    assert len((await house.front.services.store.find(Filter(), limit=9)).tasks) == 4, "nothing without the number"
    await page.get_by_label("Type 3 to confirm").fill("3")
    await page.get_by_role("button", name="Delete them").click()
    await expect(page).to_have_url(re.compile("/console/tasks$"))
    await expect(page.locator(".task-row")).to_have_count(1)
    await expect(page.locator(".task-row")).to_have_attribute("href", f"/console/tasks/{kept}")


async def test_a_row_has_a_menu_that_the_keyboard_reaches(house, page, check_page):
    await made(house, "rain on a window")
    gone = await made(house, "sun")
    await page.goto("/console/tasks")
    menu = page.get_by_label("What to do with “sun”")
    await menu.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Use its settings again")).to_be_visible()
    await check_page(page)
    await page.keyboard.press("Escape")
    await expect(menu).to_be_focused()
    await expect(page.get_by_role("link", name="Use its settings again")).to_be_hidden()
    await page.goto("/console/tasks?status=succeeded")
    await menu.click()
    await page.get_by_role("button", name="Delete").click()
    ask = page.get_by_role("dialog")
    await expect(ask).to_contain_text("its video (")
    await ask.get_by_role("button", name="Delete").click()
    await expect(page.locator(f"[data-key='{gone}']")).to_have_count(0)
    await expect(page).to_have_url(re.compile("status=succeeded$"))
    await expect(page.locator(".task-row")).to_have_count(1)


@pytest.mark.parametrize("width", [360, pytest.param(2560, marks=pytest.mark.long)])
async def test_small_and_large(house, new_page, check_page, width):
    failed_words = "a very long prompt " * 30
    task_id = await made(house, failed_words)
    page = await new_page(width=width, color_scheme="dark", locale="zh-CN")
    for path in ("/console/tasks", f"/console/tasks/{task_id}"):
        await page.goto(path)
        await expect(page.get_by_role("heading", level=1)).to_contain_text("任务")
        await check_page(page)
