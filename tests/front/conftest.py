"""Fixtures of the front's tests: one film, one scripted site, one service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.front.scripted import Scripted, film
from tests.front.serving import Front, serving


@pytest.fixture(scope="session")
def the_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture
def site(the_film: Path) -> Scripted:
    return Scripted(the_film)


@pytest.fixture
async def front(tmp_path: Path, site: Scripted) -> AsyncIterator[Front]:
    async with serving(tmp_path / "data", site) as front:
        yield front
