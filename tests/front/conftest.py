"""Fixtures of the front's tests: one film, one scripted site, one service."""

from __future__ import annotations

import asyncio
import io
import logging
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from gateway.db.connect import Database
from gateway.settings import Settings
from gateway.telemetry import configure_logging
from tests.front.scripted import Scripted, film
from tests.front.serving import Front, serving


@pytest.fixture(scope="session")
def the_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture
def site(the_film: Path) -> Scripted:
    return Scripted(the_film)


@pytest.fixture(scope="session")
def made_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose database has its tables: making them anew takes longer than most tests."""
    folder = tmp_path_factory.mktemp("made") / "data"
    folder.mkdir()

    async def make() -> None:
        async with Database.open(f"sqlite:///{folder / 'gateway.db'}"):
            pass

    asyncio.run(make())
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, made_before: Path) -> Path:
    return Path(shutil.copytree(made_before, tmp_path / "data"))


@pytest.fixture
async def front(data_dir: Path, site: Scripted) -> AsyncIterator[Front]:
    async with serving(data_dir, site) as front:
        yield front


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calm(the_film: Path, made_before: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """One service for a whole module of tests that leave nothing behind which another would notice."""
    folder = shutil.copytree(made_before, tmp_path_factory.mktemp("calm") / "data")
    async with serving(Path(folder), Scripted(the_film)) as front:
        yield front


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[io.StringIO]:
    """Everything that is logged, as `gateway serve` logs it at its most talkative."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    configure_logging(Settings(data_dir=tmp_path, log_level="debug", log_format="json", _env_file=None), stream=stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:], root.level = before
