import re
from datetime import UTC, datetime

import pytest

from gateway.auth.callers import Scope
from gateway.auth.keys import ApiKeys
from gateway.db.connect import Database
from gateway.errors import AuthenticationFailed, InvalidRequest, NotFound, PermissionDenied

PEPPER = b"p" * 32


@pytest.fixture
async def db(tmp_path):
    async with Database.open(f"sqlite:///{tmp_path / 'gateway.db'}") as db:
        yield db


@pytest.fixture
def keys(db):
    return ApiKeys(db, PEPPER)


async def test_a_key_opens_the_door(keys):
    key, secret = await keys.create("laptop", max_queued=5, weight=3)
    assert re.fullmatch(r"gw_[0-9A-Za-z]{43}", secret)
    assert secret.startswith(key.prefix)
    caller = await keys.authenticate(secret)
    assert (caller.key_id, caller.name, caller.max_queued, caller.weight) == (key.id, "laptop", 5, 3)
    assert caller.scopes == frozenset(Scope)


async def test_the_secret_is_nowhere_in_the_database(keys, tmp_path):
    _, secret = await keys.create("laptop")
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("gateway.db*"))
    assert b"laptop" in stored
    assert secret.encode() not in stored
    assert secret[10:].encode() not in stored


@pytest.mark.parametrize("wrong", ["", "gw_", "sk-123", "gw_" + "x" * 43, "gw_" + "x" * 1000])
async def test_other_keys_are_refused_without_repeating_them(keys, wrong):
    await keys.create("laptop")
    with pytest.raises(AuthenticationFailed, match="Incorrect API key provided") as refused:
        await keys.authenticate(wrong)
    assert len(wrong) < 16 or wrong not in refused.value.message


async def test_another_gateways_secret_makes_other_hashes(keys, db):
    _, secret = await keys.create("laptop")
    with pytest.raises(AuthenticationFailed):
        await ApiKeys(db, b"q" * 32).authenticate(secret)


async def test_a_revoked_key_stops_at_once(keys):
    key, secret = await keys.create("laptop")
    await keys.authenticate(secret)
    revoked = await keys.revoke("laptop")
    assert revoked.revoked_at is not None
    with pytest.raises(AuthenticationFailed):
        await keys.authenticate(secret)
    assert [(k.id, k.usable(datetime.now(UTC))) for k in await keys.list()] == [(key.id, False)]
    assert await keys.list(revoked=False) == []


async def test_a_key_revoked_by_another_process_stops_within_two_seconds(keys, db):
    short = ApiKeys(db, PEPPER, cache_s=0.0)
    _, secret = await keys.create("laptop")
    await short.authenticate(secret)
    await keys.revoke("laptop")
    with pytest.raises(AuthenticationFailed):
        await short.authenticate(secret)
    assert ApiKeys(db, PEPPER)._cache_s <= 2.0


async def test_a_poll_costs_no_query(keys, db, monkeypatch):
    _, secret = await keys.create("laptop")
    await keys.authenticate(secret)

    def no_query(*_args):
        raise AssertionError("asked the database")

    monkeypatch.setattr(db, "read", no_query)
    monkeypatch.setattr(db, "write", no_query)
    for _ in range(100):
        await keys.authenticate(secret)


async def test_an_expired_key_is_refused(keys):
    _, secret = await keys.create("guest", valid_for_s=-1)
    with pytest.raises(AuthenticationFailed):
        await keys.authenticate(secret)


@pytest.mark.parametrize("which", ["name", "id", "prefix"])
async def test_keys_are_revoked_by_whatever_one_has_at_hand(keys, which):
    key, secret = await keys.create("laptop")
    await keys.revoke({"name": "laptop", "id": key.id, "prefix": key.prefix}[which])
    with pytest.raises(AuthenticationFailed):
        await keys.authenticate(secret)


async def test_a_name_is_free_again_after_revoking(keys):
    await keys.create("laptop")
    with pytest.raises(InvalidRequest, match="already"):
        await keys.create("laptop")
    await keys.revoke("laptop")
    await keys.create("laptop")
    with pytest.raises(NotFound):
        await keys.revoke("desktop")
    with pytest.raises(InvalidRequest):
        await keys.create("  ")


async def test_when_a_key_was_used_is_known_here_at_once_and_elsewhere_now_and_then(keys, db):
    elsewhere = ApiKeys(db, PEPPER)
    key, secret = await keys.create("laptop")
    await keys.authenticate(secret)
    used = (await keys.list())[0].last_used_at
    assert used is not None and key.created_at <= used <= datetime.now(UTC)
    assert (await elsewhere.list())[0].last_used_at is None
    await keys.write_last_used()
    assert (await keys.list())[0].last_used_at == (await elsewhere.list())[0].last_used_at == used


async def test_rights_are_kept_with_the_key(keys):
    _, secret = await keys.create(
        "bot", scopes={Scope.VIDEO}, models={"grok-imagine-1.0-video"}, default_dialect="openai"
    )
    caller = await keys.authenticate(secret)
    assert caller.default_dialect == "openai"
    caller.require(Scope.VIDEO)
    caller.require_model("grok-imagine-1.0-video")
    with pytest.raises(PermissionDenied, match="chat"):
        caller.require(Scope.CHAT)
    with pytest.raises(InvalidRequest, match="`other` does not exist"):
        caller.require_model("other")
