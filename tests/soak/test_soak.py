"""A minute of `scripts/soak`: long enough for what leaks with every task."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak.load import EXPECTED
from tests.soak.readings import BOUNDS, KEPT_FOR_A_WHILE, trends
from tests.soak.soaking import soak

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


async def test_nothing_grows_with_the_work_done(tmp_path: Path) -> None:
    found, done = await soak(tmp_path, seconds=45, videos=10)
    assert [str(trend) for trend in found if not trend.bounded and trend.name not in KEPT_FOR_A_WHILE] == []
    assert done["video completed"] >= 10 and done["chat 200"] >= 10, done
    assert set(done) <= EXPECTED, done


def test_what_grows_is_found() -> None:
    readings = [dict.fromkeys(BOUNDS, 10.0) | {"gateway file descriptors": 40.0 + 2 * step} for step in range(24)]
    assert [trend.name for trend in trends(readings) if not trend.bounded] == ["gateway file descriptors"]
