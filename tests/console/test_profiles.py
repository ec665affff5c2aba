"""Profiles in the console: what is asked stands in their rows; here the test is the node that answers there."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from browser.clearance import Clearance, Cooldown
from gateway.nodes.registry import NodeRegistry
from gateway.profiles.bundle import unseal
from gateway.profiles.errors import UnknownProfile
from tests.console.signed_in import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PASSPHRASE = "a passphrase for the road"


def sign_in(value: str = "one", domain: str = ".grok.com") -> dict:
    cookie = {"name": "sso", "value": value, "domain": domain, "path": "/", "expires": 4102444800.0,
              "httpOnly": True, "secure": True, "sameSite": "Lax"}  # fmt: skip
    return {"name": "state.json", "mimeType": "application/json",
            "buffer": json.dumps({"cookies": [cookie], "origins": []}).encode()}  # fmt: skip


async def seen(house, name, clearance=Clearance.READY, **more):
    """What the profile's node writes into its row."""
    said = {"reason": "", "since": datetime.now(UTC), "account": {"name": "A•••", "id": "u-1", "tier": "SuperGrok"},
            "cooldowns": (), "last_checkpoint_at": datetime.now(UTC)} | more  # fmt: skip
    await house.house.registry.record_seen(name, clearance=clearance, **said)


async def brought(house, page, name="work", value="one"):
    """Add a profile with a file, by the console."""
    await page.goto("/console/profiles?add")
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_text("Proxy, or a sign-in brought along").click()
    await page.get_by_label("File with a sign-in").set_input_files([sign_in(value)])
    await page.get_by_role("button", name="Add and sign in").click()
    await page.wait_for_url(f"**/console/live/{name}")


async def actions(house):
    return [(line.action, line.target) for line in await house.house.audit.newest()]


async def test_an_empty_list_teaches_and_leads_to_the_first_profile(house, page, check_page):
    await page.goto("/console/profiles")
    await expect(page.get_by_role("heading", name="No profiles yet")).to_be_visible()
    await check_page(page)
    await page.goto("/console")
    await page.get_by_role("link", name="Add a profile").click()
    dialog = page.get_by_role("dialog", name="Add profile")
    await expect(dialog).to_be_visible()
    await expect(page.get_by_label("Name", exact=True)).to_be_focused()
    await check_page(page)
    await page.keyboard.type("Work")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/live/work")
    added = await house.house.registry.get("work")
    assert added.clearance is Clearance.NEW
    assert added.node_id == house.house.registry.node
    assert ("profile.added", "work") in await actions(house)


async def test_what_is_wrong_is_said_in_the_dialog(house, page):
    await house.house.registry.add("work")
    await page.goto("/console/profiles?add")
    dialog = page.get_by_role("dialog", name="Add profile")

    async def refused(sentence: str) -> None:
        await dialog.get_by_role("button", name="Add and sign in").click()
        await expect(dialog.get_by_role("alert")).to_contain_text(sentence)

    name = page.get_by_label("Name", exact=True)
    await name.fill("a b")
    await refused("A name has 1 to 63")
    await name.fill("work")
    await refused("of that name already")
    await name.fill("other")
    await dialog.get_by_text("Proxy, or a sign-in brought along").click()
    await dialog.get_by_label("Proxy").fill("socks5://me:pw@host:1080")
    await refused("cannot be used")
    await dialog.get_by_label("Proxy").fill("")
    await dialog.get_by_label("File with a sign-in").set_input_files([sign_in(domain="example.com")])
    await refused("no usable sign-in")
    await dialog.get_by_label("File with a sign-in").set_input_files(
        [{"name": "x.json", "mimeType": "application/json", "buffer": b"\xff\xfe\x00"}]
    )
    await refused("neither a bundle nor text")
    with pytest.raises(UnknownProfile):
        await house.house.registry.get("other")


async def test_a_card_says_how_it_stands_and_what_to_do(house, page, check_page):
    await house.house.registry.add("work", proxy="http://me:secret@proxy.example:8080")
    await seen(house, "work", cooldowns=(Cooldown("video", datetime.now(UTC) + timedelta(hours=1), "limit"),))
    await page.goto("/console/profiles")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="work"))
    await expect(card).to_contain_text("A•••")
    await expect(card).to_contain_text("SuperGrok")
    await expect(card).to_contain_text("ready")
    await expect(card).to_contain_text("videos until")
    await expect(card).to_contain_text("http://me:***@proxy.example:8080")
    assert "secret" not in await page.content()
    await expect(card.get_by_role("link", name="Open live view")).to_have_attribute("href", "/console/live/work")
    await check_page(page)
    await seen(house, "work", Clearance.CHALLENGED, reason="the page shows a challenge")
    await expect(card.get_by_role("link", name="Show the challenge")).to_be_visible()
    await expect(card).to_contain_text("only a person can complete")
    await check_page(page)


async def test_disabled_enabled_and_checked_from_the_menu(house, page, check_page):
    await house.house.registry.add("work")
    await seen(house, "work")
    await page.goto("/console/profiles")
    menu = page.get_by_label("More actions for work")
    await menu.click()
    await check_page(page)
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_role("status").filter(has_text="is disabled")).to_be_visible()
    assert not (await house.house.registry.get("work")).enabled
    await page.get_by_role("button", name="Enable").first.click()
    await expect(page.get_by_role("link", name="Open live view")).to_be_visible()
    assert (await house.house.registry.get("work")).enabled
    await menu.click()
    await page.get_by_role("button", name="Check now").click()
    await expect(page.get_by_text("The site is being asked")).to_be_visible()
    assert (await house.house.registry.get("work")).check_wanted
    await seen(house, "work", checked_at=datetime.now(UTC))
    await expect(page.get_by_text("Signed in, and the site lets it work.")).to_be_visible()
    assert {("profile.disabled", "work"), ("profile.enabled", "work"), ("profile.check_requested", "work")} <= set(
        await actions(house)
    )


async def test_a_bundle_goes_out_and_comes_back(house, page, check_page):
    await brought(house, page)
    await page.goto("/console/profiles/work")
    await page.get_by_role("button", name="Export").click()
    dialog = page.get_by_role("dialog", name="Export")
    await check_page(page)
    await dialog.get_by_label("Your console password").fill("not my password")
    await dialog.get_by_label("New passphrase for the file").fill(PASSPHRASE)
    await dialog.get_by_label("The passphrase again").fill(PASSPHRASE)
    await dialog.get_by_role("button", name="Download").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await dialog.get_by_label("Your console password").fill(PASSWORD)
    async with page.expect_download() as coming:
        await dialog.get_by_role("button", name="Download").click()
    download = await coming.value
    assert download.suggested_filename == "work.profile"
    sealed = (await download.path()).read_bytes()
    assert unseal(sealed, PASSPHRASE).state["cookies"][0]["value"] == "one"
    assert b"sso" not in sealed

    bundle = {"name": "work.profile", "mimeType": "application/octet-stream", "buffer": sealed}
    await page.goto("/console/profiles?add")
    dialog = page.get_by_role("dialog", name="Add profile")
    await page.get_by_label("Name", exact=True).fill("again")
    await dialog.get_by_text("Proxy, or a sign-in brought along").click()
    await dialog.get_by_label("File with a sign-in").set_input_files([bundle])
    await dialog.get_by_label("Passphrase of the bundle").fill("another passphrase")
    await dialog.get_by_role("button", name="Add and sign in").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("The passphrase is wrong")
    await dialog.get_by_label("Passphrase of the bundle").fill(PASSPHRASE)
    await dialog.get_by_role("button", name="Add and sign in").click()
    await page.wait_for_url("**/console/live/again")
    copies = house.house.copies("again")
    assert copies.read(copies.list()[0])["cookies"][0]["value"] == "one"
    assert {("profile.exported", "work"), ("profile.export_refused", "work")} <= set(await actions(house))


async def test_the_page_of_one_restores_an_earlier_copy(house, page, check_page):
    await brought(house, page)
    await seen(house, "work")
    await page.goto("/console/profiles/work")
    await expect(page.locator(".state-line [aria-current=step]")).to_have_text("ready")
    await expect(page.locator("#history")).to_contain_text("A sign-in was imported (cookies: 1)")
    await check_page(page)
    generation = house.house.copies("work").list()[0].generation
    await page.get_by_role("button", name=f"Restore copy {generation}").click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text("Running tasks are finished first")
    await question.get_by_role("button", name="Restore").click()
    await expect(page.locator("#history")).to_contain_text(f"Copy {generation} was asked for")
    assert (await house.house.registry.get("work")).restore_generation == generation
    await house.house.registry.restore_failed("work", generation=generation, reason="the disk said no")
    await expect(page.locator("#history")).to_contain_text("the disk said no")
    await seen(house, "work", Clearance.LOGIN_REQUIRED, reason="the site sent it to the sign-in")
    await expect(page.locator(".state-line [aria-current=step]")).to_have_text("signed out")
    await check_page(page)


async def test_the_proxy_is_changed_and_never_shown_whole(house, page):
    await house.house.registry.add("work")
    await page.goto("/console/profiles/work")
    await page.get_by_role("button", name="Change the proxy").click()
    dialog = page.get_by_role("dialog", name="Change the proxy")
    await dialog.get_by_label("Proxy").fill("http://me:hush@proxy.example:3128")
    await dialog.get_by_role("button", name="Save").click()
    await expect(page.locator("#facts")).to_contain_text("http://me:***@proxy.example:3128")
    registry = house.house.registry
    assert registry.proxy_of(await registry.get("work")) == "http://me:hush@proxy.example:3128"
    assert "hush" not in await page.content()


async def test_removed_only_when_its_name_is_typed(house, page, check_page):
    await brought(house, page)
    await page.goto("/console/profiles")
    await page.get_by_label("More actions for work").click()
    await page.get_by_role("button", name="Remove…").click()
    dialog = page.get_by_role("dialog", name="Remove “work”?")
    await expect(dialog).to_contain_text("every saved copy of its sign-in")
    await check_page(page)
    await dialog.get_by_label("Type work to confirm").fill("wrok")
    await dialog.get_by_role("button", name="Remove").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Type the profile's name")
    assert (await house.house.registry.get("work")).removed_at is None
    await dialog.get_by_label("Type work to confirm").fill("work")
    await dialog.get_by_role("button", name="Remove").click()
    await expect(page.get_by_text("being removed")).to_be_visible()
    await house.house.registry.remove("work")  # what its node does then
    await expect(page.get_by_role("heading", name="No profiles yet")).to_be_visible()


@pytest.mark.long
async def test_it_is_there_in_every_width_and_language(house, new_page, check_page):
    await house.house.registry.add("a-profile-with-a-rather-long-name-of-somebody-who-likes-them-so")
    await house.house.registry.add("work")
    await seen(house, "work", Clearance.BLOCKED, reason="x" * 200)
    for width, locale, scheme in ((360, "zh-CN", "dark"), (360, "en-US", "light"), (2560, "zh-CN", "light")):
        page = await new_page(width=width, locale=locale, color_scheme=scheme)
        for path in ("/console/profiles", "/console/profiles/work", "/console/profiles?add"):
            await page.goto(path)
            await check_page(page)
    answer = await page.goto("/console/profiles/nobody")
    assert answer.status == 404


async def test_with_several_nodes_one_says_where_its_browser_runs(house, page, check_page):
    own, nodes_of = house.house.registry.node, NodeRegistry(house.house.db)
    mine = next(node for node in await nodes_of.everybody() if node.id == own)
    for name, role in (("berlin", "worker"), ("front-only", "api")):
        row = {"id": name, "hostname": "h", "address": "", "role": role, "version": mine.version, "info": {}}
        await nodes_of.join(row, check=lambda others: None)
    await page.goto("/console/profiles?add")
    dialog = page.get_by_role("dialog", name="Add profile")
    assert await dialog.get_by_label("Node").locator("option").all_inner_texts() == [own, "berlin"]
    await check_page(page)
    await page.get_by_label("Name", exact=True).fill("far")
    await dialog.get_by_label("Node").select_option("berlin")
    await dialog.get_by_role("button", name="Add and sign in").click()
    await page.wait_for_url("**/console/live/far")
    assert (await house.house.registry.get("far")).node_id == "berlin"
    await page.goto("/console/profiles/far")
    await expect(page.locator("#carry")).to_contain_text("lies on node berlin")
    await check_page(page)


async def test_a_profile_whose_node_is_gone_says_so_and_can_be_forgotten(house, page, check_page):
    registry = house.house.registry
    await registry.add("far", node="node-b")
    await seen(house, "far")
    await page.goto("/console/profiles")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="far"))
    await expect(card).to_contain_text("out of reach")
    await expect(card).to_contain_text("gateway profile adopt far")
    await expect(card.get_by_role("link", name="Open live view")).to_have_count(0)
    await check_page(page)
    answer = await page.request.post(f"{house.url}/console/profiles/far/forget", headers={"origin": house.url})
    assert answer.status == 400, "first its removal has to be asked for"
    await registry.request_removal("far")
    await expect(card).to_contain_text("being removed")
    await card.get_by_role("button", name="Forget it").click()
    await page.get_by_role("dialog").get_by_role("button", name="Forget it").click()
    await expect(page.get_by_role("heading", name="No profiles yet")).to_be_visible()
    assert ("profile.forgotten", "far") in await actions(house)


async def test_a_node_at_work_removes_its_profile_itself(house, page):
    nodes = NodeRegistry(house.house.db)
    row = {"id": "node-b", "hostname": "b", "address": "", "role": "all", "version": "1", "info": {}}
    await nodes.join(row, check=lambda _: None)
    await house.house.registry.add("far", node="node-b")
    await house.house.registry.request_removal("far")
    await page.goto("/console/profiles/far")
    await expect(page.locator("#state")).to_contain_text("finishes what it does")
    await expect(page.get_by_role("button", name="Forget it")).to_have_count(0)


async def test_what_is_left_is_told_with_its_age(house, page, new_page, check_page):
    registry = house.house.registry
    await registry.add("work")
    await seen(
        house, "work", Clearance.LOGIN_REQUIRED, reason="the site no longer knows the sign-in: Invalid credentials"
    )
    now = datetime.now(UTC)
    at = {"told_at": (now - timedelta(minutes=8)).isoformat(), "media": True}
    later = {"told_at": (now - timedelta(minutes=8) + timedelta(seconds=2)).isoformat()}
    quota = {"video": {"remaining": 12, "total": 20, **at}, "imageEdit": {"remaining": 5, "total": None, **at},
             "auto": {"remaining": 90, "total": 100, **later}, "heavy": {"remaining": None, **later}}  # fmt: skip
    await registry.note_quota("work", quota)
    await page.goto("/console/profiles")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="work"))
    hint = card.locator("dd", has_text="videos 12/20")
    await expect(hint).to_contain_text("image edits 5 · videos 12/20 · auto 90/100 (told 8 minutes ago)")
    await expect(card).to_contain_text("the site no longer knows the sign-in: Invalid credentials")
    chinese = await new_page(width=360, locale="zh-CN")
    await chinese.goto("/console/profiles/work")
    await expect(chinese.locator("#state")).to_contain_text("网站不再认可此登录：Invalid credentials")
    await check_page(chinese)


async def test_another_way_out_than_at_the_sign_in_is_warned_of_until_it_is_accepted(house, page, check_page):
    registry = house.house.registry
    await registry.add("work", proxy="http://first.example:8080")
    await seen(house, "work")
    await registry.remember_sign_in("work", anew=True)
    await registry.note_address("work", "192.0.2.1")
    await page.goto("/console/profiles/work")
    await expect(page.locator("#facts")).to_contain_text("192.0.2.1")
    await expect(page.locator("#state .needs-you")).to_have_count(0)
    await registry.note_address("work", "192.0.2.77")
    await expect(page.locator("#state")).to_contain_text(
        "from another address (192.0.2.1) than it has now (192.0.2.77)"
    )
    await registry.set_proxy("work", "http://second.example:8080")
    await expect(page.locator("#state")).to_contain_text("through another proxy (http://first.example:8080)")
    await page.goto("/console/profiles")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="work"))
    await check_page(page)
    await card.get_by_role("link", name="It goes out another way").click()
    await page.get_by_role("button", name="Accept this").click()
    await expect(page.locator("#state .needs-you")).to_have_count(0)
    assert ("profile.egress_accepted", "work") in await actions(house)
