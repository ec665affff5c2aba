"""Taking over a profile whose node is gone: from the copies of its sign-in, or with a word about what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command import Commands

STATE = {
    "cookies": [
        {"name": "sso", "value": "x", "domain": ".grok.com", "path": "/", "expires": -1, "httpOnly": True, "secure": True,
         "sameSite": "Lax"}
    ],
    "origins": [],
}  # fmt: skip


@pytest.fixture
async def machines(tmp_path: Path) -> tuple[Commands, Commands]:
    """Two data directories on one database; the first one's machine had the profile and is gone."""
    env = {
        "GATEWAY_DATABASE_URL": f"sqlite:///{tmp_path / 'shared.db'}",
        "GATEWAY_SECRET_KEY": "the secret of both machines",
    }
    old, new = Commands(tmp_path / "old", env), Commands(tmp_path / "new", env)
    file = tmp_path / "state.json"
    file.write_text(json.dumps(STATE))
    await old.ok("profile", "import", "work", "--storage-state", str(file))
    return old, new


async def test_what_is_missing_is_said(machines: tuple[Commands, Commands]) -> None:
    _, new = machines
    refused = await new.run("profile", "adopt", "work")
    assert refused.code == 1
    assert (
        "no copy of the sign-in" in refused.err and str(new.data_dir) in refused.err and "--signed-out" in refused.err
    )
    moved = await new.run("profile", "move", "work", "--to", "nowhere")
    assert moved.code == 1 and "there is no node 'nowhere'" in moved.err
    adopted = await new.told("profile", "adopt", "work", "--signed-out")
    assert adopted["state"] == "login_required" and adopted["node"] == (new.data_dir / "node").read_text().strip()


async def test_from_copies_that_were_carried_over(machines: tuple[Commands, Commands]) -> None:
    old, new = machines
    shutil.copytree(old.data_dir / "checkpoints", new.data_dir / "checkpoints")
    other = await new.run("profile", "adopt", "work", GATEWAY_SECRET_KEY="another secret altogether")
    assert other.code == 1 and "another secret key" in other.err
    adopted = await new.told("profile", "adopt", "work")
    assert adopted["node"] == (new.data_dir / "node").read_text().strip()
    shown = await new.told("profile", "show", "work")
    assert len(shown["checkpoints"]) == 1 and "adopted" in [event["type"] for event in shown["events"]]
