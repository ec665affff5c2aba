"""A fleet of nodes with a database and a store of files of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.front.scripted import film
from tests.nodes.running import Fleet
from tests.s3 import S3


@pytest.fixture(scope="session")
def the_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture
def fleet(tmp_path: Path, postgresql_url: str, s3: S3, the_film: Path) -> Fleet:
    media = {
        "media_url": f"s3://{s3.new_bucket()}/files",
        "s3_endpoint": s3.endpoint,
        "s3_region": "us-east-1",
        "s3_access_key_id": "tests",
        "s3_secret_access_key": "tests",
    }
    return Fleet(tmp_path, postgresql_url, the_film, media)
