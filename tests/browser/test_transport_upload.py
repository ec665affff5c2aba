"""Uploads: the site receives the file's very bytes, under the names it is told."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from browser.errors import TransportFailed, TransportTimeout
from browser.page_transport import PageTransport
from browser.transport import FilePart, World
from tests.browser.transport_fixtures import (  # noqa: F401
    a_chromium,
    a_transport,
    an_opened_transport,
    the_world,
    until,
)
from tests.browser.transport_site import TransportSite, asset_bytes

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

WORLDS = pytest.mark.parametrize("where", list(World))


def a_file(folder: Path, mb: float = 1) -> FilePart:
    path = folder / "0f3a.bin"
    path.write_bytes(asset_bytes(mb))
    return FilePart(path=path, file_name="ein Bild é.png", media_type="image/png")


@WORLDS
async def test_a_form_carries_file_and_fields(transport: PageTransport, tmp_path: Path, where: World) -> None:
    file = a_file(tmp_path)
    reply = await transport.upload("/digest", file=file, form={"source": "a", "b": "é"}, world=where)
    seen = json.loads(reply.text)
    assert seen["file"] == {
        "field": "file", "name": file.file_name, "type": "image/png", "size": 1024 * 1024,
        "sha256": hashlib.sha256(asset_bytes(1)).hexdigest(),
    }  # fmt: skip
    assert seen["fields"] == {"source": "a", "b": "é"}
    assert seen["headers"].get("x-site") == ("wrapped" if where is World.MAIN else None)


async def test_twenty_megabytes_arrive_unharmed(transport: PageTransport, tmp_path: Path) -> None:
    reply = await transport.upload("/digest", file=a_file(tmp_path, 20))
    assert json.loads(reply.text)["file"]["sha256"] == hashlib.sha256(asset_bytes(20)).hexdigest()


@WORLDS
@pytest.mark.parametrize("mb", [0, 0.3, 5])
async def test_base64_in_json(transport: PageTransport, tmp_path: Path, where: World, mb: float) -> None:
    file = a_file(tmp_path, mb)
    reply = await transport.upload_base64(
        "/digest", file=file, key="content", json={"fileName": 'quote " é', "content": "old", "n": 1}, world=where
    )
    seen = json.loads(reply.text)
    assert seen["json"] == {"fileName": 'quote " é', "n": 1}
    assert seen["content_size"] == int(mb * 1024 * 1024)
    assert seen["content_sha256"] == hashlib.sha256(asset_bytes(mb)).hexdigest()
    assert seen["headers"]["content-type"] == "application/json"
    assert seen["headers"].get("x-site") == ("wrapped" if where is World.MAIN else None)


async def test_base64_only_in_json_with_no_other_keys(transport: PageTransport, tmp_path: Path) -> None:
    reply = await transport.upload_base64("/digest", file=a_file(tmp_path), key="content", json={})
    assert json.loads(reply.text)["content_size"] == 1024 * 1024


async def test_base64_on_a_browser_without_the_builtin(transport: PageTransport, tmp_path: Path) -> None:
    """Older Chromium: the bytes are encoded in pieces that fit together."""
    await transport._bridge._evaluate("delete Uint8Array.prototype.toBase64", {}, 5)
    reply = await transport.upload_base64("/digest", file=a_file(tmp_path, 7.3), key="content", json={"a": 1})
    assert json.loads(reply.text)["content_sha256"] == hashlib.sha256(asset_bytes(7.3)).hexdigest()


@WORLDS
async def test_a_long_json_body_takes_the_same_way(transport: PageTransport, where: World) -> None:
    """Bodies too long for the pipe arrive the same, for calls and for streams."""
    body = {"content": "eHh4" * 500_000, "text": "é"}
    reply = await transport.fetch("POST", "/digest", json=body, world=where)
    seen = json.loads(reply.text)
    assert seen["json"] == {"text": "é"}
    assert seen["content_size"] == 1_500_000
    assert seen["headers"]["content-type"] == "application/json"
    async with transport.stream("POST", "/digest", json=body, world=where) as stream:
        assert json.loads("".join([piece async for piece in stream]))["content_size"] == 1_500_000


async def test_a_missing_file_is_a_failure(transport: PageTransport, tmp_path: Path) -> None:
    with pytest.raises(TransportFailed, match="not a file") as caught:
        await transport.upload("/digest", file=FilePart(tmp_path / "none", "a.png", "image/png"))
    assert not caught.value.sent


@WORLDS
async def test_deadline_and_cancellation_reach_the_site(
    transport: PageTransport, world: TransportSite, tmp_path: Path, where: World
) -> None:
    with pytest.raises(TransportTimeout):
        await transport.upload("/slow", file=a_file(tmp_path), world=where, timeout_s=0.3)
    exchange = world.ledger.last("/slow")
    await until(lambda: exchange.aborted_at is not None)
    upload = asyncio.create_task(transport.upload("/slow", file=a_file(tmp_path), world=where))
    await until(lambda: world.ledger.last("/slow") is not exchange)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload
    exchange = world.ledger.last("/slow")
    await until(lambda: exchange.aborted_at is not None)


@WORLDS
async def test_a_file_that_the_browser_does_not_take_is_not_waited_for(
    transport: PageTransport, world: TransportSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: World
) -> None:
    """The page waits for the file already; the call ends at once, and says that nothing was sent."""
    command = transport._bridge.command

    async def refuse(method: str, *rest: Any, **more: Any) -> dict[str, Any]:
        if method == "DOM.setFileInputFiles":
            raise TransportFailed("no such object")
        return await command(method, *rest, **more)

    monkeypatch.setattr(transport._bridge, "command", refuse)
    count = len(world.ledger.of("/digest"))
    async with asyncio.timeout(10):
        with pytest.raises(TransportFailed, match="no such object") as caught:
            await transport.upload("/digest", file=a_file(tmp_path), world=where)
    assert not caught.value.sent
    monkeypatch.undo()
    assert (await transport.upload("/digest", file=a_file(tmp_path), world=where)).status == 200
    assert len(world.ledger.of("/digest")) == count + 1
