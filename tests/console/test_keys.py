"""Keys in the console: made once, shown once, ended with a word about what that does."""

import httpx2
import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_key_is_shown_once_and_works(house, page, check_page):
    await page.goto("/console/keys")
    await page.get_by_role("button", name="New key").first.click()
    await check_page(page)
    await page.get_by_label("Name", exact=True).fill("my program")
    await page.get_by_text("Limits, models, API").click()
    await page.get_by_label("New requests a minute").fill("30")
    await page.get_by_role("button", name="Make the key").click()
    dialog = page.get_by_role("dialog", name="The key “my program” is made")
    await expect(dialog).to_be_visible()
    await check_page(page)
    box = await dialog.bounding_box()
    copy = await dialog.get_by_role("button", name="Copy the key").bounding_box()
    assert copy["x"] + copy["width"] <= box["x"] + box["width"], "the button can be reached"
    secret = await dialog.locator(".copyable code").inner_text()
    assert secret.startswith("gw_")
    assert secret in await dialog.get_by_role("tabpanel").first.inner_text()
    await dialog.get_by_role("tab", name="Python").click()
    await expect(dialog.get_by_role("tabpanel")).to_contain_text("from openai import OpenAI")
    await dialog.get_by_role("button", name="Close").click()
    row = page.get_by_role("row", name="my program")
    await expect(row).to_contain_text("30 a minute")
    assert secret not in await page.content()
    async with house.front.client(secret) as client:
        assert (await client.get("/v1/models")).status_code == 200
    await house.front.keys.write_last_used()  # done once a minute
    await page.reload()
    await expect(row.locator("time")).to_be_visible()


async def test_what_is_called_off_is_not_made(house, page):
    await page.goto("/console/keys")
    await page.get_by_role("button", name="New key").first.click()
    await page.get_by_label("Name", exact=True).fill("never mind")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.reload()
    await expect(page.get_by_role("row", name="never mind")).to_have_count(0)


async def test_a_mistake_is_told_where_it_was_made(page):
    await page.goto("/console/keys")
    await page.get_by_role("button", name="New key").first.click()
    await page.get_by_label("Name", exact=True).fill("tests")
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("already")


async def test_a_key_is_revoked_after_a_question(house, page, check_page):
    _, secret = await house.front.keys.create("old program")
    await page.goto("/console/keys")
    await page.get_by_role("button", name="Revoke the key old program").click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text("Its tasks and videos stay")
    await check_page(page)
    await question.get_by_role("button", name="Cancel").click()
    async with house.front.client(secret) as client:
        assert (await client.get("/v1/models")).status_code == 200
        await page.get_by_role("button", name="Revoke the key old program").click()
        await question.get_by_role("button", name="Revoke").click()
        await expect(page.get_by_role("status").filter(has_text="is revoked")).to_be_visible()
        assert (await client.get("/v1/models")).status_code == 401
    await expect(page.get_by_role("row", name="old program")).to_be_hidden()
    actions = [(line.action, line.target, line.actor) for line in await house.house.audit.newest()]
    assert ("key.revoked", "old program", "admin") in actions


async def test_a_keys_webhook_secret_is_shown_and_replaced(house, page, check_page):
    signing = house.house.services.signing
    key, _ = await house.front.keys.create("my program")
    before = (await signing.show(key.id)).secret
    await page.goto("/console/keys")
    await check_page(page)
    await page.get_by_role("button", name="Webhook secret of my program").click()
    shown = page.get_by_role("dialog").locator("code").first
    await expect(shown).to_have_text(before)
    await check_page(page)
    await page.get_by_role("button", name="Make a new one").click()
    await expect(page.get_by_role("dialog")).to_contain_text("For a day")
    after = (await signing.show(key.id)).secret
    assert after != before
    await expect(shown).to_have_text(after)
    assert await signing.secrets_of(key.id) == [after, before]
    actions = {(line.action, line.target) for line in await house.house.audit.newest()}
    assert {("key.webhook_secret_shown", "my program"), ("key.webhook_secret_replaced", "my program")} <= actions
    assert before not in str(await house.house.audit.newest())


async def test_what_is_done_by_keyboard_alone(page):
    await page.goto("/console/keys")
    await page.get_by_role("button", name="New key").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await page.keyboard.type("by keyboard")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="The key “by keyboard” is made")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("row", name="by keyboard")).to_be_visible()
    assert await page.evaluate("() => document.activeElement !== null")


async def test_nothing_of_a_strangers_body_is_read(house):
    """A change without a session is refused before its form arrives."""
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as client:

        async def endless():
            for _ in range(64):
                yield b"x" * 1024 * 1024

        answer = await client.post(f"{house.url}/console/keys", content=endless(), headers={"x-console": "1"})
        assert answer.status_code == 401
        answer = await client.post(f"{house.url}/console/login", data={"password": "x" * 20_000})
        assert answer.status_code == 400
