"""Usage: numbers that are right, charts with the same numbers as tables, and a sheet for others."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from gateway.console import charts
from gateway.usage.ended import Ended, Outcome
from gateway.usage.log_sql import write_log
from tests.console.making import made

browser = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
DONE = Ended(
    datetime.now(UTC), "video", "console", "m1", "openai", Outcome.SUCCEEDED, profile="work", took_s=40, waited_s=2, made=1,
    size_bytes=1_000_000, output_s=6,
)  # fmt: skip


async def log(house, *ended):
    async with house.house.db.write("tasks") as connection:
        await write_log(connection, ended)


class TestPage:
    pytestmark = browser

    async def test_nothing_yet(self, page, check_page):
        await page.goto("/console/usage")
        await expect(page.get_by_role("heading", name="Nothing finished in this time")).to_be_visible()
        await check_page(page)

    async def test_numbers_charts_and_tables(self, house, page, check_page):
        now = datetime.now(UTC)
        await log(
            house, *[replace(DONE, at=now - timedelta(days=day)) for day in range(3)], replace(DONE, kind="chat"),
            replace(DONE, outcome=Outcome.FAILED, code="rate_limited", profile="home"),
        )  # fmt: skip
        await page.goto("/console/usage")
        numbers = page.locator(".stats")
        await expect(numbers).to_contain_text("80 %")
        await expect(numbers).to_contain_text("1 failed")
        await check_page(page)
        await expect(page.get_by_role("img", name="Finished work")).to_be_visible()
        await page.get_by_text("The same numbers as a table").click()
        await expect(page.locator(".numbers tbody tr")).to_have_count(7)
        await expect(page.get_by_role("row", name="rate_limited")).to_contain_text("used up")
        await page.get_by_role("link", name="home").click()
        await expect(numbers).to_contain_text("0 %")
        await page.get_by_role("combobox", name="Kind").select_option("chat")
        await expect(page.get_by_role("heading", name="Nothing finished in this time")).to_be_visible()
        await page.goto("/console/usage?period=day")
        await page.get_by_text("The same numbers as a table").click()
        await expect(page.locator(".numbers tbody tr")).to_have_count(24)

    async def test_it_is_live(self, house, page):
        await page.goto("/console/usage")
        await made(house)
        await expect(page.locator(".stats")).to_contain_text("100 %")

    async def test_the_sheet_has_every_number(self, house, page):
        key = (await house.front.keys.create("=1+1"))[0]
        await log(house, replace(DONE, key_id=key.id), replace(DONE, key_id=key.id, took_s=80))
        answer = await page.request.get("/console/usage.csv?period=month")
        assert answer.headers["content-type"].startswith("text/csv")
        [line] = csv.DictReader(io.StringIO(await answer.text()))
        assert line["key"] == "'=1+1", "a spreadsheet calculates nothing of it"
        assert (line["api"], line["model"], line["succeeded"], line["bytes"]) == ("openai", "m1", "2", "2000000")
        assert float(line["mean_s"]) == pytest.approx(60)

    @pytest.mark.parametrize("width", [360, pytest.param(2560, marks=pytest.mark.long)])
    async def test_small_and_large(self, house, new_page, check_page, width):
        await log(house, DONE, replace(DONE, outcome=Outcome.FAILED, code="upstream_error"))
        page = await new_page(width=width, color_scheme="dark", locale="zh-CN")
        await page.goto("/console/usage?period=month")
        await expect(page.get_by_role("heading", level=1)).to_have_text("用量")
        await check_page(page)


def test_bars_stand_on_each_other():
    chart = charts.bars([(3, 1), (0, 0), (4, 0)])
    assert chart.top == 5
    first, second, third = chart.bars
    assert (first.kind, second.kind) == (0, 1) and second.y + second.height == pytest.approx(first.y)
    assert first.y + first.height == pytest.approx(charts.HEIGHT) and third.height == pytest.approx(80)


def test_a_line_is_interrupted_where_nothing_is_known():
    chart = charts.lines([[1, 2, None, 4, None]])
    assert len(chart.lines) == 1 and len(chart.dots) == 1


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (1.1, 2), (7, 10), (34, 50), (0.03, 0.05)])
def test_round_numbers(value, top):
    assert charts.nice(value) == pytest.approx(top)
