"""Chats and pictures that reach a node without a free place are made on one that has one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from browser.clearance import Clearance, Cooldown
from gateway.app import begin_leave
from gateway.auth.secret import Purpose, Secret
from gateway.calls.model import ChatRequest, Ended, PictureRefused, Text
from gateway.errors import ContentModerated, NoProfileReady, RateLimited, UpstreamDrifted
from gateway.nodes.client import NodeClient
from gateway.nodes.registry import NodeRegistry
from gateway.nodes.signing import Signer
from gateway.usage.fold_sql import day_of
from gateway.usage.report_sql import Wanted, report
from tests.front.scripted_calls import Step, echo
from tests.front.sse_text import chunks, content
from tests.nodes.running import SECRET, Fleet, ask, said, sees, sees_none, until
from tests.webhooks.authority import Authority
from tests.webhooks.receiver import receiving

CHAT = "/v1/chat/completions"


async def test_a_chat_goes_where_a_place_is_free(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        await sees(a, "b")
        assert said(await a.http.post(CHAT, json=ask("hello"))) == "You said: hello"
        assert (len(a.site.calls.chats), len(b.site.calls.chats)) == (1, 0), "its own profile first"
        a.site.stand(Clearance.CHALLENGED)
        assert said(await a.http.post(CHAT, json=ask("over there \u2028 é"))) == "You said: over there \u2028 é"
        assert (len(a.site.calls.chats), len(b.site.calls.chats)) == (1, 1)
        metrics = (await a.http.get("/metrics")).text
        assert "gateway_nodes 2.0" in metrics
        assert 'gateway_calls_passed_on_total{how="taken",kind="chat"} 1.0' in metrics
        assert (await a.http.get("/readyz")).status_code == 200, "what comes here is passed on, so it may come"
        answer = await a.http.post("/v1/responses", json={"model": "grok-4", "input": "in a response"})
        assert answer.json()["output"][-1]["content"][0]["text"] == "You said: in a response"
        a.site.stand(Clearance.READY)
        a.site.cooldowns = [Cooldown("chat", datetime.now(UTC) + timedelta(minutes=5), "resting")]
        assert said(await a.http.post(CHAT, json=ask("again"))) == "You said: again"
        assert (len(a.site.calls.chats), len(b.site.calls.chats)) == (1, 3)


async def test_the_books_say_whose_work_it_was(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        a.site.stand(Clearance.CHALLENGED)
        await sees(a, "b")

        def on_its_profile(request: ChatRequest) -> Sequence[Step]:
            request.note.profile = "b's own"
            return [ContentModerated("no")] if "bad" in request.turns[-1].text else echo(request)

        b.site.calls.script_of = on_its_profile
        assert said(await a.http.post(CHAT, json=ask("hello"))) == "You said: hello"
        assert (await a.http.post(CHAT, json=ask("bad"))).status_code == 400
        today = day_of(datetime.now(UTC))
        wanted = Wanted(today, today + timedelta(days=1))
        async with asyncio.timeout(60):
            while (books := await report(a.app.state.db, wanted)).all.ended < 2:
                await asyncio.sleep(0.1)  # what was called is written down within a second
        by = books.by["profile"]
        assert {name: (one.succeeded, one.failed, one.cancelled) for name, one in by.items()} == {"b's own": (1, 1, 0)}


async def test_pictures_go_there_and_come_back(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        a.site.image_places = 0
        await sees(a, "b", "image")
        body = {"prompt": "a lighthouse", "n": 2, "stream": False}
        answer = await a.http.post("/v1/images/generations", json=body)
        assert answer.status_code == 200, answer.text
        assert len(b.site.calls.images_asked) == 1 and not a.site.calls.images_asked
        for picture in answer.json()["data"]:
            assert picture["url"].startswith(a.url), "links lead to where the client asked"
            assert (await a.http.get(picture["url"])).headers["content-type"] == "image/jpeg"
        b.site.calls.image_script = [await b.site.calls.made("one"), PictureRefused(1, "content_moderated", "no")]
        answer = await a.http.post("/v1/images/generations", json=body | {"stream": True})
        assert "image_generation.completed" in answer.text, answer.text


async def test_the_first_byte_is_not_held_back_and_leaving_is_noticed_there(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        a.site.stand(Clearance.LOGIN_REQUIRED)
        await sees(a, "b")
        never = asyncio.Event()
        b.site.calls.chat_script = [Text("first"), never.wait]
        async with a.http.stream("POST", CHAT, json=ask("x", stream=True)) as answer:
            async for line in answer.aiter_lines():
                if "first" in line:
                    break  # it came although the answer has no end
        await until(lambda: len(b.site.calls.stopped_at) == 1)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ContentModerated("no", param="prompt"), 400, "content_policy_violation"),
        (RateLimited("slow down", retry_after_s=77), 429, "rate_limit_exceeded"),
        (UpstreamDrifted("changed", field="x"), 502, "upstream_drifted"),
    ],
)
async def test_errors_are_told_as_if_it_were_made_here(fleet: Fleet, error, status, code) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        await sees(a, "b")
        b.site.calls.chat_script = a.site.calls.chat_script = [error]
        here = await a.http.post(CHAT, json=ask("x"))
        a.site.stand(Clearance.LOGIN_REQUIRED)
        there = await a.http.post(CHAT, json=ask("x"))
        assert (there.status_code, there.json()["error"]["code"]) == (status, code)
        assert there.json() == here.json()
        assert there.headers.get("retry-after") == here.headers.get("retry-after")


async def test_a_limit_here_is_no_limit_there(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b"):
        await sees(a, "b")
        a.site.calls.chat_script = [RateLimited("slow down", retry_after_s=77)]
        assert said(await a.http.post(CHAT, json=ask("x"))) == "You said: x"
        a.site.calls.chat_script = [ContentModerated("no")]
        assert (await a.http.post(CHAT, json=ask("x"))).status_code == 400, "what is refused is not asked again"


async def test_a_node_that_is_dead_or_full_is_passed_over(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b", node_url="http://127.0.0.1:9") as b, fleet.node("c") as c:
        a.site.stand(Clearance.LOGIN_REQUIRED)
        b.site.chat_places = 40
        b.site.changed()
        await sees(a, "b")
        await sees(a, "c")
        await until(lambda: a.app.state.others.with_places("chat")[0].id == "b")
        assert said(await a.http.post(CHAT, json=ask("x"))) == "You said: x"
        assert len(c.site.calls.chats) == 1 and not b.site.calls.chats
        # Now c is full, which a does not know yet: it is told, finds no other, and waits in line there.
        c.site.chat_places = 0
        assert said(await a.http.post(CHAT, json=ask("y"))) == "You said: y"
        assert len(c.site.calls.chats) == 2
        # Nobody can do it at all: the words for that are those of the node that was asked.
        c.site.stand(Clearance.LOGIN_REQUIRED)
        b.site.stand(Clearance.LOGIN_REQUIRED)
        await until(lambda: not a.app.state.others.able("chat"))
        a.site.calls.chat_script = [NoProfileReady("nobody here", retry_after_s=3)]
        answer = await a.http.post(CHAT, json=ask("x"))
        assert (answer.status_code, answer.json()["error"]["message"]) == (429, "nobody here")


async def test_a_node_that_hangs_costs_seconds(fleet: Fleet) -> None:
    """It takes the connection and never says a word."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    hung = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, fleet.node("a") as a, fleet.node("b", node_url=hung) as b, fleet.node("c"):
        a.site.stand(Clearance.LOGIN_REQUIRED)
        b.site.chat_places = 40
        b.site.changed()
        await sees(a, "c")
        await until(lambda: a.app.state.others.with_places("chat")[0].id == "b")
        async with asyncio.timeout(60):
            assert said(await a.http.post(CHAT, json=ask("x"))) == "You said: x"


async def test_a_node_lost_in_the_middle(fleet: Fleet) -> None:
    """Words that nobody has heard of yet are asked for again elsewhere; a stream that has begun says that it broke off."""

    async def begins(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n")
        writer.write(b'{"word":"accepted"}\n' + (b"" if begun == 0 else b'{"event":"Text","data":{"text":"half"}}\n'))
        await writer.drain()
        assert b"x-gateway-node" in head
        writer.close()

    begun = 0
    server = await asyncio.start_server(begins, "127.0.0.1", 0)
    where = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, fleet.node("a") as a, fleet.node("b", node_url=where) as b, fleet.node("c"):
        a.site.stand(Clearance.LOGIN_REQUIRED)
        b.site.chat_places = 40
        b.site.changed()
        await sees(a, "c")
        await until(lambda: a.app.state.others.with_places("chat")[0].id == "b")
        assert said(await a.http.post(CHAT, json=ask("x"))) == "You said: x"
        begun = 1
        answer = await a.http.post(CHAT, json=ask("x", stream=True))
        assert content([c for c in chunks(answer.text) if "choices" in c]) == "half"
        assert "was lost" in answer.text


async def test_a_node_without_browsers_serves_clients(fleet: Fleet) -> None:
    async with fleet.node("front", role="api") as front, fleet.node("w", role="worker") as worker:
        front.site.stand(Clearance.NEW)  # the scripted site stands in for a pool here; an api node has none
        await sees(front, "w")
        assert said(await front.http.post(CHAT, json=ask("x"))) == "You said: x"
        assert len(worker.site.calls.chats) == 1
        assert (await worker.http.post(CHAT, json=ask("x"))).status_code == 404
        assert (await worker.http.get("/readyz")).status_code == 200
        rows = {node.id: node.role for node in await NodeRegistry(front.app.state.db).everybody()}
        assert rows == {"front": "api", "w": "worker"}


async def test_only_nodes_may_ask_nodes(fleet: Fleet) -> None:
    signer = Signer(Secret(SECRET).key(Purpose.NODES), "b")
    request = {"turns": [{"role": "user", "text": "x"}], "mode": "auto"}
    body = json.dumps({"kind": "chat", "detail": "", "wait": False, "request": request}).encode()
    path = "/node/v1/calls/chat"
    async with fleet.node("a") as a:

        async def post(headers, sent=body) -> httpx2.Response:
            return await a.http.post(path, content=sent, headers=headers)

        assert (await post({})).status_code == 404
        right = signer.sign("POST", path, to="a", body=body)
        assert (await post(right)).text.startswith('{"word":"accepted"}')
        assert "sent before" in (await post(right)).text
        assert (await post(signer.sign("POST", path, to="a", body=body), body + b" ")).status_code == 403
        assert "meant for node c" in (await post(signer.sign("POST", path, to="c", body=body))).text
        other = Signer(Secret("another secret of another gateway").key(Purpose.NODES), "b")
        assert "GATEWAY_SECRET_KEY" in (await post(other.sign("POST", path, to="a", body=body))).text
        late = Signer(Secret(SECRET).key(Purpose.NODES), "b", clock=lambda: 1_000_000.0)
        strange = (right["x-gateway-node"].rpartition(" ")[0] + " \xe9").encode("latin-1")
        assert (await post({"x-gateway-node": strange})).status_code == 403
        assert (await a.http.get("/v1/models", headers={"x-gateway-node": strange})).status_code == 403
        assert "clocks" in (await post(late.sign("POST", path, to="a", body=body))).text
        assert len(a.site.calls.chats) == 1


async def test_a_stopping_node_gets_nothing_new(fleet: Fleet) -> None:
    async with fleet.node("a") as a:
        a.site.stand(Clearance.LOGIN_REQUIRED)
        async with fleet.node("b") as b:
            await sees(a, "b")
            b.site.calls.chat_script = [Text("x"), 0.05, Ended("stop", "x")]
            assert said(await a.http.post(CHAT, json=ask("x"))) == "x"
        await sees_none(a, "b")


async def test_a_node_that_is_to_stop_serves_on_until_balancers_turn_away(fleet: Fleet) -> None:
    async with fleet.node("a") as a:
        assert not begin_leave(a.app), "alone there is nowhere to turn to"
        assert (await a.http.get("/readyz")).status_code == 200
        async with fleet.node("w", role="worker"):
            await sees(a, "w")
            assert not begin_leave(a.app), "a worker serves no clients"
        async with fleet.node("b") as b:
            await sees(a, "b")
            await sees(b, "a")
            assert begin_leave(a.app)
            ready = await a.http.get("/readyz")
            assert (ready.status_code, ready.json()["reasons"]) == (503, ["the gateway is stopping"])
            task = await a.create()
            polled = await a.http.get(f"/v1/video/tasks/{task}")
            assert (polled.status_code, polled.headers["connection"]) == (200, "close")
            assert said(await a.http.post(CHAT, json=ask("x"))) == "You said: x"
            await b.until(task, "completed")
            assert not a.site.working and b.site.media, "the other one made it"
            await sees_none(b, "a")


async def test_nodes_may_have_certificates_of_an_own_authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    async with receiving(tls=authority.server_for("localhost")) as node:
        async with NodeClient.open() as client:
            with pytest.raises(httpx2.ConnectError):
                await (await client.opened()).get(node.url(host="localhost"))
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        async with NodeClient.open() as client:
            assert (await (await client.opened()).get(node.url(host="localhost"))).status_code == 200
