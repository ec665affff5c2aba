"""The first way in, and every later one: setup link, password, sessions."""

import re
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from playwright.async_api import expect
from sqlalchemy import select, update

from gateway.auth.setup_links import setup_url
from gateway.db.tables import console_sessions, meta, setup_links
from tests.console.signed_in import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def nobody_yet(house):
    """The same gateway before it had an admin."""
    async with house.house.db.write() as connection:
        await connection.execute(meta.delete().where(meta.c.key == "admin"))


async def test_the_setup_link_sets_the_password_once(house, new_page, nobody_yet, check_page):
    link = setup_url(house.url, await house.house.setup_links.make())
    page = await new_page(signed_in=False)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(link)
    await check_page(page)
    assert "#" not in page.url, "the secret does not stay in the address"
    assert not [url for url in asked if link.partition("#")[2] in url]
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("Once more").fill("something else")
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("alert")).to_contain_text("not alike")
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("Once more").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    again = await new_page(signed_in=False)
    await again.goto(link)
    await expect(again.get_by_role("heading", name="Sign in")).to_be_visible()
    answer = await house.front.http.post(
        "/console/setup",
        data={"token": link.partition("#")[2], "password": "another password", "again": "another password"},
    )
    assert answer.status_code in {303, 403}
    assert await house.house.password.check(PASSWORD)


async def test_a_spent_or_invented_link_is_refused(house, new_page, nobody_yet):
    page = await new_page(signed_in=False)
    await page.goto("/console/setup#made-up")
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_label("Once more").fill(PASSWORD)
    await page.get_by_role("button", name="Set the password").click()
    await expect(page.get_by_role("alert")).to_contain_text("gateway admin link")
    assert not await house.house.password.exists()


async def test_secrets_are_kept_as_hashes(house, nobody_yet):
    secret = await house.house.setup_links.make()
    cookie = await house.cookie()
    async with house.house.db.read() as connection:
        rows = [*await connection.execute(select(setup_links)), *await connection.execute(select(console_sessions))]
    assert rows
    assert secret not in str(rows)
    assert cookie["value"] not in str(rows)


async def test_signing_in_and_out(house, new_page, check_page):
    page = await new_page(signed_in=False)
    await page.goto("/console/settings?tab=x")
    assert "/console/login?next=" in page.url
    await check_page(page)
    await page.get_by_label("Password", exact=True).fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the password")
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console/settings?tab=x")
    [cookie] = [one for one in await page.context.cookies() if "session" in one["name"]]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    await page.get_by_role("button", name="Sign out").first.click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.context.add_cookies([cookie])
    await page.goto("/console")
    assert "/console/login" in page.url, "the old cookie opens nothing"


async def test_https_gets_the_host_bound_cookie(house):
    answer = await house.front.http.post(
        "/console/login", data={"password": PASSWORD}, headers={"x-forwarded-proto": "https"}
    )
    said = answer.headers["set-cookie"]
    assert said.startswith("__Host-gateway=")
    for word in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert word in said
    assert "Domain" not in said


async def test_wrong_passwords_are_limited(house):
    for _ in range(5):
        assert (await house.front.http.post("/console/login", data={"password": "wrong"})).status_code == 401
    answer = await house.front.http.post("/console/login", data={"password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 301
    assert re.search(r"try again in\s+\d", answer.text)


async def test_an_idle_session_and_an_old_one_end(house, new_page):
    for column in ("last_seen_at", "expires_at"):
        page = await new_page()
        await page.goto("/console")
        assert page.url.endswith("/console")
        async with house.house.db.write() as connection:
            await connection.execute(update(console_sessions).values({column: datetime(2020, 1, 1, tzinfo=UTC)}))
        await page.goto("/console")
        assert "/console/login" in page.url


async def test_an_open_page_notices_that_it_is_signed_out(house, new_page, monkeypatch):
    monkeypatch.setattr("gateway.console.events.LOOK_S", 0.5)
    page = await new_page()
    await page.goto("/console")
    await house.house.sessions.end_all()
    await page.wait_for_url("**/console/login**")
