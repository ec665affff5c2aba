"""Databases for tests, quickly: a template with all tables is made once per session, and copied."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.db.connect import Database
from tests.postgresql import Cluster, running_cluster


async def _make(url: str) -> None:
    async with Database.open(url):
        pass


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this test session."""
    with running_cluster() as running:
        if running is None:
            pytest.skip("PostgreSQL is not installed")
        yield running


@pytest.fixture(scope="session")
def postgresql_template(cluster: Cluster) -> str:
    cluster.psql("postgres", "CREATE DATABASE template_gateway")
    asyncio.run(_make(cluster.url("template_gateway")))
    return "template_gateway"


@pytest.fixture
def postgresql_url(cluster: Cluster, postgresql_template: str) -> str:
    return cluster.new_database(like=postgresql_template)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "gateway.db"
    asyncio.run(_make(f"sqlite:///{file}"))
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    file = tmp_path / "gateway.db"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"
