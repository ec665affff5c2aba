"""Settings with where they come from, the doctor, sessions and password, the audit log."""

import os

import pytest
from playwright.async_api import expect

from gateway.origins import Origin, shown_settings
from gateway.settings import Settings
from tests.console.signed_in import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_values_say_where_they_come_from_and_no_secret(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gateway.toml").write_text("video_slots = 3\n", "utf-8")
    (tmp_path / ".env").write_text("GATEWAY_MAX_QUEUED=7\n", "utf-8")
    (tmp_path / "key").write_text("canary-secret-of-a-file", "utf-8")
    monkeypatch.setenv("GATEWAY_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("GATEWAY_BUS_URL", "postgresql://me:canary-password@db/x")
    monkeypatch.setenv("GATEWAY_NOTIFY_NTFY_URL", "https://ntfy.example/canary-topic")
    found = {one.name: one for one in shown_settings(Settings(data_dir=tmp_path, port=9))}
    assert found["GATEWAY_VIDEO_SLOTS"].origin is Origin.TOML
    assert found["GATEWAY_MAX_QUEUED"].origin is Origin.DOT_ENV
    assert found["GATEWAY_SECRET_KEY"].origin is Origin.SECRET_FILE
    assert found["GATEWAY_BUS_URL"].origin is Origin.ENVIRONMENT
    assert found["GATEWAY_PORT"].origin is Origin.COMMAND_LINE
    assert found["GATEWAY_DRAIN_S"].origin is Origin.DEFAULT
    assert "canary" not in str([(one.value, one.meaning) for one in found.values()])
    assert found["GATEWAY_BUS_URL"].value == "postgresql://•••@db/x"


async def test_the_page_shows_them(house, page, check_page):
    await page.goto("/console/settings")
    await expect(page.get_by_role("row", name="GATEWAY_DRAIN_S")).to_contain_text("command line")
    await page.get_by_text("settings at their defaults").click()
    await expect(page.get_by_role("row", name="GATEWAY_MAX_ATTEMPTS")).to_contain_text("4")
    await check_page(page)


async def test_the_doctor_reports_as_it_goes(page, check_page):
    await page.goto("/console/settings/doctor")
    await page.get_by_role("button", name="Examine now").click()
    await expect(page.locator(".findings li", has_text="database")).to_be_visible(timeout=60_000)
    await expect(page.get_by_role("button", name="Examine again")).to_be_visible(timeout=90_000)
    await check_page(page)


async def test_changing_the_password_ends_every_other_session(house, page, new_page, check_page):
    other = await new_page()
    await other.goto("/console/settings/access")
    await page.goto("/console/settings/access")
    await check_page(page)
    await page.get_by_label("Current password").fill("wrong")
    await page.get_by_label("New password").fill("another long password")
    await page.get_by_label("Once more").fill("another long password")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("status").filter(has_text="password is wrong")).to_be_visible()
    await page.get_by_label("Current password").fill(PASSWORD)
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_role("status").filter(has_text="is changed")).to_be_visible()
    await page.goto("/console/settings/access")
    await expect(page.get_by_role("row", name="this browser")).to_be_visible()
    await other.goto("/console")
    assert "/console/login" in other.url
    assert await house.house.password.check("another long password")
    assert not await house.house.password.check(PASSWORD)


async def test_sessions_are_listed_and_ended(house, page, new_page):
    other = await new_page()
    await other.goto("/console")
    await page.goto("/console/settings/access")
    rows = page.locator("#sessions tbody tr")
    await expect(rows).to_have_count(2)
    await rows.filter(has_not_text="this browser").get_by_role("button", name="End the session").click()
    await expect(rows).to_have_count(1)
    await other.goto("/console")
    assert "/console/login" in other.url
    await page.get_by_role("button", name="Sign out everywhere").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    await page.wait_for_url("**/console/login**")
    assert not await house.house.sessions.list()


async def test_the_audit_log_says_who_did_what(house, page, check_page):
    for number in range(60):
        await house.house.audit.write("admin", "key.created", f"key {number}", address="10.0.0.9", scopes=["chat"])
    await page.goto("/console/settings/audit")
    await expect(page.get_by_role("row", name="key 59")).to_contain_text("key.created")
    await check_page(page)
    await house.house.audit.write("command line", "password.changed")
    await expect(page.get_by_role("row", name="password.changed")).to_be_visible(timeout=60_000)
    await page.get_by_role("link", name="Older").click()
    await expect(page.get_by_role("row", name="key 1").first).to_be_visible()
