"""Requests that only one node can answer are handed to it: half-made files, and windows of profiles."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from gateway.console.access import PLAIN_COOKIE
from gateway.media.assets import video_asset_id
from gateway.profiles.registry import Registry
from gateway.tasks.states import Stage
from tests.front.serving import Front, events
from tests.nodes.running import Fleet, sees, until


async def half_made(site, task, journal):
    """A download that has come half-way, and goes on when it may."""
    await journal.stage(Stage.DOWNLOAD, 99)
    data = site.film.read_bytes()
    target = site.media.target(video_asset_id(task.id), ".mp4")
    part = target.with_name(target.name + ".part")
    part.write_bytes(data[:1000])
    await site.go.wait()
    with part.open("ab") as file:
        file.write(data[1000:])
    part.replace(target)
    return await site.record(task, data)


async def test_a_video_still_being_fetched_elsewhere_comes_as_it_arrives(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        a.site.slots = 0
        b.site.script = half_made
        await sees(a, "b", "video")
        task = await a.create()
        await a.until(task, lambda shown: shown["progress"] == 99)
        got = b""
        async with a.http.stream("GET", f"/v1/video/tasks/{task}/content", timeout=30) as answer:
            assert answer.status_code == 200 and answer.headers["content-type"] == "video/mp4"
            assert len(answer.headers.get_list("x-request-id")) == 1
            async for piece in answer.aiter_bytes():
                got += piece
                if len(got) == 1000:
                    b.site.go.set()
        assert got == b.site.film.read_bytes()
        await a.until(task, "completed")
        assert (await a.http.get(f"/v1/video/tasks/{task}/content")).content == got
        nobody = await b.http.get(f"/v1/video/tasks/{task}/content", headers={"authorization": "Bearer wrong"})
        assert nobody.status_code == 401


async def test_every_node_answers_for_every_task(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        a.site.slots = 0
        task = await a.create("hold this")
        await b.until(task, "running")
        async with a.http.stream("GET", f"/v1/video/tasks/{task}/stream") as there:
            seen = []
            async for last, data in events(there):
                seen.append((last, data))
                if data.get("progress") == 50:
                    break
        again = {"last-event-id": seen[-1][0]}
        async with b.http.stream("GET", f"/v1/video/tasks/{task}/stream", headers=again) as resumed:
            b.site.go.set()
            later = [last async for last, _ in events(resumed) if last is not None]
        assert later and all(int(last) >= int(seen[-1][0]) for last in later)
        done = await a.until(task, "completed")
        assert (await a.http.get(done["video_url"])).content == b.site.film.read_bytes()
        link = done["video_url"].replace(a.url, b.url)
        assert (await b.http.get(link)).status_code == 200, "signed links work from any node"


async def test_a_cancellation_reaches_the_other_node_at_once(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b") as b:
        a.site.slots = 0
        task = await a.create("hold this")
        await b.until(task, "running")
        await until(lambda: b.site.working == [task])
        assert (await a.http.delete(f"/v1/video/tasks/{task}")).status_code == 200
        await until(lambda: b.site.cancelled == [task], within_s=3)  # the safety poll would take five
        assert (await a.get(task))["status"] == "cancelled"


def with_window(front: Front, name: str) -> None:
    """Routes as a profile's window has them."""
    router = APIRouter(prefix="/console/api/live/{profile}")

    @router.get("/who")
    async def who(request: Request, profile: str) -> dict[str, object]:
        asked = {"node": name, "profile": profile, "query": dict(request.query_params)}
        return asked | {"cookie": request.cookies.get("c"), "host": request.headers["x-forwarded-host"]}

    @router.post("/files")
    async def files(request: Request, profile: str) -> dict[str, object]:
        return {"node": name, "bytes": len(await request.body()), "client": request.client and request.client.host}

    @router.websocket("/ws")
    async def ws(socket: WebSocket, profile: str) -> None:
        await socket.accept(subprotocol="view.v1" if "view.v1" in socket.scope["subprotocols"] else None)
        await socket.send_text(f"{name} {profile} {socket.cookies.get('c')}")
        async for data in socket.iter_bytes():
            if data == b"end":
                await socket.close(4001, "over")
                return
            await socket.send_bytes(data[::-1])

    first(front.app, router)


def first(app: FastAPI, router: APIRouter) -> None:
    """Include *router* before the console's own routes."""
    others = list(app.router.routes)
    app.include_router(router)
    app.router.routes[:] = [*app.router.routes[len(others) :], *others]


async def session(front: Front) -> str:
    """The cookie of somebody signed in to the console."""
    _, secret = await front.app.state.console.sessions.begin(address="127.0.0.1", user_agent="tests")
    return f"{PLAIN_COOKIE}={secret}"


async def test_a_profiles_window_is_shown_by_the_node_that_has_it(fleet: Fleet) -> None:
    async with fleet.node("a") as a, fleet.node("b", role="worker") as b:
        with_window(a, "a")
        with_window(b, "b")
        await Registry(a.app.state.db, node="b", proxy_key=b"k" * 32).add("there")
        await Registry(a.app.state.db, node="a", proxy_key=b"k" * 32).add("here")
        await sees(a, "b")
        mine = await session(a)
        answer = await a.http.get("/console/api/live/there/who?x=%2F1", headers={"cookie": f"c=1; {mine}"})
        assert answer.status_code == 200, answer.text
        host = a.url.removeprefix("http://")
        assert answer.json() == {"node": "b", "profile": "there", "query": {"x": "/1"}, "cookie": "1", "host": host}
        assert (await b.http.get("/console/api/live/there/who")).status_code == 404, "a worker has no clients"
        assert (
            await a.http.get("/console/api/live/there/who", headers={"x-gateway-node": "v1 a b 1 2 3"})
        ).status_code == 403
        url = a.url.replace("http", "ws") + "/console/api/live/{}/ws"
        headers = {"cookie": f"c=2; {mine}"}
        async with connect(
            url.format("there"), additional_headers=headers, origin=a.url, subprotocols=["view.v1"], proxy=None
        ) as socket:
            assert socket.subprotocol == "view.v1"
            assert await socket.recv() == "b there 2"
            await socket.send(b"\x00" * 100_000 + b"abc")
            assert await socket.recv() == b"cba" + b"\x00" * 100_000
            await socket.send(b"end")
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (4001, "over")
        async with connect(url.format("here"), additional_headers=headers, origin=a.url, proxy=None) as socket:
            assert await socket.recv() == "a here 2"
        with pytest.raises(InvalidHandshake):
            async with connect(url.format("there"), origin="https://evil.example", proxy=None):
                pass


async def test_the_real_window_asks_its_visitors_itself(fleet: Fleet) -> None:
    """The session is asked for by the node that has the profile; files of any size and refusals pass as they are."""
    async with fleet.node("a") as a, fleet.node("b", role="worker"):
        await a.app.state.console.password.create("a password for this test")
        await Registry(a.app.state.db, node="b", proxy_key=b"k" * 32).add("there")
        await sees(a, "b")
        url = a.url.replace("http", "ws") + "/console/api/live/there/ws"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, origin=a.url, proxy=None):
                pass
        assert refused.value.response.status_code == 401
        async with httpx2.AsyncClient(base_url=a.url, trust_env=False, timeout=60) as operator:
            signed_in = await operator.post("/console/login", data={"password": "a password for this test"})
            assert signed_in.status_code == 303, signed_in.text
            page = await operator.get("/console/live/there")
            assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
            kept = await operator.post("/console/api/live/there/files?name=x.bin", content=b"x" * 12_000_000)
            assert kept.status_code == 200 and kept.json()["id"], kept.text
            cookie = "; ".join(f"{name}={value}" for name, value in operator.cookies.items())
            with pytest.raises(InvalidStatus) as refused:  # the scripted node has no browser to show
                async with connect(url, origin=a.url, additional_headers={"cookie": cookie}, proxy=None):
                    pass
            assert refused.value.response.status_code == 404
            assert b"on this node" in refused.value.response.body


async def test_a_stranger_does_not_learn_which_profiles_there_are_and_where(fleet: Fleet) -> None:
    """Whoever is not signed in hears the same of a profile here, of one elsewhere, of one whose node is gone, and of none."""
    async with fleet.node("a") as a, fleet.node("b", role="worker") as b:
        with_window(b, "b")  # which asks nobody who he is
        await a.app.state.console.password.create("a password for this test")
        registry = Registry(a.app.state.db, node="b", proxy_key=b"k" * 32)
        await registry.add("qq-there")
        await registry.add("qq-here", node="a")
        await registry.add("qq-lost", node="gone")
        await sees(a, "b")
        heard = set()
        async with httpx2.AsyncClient(base_url=a.url, trust_env=False) as stranger:
            for name in ("qq-there", "qq-here", "qq-lost", "qq-none"):
                page = await stranger.get(f"/console/live/{name}")
                files = await stranger.post(f"/console/api/live/{name}/files", content=b"x")
                with pytest.raises(InvalidStatus) as refused:
                    url = f"{a.url.replace('http', 'ws')}/console/api/live/{name}/ws"
                    async with connect(url, origin=a.url, proxy=None):
                        pass
                socket = refused.value.response
                told = (page.headers["location"], page.text, files.text, (socket.body or b"").decode())
                statuses = (page.status_code, files.status_code, socket.status_code)
                heard.add((*statuses, *(text.replace(name, "NAME") for text in told)))
        assert [answer[:3] for answer in heard] == [(303, 401, 401)], heard


@pytest.mark.parametrize("how", ["politely", "with a broken line"])
async def test_the_client_of_a_window_leaves_there_too(
    fleet: Fleet, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    left = asyncio.Event()
    async with fleet.node("a") as a, fleet.node("b") as b:
        router = APIRouter()

        @router.websocket("/console/api/live/{profile}/ws")
        async def ws(socket: WebSocket, profile: str) -> None:
            await socket.accept()
            await socket.send_text("hello")
            while (await socket.receive())["type"] != "websocket.disconnect":
                pass
            left.set()

        first(b.app, router)
        await Registry(a.app.state.db, node="b", proxy_key=b"k" * 32).add("there")
        await sees(a, "b")
        url, headers = a.url.replace("http", "ws") + "/console/api/live/there/ws", {"cookie": await session(a)}
        async with connect(url, additional_headers=headers, origin=a.url, proxy=None) as socket:
            assert await socket.recv() == "hello"
            if how != "politely":
                socket.transport.abort()
        async with asyncio.timeout(60):
            await left.wait()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
