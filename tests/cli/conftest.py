"""Fixtures of the command-line tests."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from tests.cli.command import Commands, Here
from tests.simulator.client import Simulator


@pytest.fixture
def gateway(tmp_path: Path) -> Commands:
    """The command line on a data directory that does not exist yet."""
    return Commands(tmp_path / "data")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """The same, run in this process. Logging stays as the tests have it."""
    for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    for module in ("gateway.cli.logs", "gateway.cli.service"):
        monkeypatch.setattr(f"{module}.configure_logging", lambda *_: None)
    with capture_logs():
        yield Here(tmp_path / "data", monkeypatch, capfd)


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    """A sign-in file: one session cookie of the site, as a browser extension writes it."""
    file = tmp_path / "cookies.json"
    file.write_text('[{"name": "sso", "value": "s3cret-cookie", "domain": ".grok.com", "session": true}]')
    return file


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site() -> AsyncIterator[Simulator]:
    """The double of the site; every browser is let in without a click."""
    async with Simulator(clearance="automatic") as running:
        yield running


@pytest.fixture
def online(gateway: Commands, site: Simulator) -> Commands:
    """The command line with browsers that find the double where the site would be."""
    gateway.env["GATEWAY_BROWSER_ARGS"] = site.browser_args
    return gateway
