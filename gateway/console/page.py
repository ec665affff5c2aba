"""What a page module gives: its router, and its place in the navigation."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from fastapi import APIRouter

from gateway.console import pages


@dataclass(frozen=True, slots=True)
class Page:
    """One area of the console.

    area: names its texts and templates, and its words in the navigation (``<area>.title``). path: where the navigation
    leads. icon: of the sprite. order: place in the navigation, the first four stand in a phone's bar; 0: not in it.
    public: reachable without signing in (only login and setup are).
    """

    area: str
    router: APIRouter
    path: str = ""
    icon: str = ""
    order: int = 0
    public: bool = False


@cache
def all_pages() -> Sequence[Page]:
    """Every page there is: each module of ``gateway.console.pages`` that has a `PAGE`."""
    found = []
    for module in pkgutil.iter_modules(pages.__path__):
        page = getattr(importlib.import_module(f"{pages.__name__}.{module.name}"), "PAGE", None)
        if isinstance(page, Page):
            found.append(page)
    return found


def navigation() -> Sequence[Page]:
    """The pages the navigation leads to, in order."""
    return sorted((page for page in all_pages() if page.order), key=lambda page: page.order)


def has_page(area: str) -> bool:
    """Whether there is a page of that area: parts of the house may be left away."""
    return any(page.area == area for page in all_pages())
