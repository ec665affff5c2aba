"""Every test here runs on both databases."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database with all tables."""
    return str(request.getfixturevalue(f"{request.param}_url"))
