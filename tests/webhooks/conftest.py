"""The service over a scripted site, as in the front's tests, with an operator who lets clients name private addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.front.conftest import data_dir, logs, made_before, site, the_film
from tests.front.scripted import Scripted
from tests.front.serving import Front, serving
from tests.webhooks.receiver import Receiver, receiving

__all__ = ["data_dir", "logs", "made_before", "site", "the_film"]


@pytest.fixture
async def front(data_dir: Path, site: Scripted) -> AsyncIterator[Front]:
    async with serving(data_dir, site, fetch_allow_private=True) as front:
        yield front


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
