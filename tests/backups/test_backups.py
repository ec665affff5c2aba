"""A backup taken from a running gateway, and gateways made from it: tasks, files, keys and sign-ins are there."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.secret import load_secret
from gateway.profiles.places import copies_of
from gateway.settings import Settings
from tests.cli.command import Commands
from tests.front.scripted import Scripted, film
from tests.front.serving import Front, serving
from tests.postgresql import Cluster

STATE: dict[str, Any] = {
    "cookies": [
        {"name": "sso", "value": "signed-in", "domain": ".grok.com", "path": "/", "expires": -1, "httpOnly": True,
         "secure": True, "sameSite": "Lax"}
    ],
    "origins": [],
}  # fmt: skip


@pytest.fixture(scope="session")
def the_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film"))


def sign_in_of(data_dir: Path, profile: str) -> Any:
    settings = Settings(data_dir=data_dir, _env_file=None)
    store = copies_of(settings, load_secret(settings), profile)
    [copy] = store.list()
    return store.read(copy)["cookies"][0]["value"]


async def at_work(front: Front, commands: Commands) -> tuple[str, str]:
    """Give the gateway a sign-in, a finished task and one that waits."""
    file = commands.data_dir.parent / "state.json"
    file.write_text(json.dumps(STATE))
    await commands.ok("profile", "import", "work", "--storage-state", str(file), "--no-wait")
    done = await front.create("a lighthouse")
    await front.until(done, "completed")
    front.site.slots = 0
    waiting = await front.create("one that waits")
    return done, waiting


@pytest.mark.parametrize("into", ["directory", "postgresql"])
async def test_a_gateway_from_a_backup(
    tmp_path: Path, the_film: Path, into: str, request: pytest.FixtureRequest
) -> None:
    old, out = Commands(tmp_path / "old"), tmp_path / "backup.zip"
    async with serving(tmp_path / "old", Scripted(the_film)) as front:
        done, waiting = await at_work(front, old)
        content = (await front.http.get(f"/v1/video/tasks/{done}/content")).content
        told = await old.told("backup", "--out", str(out), "--media", "--with-secret")
        assert (
            told["profiles"] == ["work"]
            and told["rows"]["tasks"] == 2
            and told["with_secret"]
            and not told["files_gone"]
        )
        key = front.key
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    new = Commands(tmp_path / "new")
    settings: dict[str, Any] = {}
    if into == "directory":
        made = await new.told("restore", str(out), "--into", str(tmp_path / "new"))
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        settings["database_url"] = cluster.new_database()
        made = await new.told("restore", str(out), "--into", settings["database_url"])
    assert (made["profiles"], made["unfinished"], made["ended"]) == (1, 1, 0) and made["files"] >= 2
    assert sign_in_of(tmp_path / "new", "work") == "signed-in"
    async with serving(tmp_path / "new", Scripted(the_film), key=key, **settings) as front:
        assert (await front.get(done))["status"] == "completed"
        assert (await front.http.get(f"/v1/video/tasks/{done}/content")).content == content
        await front.until(waiting, "completed")
        events = (await front.http.get(f"/v1/video/tasks/{done}/stream")).text
        assert '"status":"completed"' in events
    env = {"GATEWAY_DATABASE_URL": settings["database_url"]} if settings else {}
    [profile] = await Commands(tmp_path / "new", env).told("profile", "list")
    assert profile["name"] == "work" and profile["node"] == (tmp_path / "new" / "node").read_text().strip()


async def test_the_secret_key_goes_its_own_way(tmp_path: Path, the_film: Path) -> None:
    old, new, out = Commands(tmp_path / "old"), Commands(tmp_path / "new"), tmp_path / "backup.zip"
    async with serving(tmp_path / "old", Scripted(the_film)) as front:
        done, waiting = await at_work(front, old)
        ran = await old.ok("backup", "--out", str(out))
        assert "secret key is not in it" in ran.err
    secret = (tmp_path / "old" / "secret.key").read_text().strip()
    for name in zipfile.ZipFile(out).namelist():
        assert secret.encode() not in zipfile.ZipFile(out).read(name)
    refused = await new.run("restore", str(out))
    assert refused.code == 1 and "secret.key" in refused.err and "--new-secret" in refused.err
    made = await new.told("restore", str(out), "--unfinished", "fail", GATEWAY_SECRET_KEY=secret)
    assert (made["unfinished"], made["ended"]) == (0, 1)
    async with serving(tmp_path / "new", Scripted(the_film), secret_key=secret, key=front.key) as front:
        assert (await front.get(waiting))["error"]["code"] == "generation_outcome_unknown"
        assert (await front.get(done))["status"] == "completed"
        assert (await front.http.get(f"/v1/video/tasks/{done}/content")).status_code == 404, "files were not asked for"


async def test_what_cannot_be_used_is_refused_in_words(tmp_path: Path, the_film: Path) -> None:
    old, new, out = Commands(tmp_path / "old"), Commands(tmp_path / "new"), tmp_path / "backup.zip"
    async with serving(tmp_path / "old", Scripted(the_film)) as front:
        await at_work(front, old)
        await old.ok("backup", "--out", str(out), "--with-secret")
        again = await old.run("backup", "--out", str(out))
        assert again.code == 1 and "exists already" in again.err
    cut = tmp_path / "cut.zip"
    cut.write_bytes(out.read_bytes()[:-200])
    assert "cut short" in (await new.run("restore", str(cut))).err
    assert "there is no file" in (await new.run("restore", str(tmp_path / "nowhere.zip"))).err
    await new.ok("restore", str(out))
    assert "is not empty" in (await new.run("restore", str(out))).err


async def test_who_restores_into_another_database_is_told_to_set_it(
    tmp_path: Path, the_film: Path, cluster: Cluster
) -> None:
    commands, url = Commands(tmp_path / "data"), cluster.new_database()
    async with serving(tmp_path / "data", Scripted(the_film)):
        await commands.told("backup", "--out", str(tmp_path / "backup.zip"), "--with-secret")
    for number, into in enumerate([url, f"sqlite:///{tmp_path / 'elsewhere.db'}"]):
        told = await Commands(tmp_path / f"new{number}").run("restore", str(tmp_path / "backup.zip"), "--into", into)
        assert told.code == 0 and f"set GATEWAY_DATABASE_URL to {into} and start it with" in told.out
    told = await Commands(tmp_path / "plain").run("restore", str(tmp_path / "backup.zip"))
    assert told.code == 0 and "GATEWAY_DATABASE_URL" not in told.out


async def test_moving_to_another_database_on_the_command_line(tmp_path: Path, the_film: Path, cluster: Cluster) -> None:
    commands, url = Commands(tmp_path / "data"), cluster.new_database()
    async with serving(tmp_path / "data", Scripted(the_film)) as front:
        done, _ = await at_work(front, commands)
        here = f"sqlite:///{tmp_path / 'data' / 'gateway.db'}"
        refused = await commands.run("db", "copy", "--from", here, "--to", url)
        assert refused.code == 1 and "stop it first" in refused.err
        key = front.key
    assert (await commands.run("db", "status", "--url", url, "--json")).json["up_to_date"] is False
    made = await commands.told("db", "upgrade", "--url", url)
    assert made["before"] is None and made["schema"]
    copied = await commands.told("db", "copy", "--from", here, "--to", url)
    assert copied["rows"]["tasks"] == 2 and copied["rows"]["profiles"] == 1
    status = await commands.told("db", "status", "--url", url)
    assert status["up_to_date"] and status["rows"]["tasks"] == 2 and status["kind"] == "postgresql"
    async with serving(tmp_path / "data", Scripted(the_film), key=key, database_url=url) as front:
        assert (await front.get(done))["status"] == "completed"
    missing = await commands.run("db", "copy", "--from", f"sqlite:///{tmp_path / 'no.db'}", "--to", url)
    assert missing.code == 1 and "there is no database" in missing.err
    back = tmp_path / "back.db"
    nothing = await commands.run("db", "copy", "--from", cluster.new_database(), "--to", f"sqlite:///{back}")
    assert nothing.code == 1 and "no gateway's tables" in nothing.err and not back.exists()
    carried = await commands.run("db", "copy", "--from", url, "--to", f"sqlite:///{back}")
    assert carried.code == 0 and f"GATEWAY_DATABASE_URL to sqlite:///{back};" in carried.err
    cluster.psql(url.rpartition("/")[2], "UPDATE alembic_version SET version_num = '9999'")
    newer = await commands.run("db", "status", "--url", url)
    assert newer.code == 1 and "of a newer gateway" in newer.out
    kept = await commands.run("db", "copy", "--from", url, "--to", f"sqlite:///{tmp_path / 'another.db'}")
    assert kept.code == 1 and "copy it with that one" in kept.err
