"""The machines on this database, as their operator sees them."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect
from sqlalchemy import update

from gateway.db.tables import nodes
from gateway.nodes.model import Places, ProfileOffer
from gateway.nodes.registry import NodeRegistry

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def join(house, name, *, role="worker"):
    registry = NodeRegistry(house.house.db)
    row = {"id": name, "hostname": "rack2", "address": "http://10.0.0.2:8080", "role": role, "version": "1", "info": {}}
    await registry.join({**row, "offers": []}, check=lambda _: None)
    return registry


async def silence(house, name):
    long_ago = datetime.now(UTC) - timedelta(minutes=12)
    async with house.house.db.write("nodes") as connection:
        await connection.execute(update(nodes).where(nodes.c.id == name).values(heartbeat_at=long_ago))


async def test_a_node_is_shown_with_its_role_profiles_and_work(house, page, check_page):
    await house.house.registry.add("elsewhere", node="worker-2")
    registry = await join(house, "worker-2")
    await page.goto("/console/settings/nodes")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="worker-2"))
    await expect(card).to_contain_text("at work")
    for words in ("worker", "runs browsers for the other nodes", "http://10.0.0.2:8080", "rack2", "0 of 1 ready"):
        await expect(card).to_contain_text(words)
    await expect(card.get_by_role("link", name="elsewhere")).to_have_attribute("href", "/console/profiles/elsewhere")
    await check_page(page)
    offer = ProfileOffer("elsewhere", "ready", places={"video": Places(1, 3)})
    await registry.beat("worker-2", offers=[offer], info={"running": 2}, tell=True)
    await expect(card).to_contain_text("2 videos (2 of 3 places used)")
    own = page.get_by_role("listitem").filter(has_text="this one")
    await expect(own.get_by_role("heading")).to_have_text(house.house.registry.node)
    await page.goto("/console")
    await expect(page.locator("#numbers")).to_contain_text("on 2 nodes")


async def test_a_silent_node_is_told_of_and_can_be_forgotten(house, page, check_page):
    await house.house.registry.add("stranded", node="worker-2")
    await join(house, "worker-2")
    await page.goto("/console")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await silence(house, "worker-2")
    banner = page.get_by_role("alert")
    await expect(banner).to_contain_text("Node “worker-2” has fallen silent.")
    await expect(banner).to_contain_text("1 profile is out of work")
    await check_page(page)
    await banner.get_by_role("link", name="Show the nodes").click()
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="worker-2"))
    await expect(card).to_contain_text("silent")
    await check_page(page)
    await card.get_by_role("button", name="Forget it").click()
    await page.get_by_role("dialog").get_by_role("button", name="Forget it").click()
    await expect(card).to_have_count(0)
    assert (await house.house.registry.get("stranded")).node_id == "worker-2", "its profile waits to be adopted"
    assert "node.forgotten" in [line.action for line in await house.house.audit.newest(limit=5)]


async def test_a_node_at_work_is_not_forgotten(house, page):
    await join(house, "worker-2")
    await page.goto("/console/settings/nodes")
    answer = await page.request.post(
        "/console/settings/nodes/worker-2/forget", headers={"x-console": "1", "origin": house.url}
    )
    assert answer.status == 400
    assert "stop it first" in await answer.text()
