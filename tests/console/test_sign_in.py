"""The first way in, and every later one: setup link, password, sessions."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect
from sqlalchemy import select, update

from gateway.auth.setup_links import setup_url
from gateway.db.tables import console_sessions, meta, setup_links
from tests.console.signed_in import PASSWORD
from tests.front.serving import serving

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
    await expect(page.get_by_role("alert")).to_contain_text("differ")
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
    await expect(page.get_by_role("alert")).to_contain_text("password is wrong")
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


@pytest.mark.parametrize("where", ["/console/live/work", "/console", "/console/tasks?status=failed"])
async def test_a_link_in_a_message_leads_in_whoever_is_signed_in(house, new_page, where):
    """A page of another site (web mail) leads here: the browser then keeps a strict cookie to itself."""
    await house.house.registry.add("work")
    page = await new_page()
    link = f'<a href="{house.url}{where}">Open it</a>'
    await page.route("http://mail.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
    await page.goto("http://mail.example/")
    await page.get_by_role("link", name="Open it").click()
    await page.wait_for_url(f"{house.url}{where}")
    await expect(page.get_by_role("navigation", name="Main navigation")).to_be_visible()


async def test_a_link_in_a_message_leads_others_to_the_sign_in_and_on(house, new_page):
    page = await new_page(signed_in=False)
    link = f'<a href="{house.url}/console/settings?tab=x">Open it</a>'
    await page.route("http://mail.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
    await page.goto("http://mail.example/")
    await page.get_by_role("link", name="Open it").click()
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console/settings?tab=x")


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


async def test_behind_a_trusted_proxy_each_visitor_is_counted(made_before, tmp_path, site):
    folder = Path(shutil.copytree(made_before, tmp_path / "proxied"))
    async with serving(folder, site, trusted_proxies="127.0.0.1, 10.0.0.0/8") as front:
        await front.app.state.console.password.create(PASSWORD)

        async def tries(password, came_through):
            data, headers = {"password": password}, {"x-forwarded-for": came_through}
            return (await front.http.post("/console/login", data=data, headers=headers)).status_code

        for _ in range(5):
            assert await tries("wrong", "203.0.113.9, 10.1.2.3") == 401
        assert await tries(PASSWORD, "198.51.100.1, 203.0.113.9") == 429, (
            "what stands before the last stranger is his own word"
        )
        assert await tries(PASSWORD, "198.51.100.1") == 303
        line = (await front.app.state.console.audit.newest(prefix="login.succeeded"))[0]
        assert line.address == "198.51.100.1"


async def test_nobodys_word_on_addresses_counts_otherwise(house):
    for number in range(5):
        headers = {"x-forwarded-for": f"198.51.100.{number}"}
        await house.front.http.post("/console/login", data={"password": "wrong"}, headers=headers)
    assert (await house.front.http.post("/console/login", data={"password": PASSWORD})).status_code == 429


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
