"""Sign-ins that are brought in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from browser.checkpoint import CheckpointStore
from browser.profiles import ProfileDir
from gateway.db.connect import Database
from gateway.profiles.carrying import take_in
from gateway.profiles.errors import BadProfile
from gateway.profiles.registry import Registry

KEY = b"a key of thirty-two bytes, no less"
SIGN_IN = {"cookies": [{"name": "sso", "value": "s", "domain": ".grok.com", "path": "/", "expires": -1}], "origins": []}


@pytest.fixture
async def registry(sqlite_url: str) -> AsyncIterator[Registry]:
    async with Database.open(sqlite_url) as db:
        yield Registry(db, node="here", proxy_key=b"k" * 32)


async def test_a_new_profiles_sign_in_lies_ready_before_a_gateway_can_see_its_row(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it starts a browser without it: the site sees a stranger, and the operator is called to a challenge."""
    directory = ProfileDir(tmp_path / "profiles" / "work")
    copies = CheckpointStore(tmp_path / "copies", profile="work", key=KEY)
    seen: list[bool] = []
    add = registry.add

    async def watched(*args: object, **more: object) -> object:
        seen.append(copies.pending_import() is not None)
        return await add(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(registry, "add", watched)
    taken = await take_in(registry, directory, copies, "work", SIGN_IN, host="grok.com")
    assert taken.added and seen == [True]


async def test_a_profile_that_cannot_be_added_leaves_no_file(registry: Registry, tmp_path: Path) -> None:
    copies = CheckpointStore(tmp_path / "copies", profile="work", key=KEY)
    with pytest.raises(BadProfile):
        await take_in(
            registry,
            ProfileDir(tmp_path / "profiles" / "work"),
            copies,
            "work",
            SIGN_IN,
            host="grok.com",
            proxy="nonsense",
        )
    assert copies.pending_import() is None and not (tmp_path / "profiles").exists()
