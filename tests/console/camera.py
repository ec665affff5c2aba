"""Takes the photographs: pages at three widths, light and dark, and what can be opened on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

WIDTHS = {360: 760, 1280: 900, 2560: 1400}
SCHEMES = ("light", "dark")

Do = Callable[[Page], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Shot:
    """One page. do: what is done there before; signed_in: whether a person's session is there."""

    name: str
    path: str
    do: Do | None = None
    signed_in: bool = True
    whole: bool = True


def clicking(selector: str) -> Do:
    """Press what is there."""
    return lambda page: page.locator(selector).first.click()


@dataclass(frozen=True, slots=True)
class Camera:
    """out: where the pictures go. cookie: of a session, for Playwright."""

    browser: Browser
    base_url: str
    out: Path
    cookie: Any = None
    language: str = "en-US"
    widths: Sequence[int] = tuple(WIDTHS)
    schemes: Sequence[str] = SCHEMES
    taken: list[Path] = field(default_factory=list)

    async def take(self, shots: Sequence[Shot]) -> None:
        """Photograph all of them in every size and colour."""
        for scheme in self.schemes:
            for width in self.widths:
                async with self.page(width, scheme) as page:
                    for shot in shots:
                        await self._take(page, shot, f"{shot.name}-{width}-{scheme}.png", whole=width < 2560)

    @asynccontextmanager
    async def page(self, width: int, scheme: str) -> Any:
        context = await self.browser.new_context(
            viewport={"width": width, "height": WIDTHS.get(width, 900)}, color_scheme=scheme, base_url=self.base_url,
            locale=self.language, has_touch=width < 600, is_mobile=width < 600,
        )  # fmt: skip
        try:
            yield await context.new_page()
        finally:
            await context.close()

    async def _take(self, page: Page, shot: Shot, name: str, *, whole: bool) -> None:
        await page.context.clear_cookies()
        if shot.signed_in and self.cookie:
            await page.context.add_cookies([self.cookie])
        await page.goto(shot.path)
        if shot.do is not None:
            await shot.do(page)
        await page.wait_for_timeout(400)  # pictures are decoded, films have their first frame
        await page.screenshot(path=self.out / name, full_page=whole and shot.whole)
        self.taken.append(self.out / name)
