"""Fixtures of the command-line tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Commands


@pytest.fixture
def gateway(tmp_path: Path) -> Commands:
    """The command line on a data directory that does not exist yet."""
    return Commands(tmp_path / "data")


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    """A sign-in file: one session cookie of the site, as a browser extension writes it."""
    file = tmp_path / "cookies.json"
    file.write_text('[{"name": "sso", "value": "s3cret-cookie", "domain": ".grok.com", "session": true}]')
    return file
