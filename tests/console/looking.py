"""What is asked of every page: accessible by axe's rules, and never wider than its window."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def look_at(page: Page) -> None:
    """Fail with what is wrong with the page as it stands."""
    wide = await page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], f"{page.url} is {wide[0]} wide in a window of {wide[1]}: {await _widest(page)}"
    found = await Axe().run(page, options=RULES)
    told = [
        f"{violation['id']}: {violation['help']}\n    "
        + "\n    ".join(node["html"][:200] for node in violation["nodes"][:4])
        for violation in found.response["violations"]
    ]
    assert not told, f"{page.url}\n" + "\n".join(told)


async def _widest(page: Page) -> str:
    script = """() => [...document.querySelectorAll("body *")]
        .filter(one => one.getBoundingClientRect().right > innerWidth + 1).slice(0, 3)
        .map(one => one.outerHTML.slice(0, 120)).join(" · ")"""
    return str(await page.evaluate(script))
