"""Every endpoint: where it is called, in which world, with which body, and what its answer is read as."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from browser.clearance import Clearance
from browser.errors import TransportFailed, TransportTimeout
from browser.transport import World
from gateway import errors as ours
from gateway.grok.client import GrokClient
from gateway.grok.memory import ProfileMemory
from gateway.grok.quota import QuotaBook
from tests.grok import frames as f
from tests.grok.lending import OneLease
from tests.grok.script import Script

POST = {"id": "P", "userId": "U", "mediaType": "MEDIA_POST_TYPE_VIDEO", "mediaUrl": f.URL, "neverSeen": 1}
CONVERSATIONS = "GET /rest/app-chat/conversations"

#: (call, what the site sees, query, body, world, answer, what is read of it)
CALLS: list[tuple[Callable[[GrokClient], Awaitable[Any]], str, str, Any, World, Any, Callable[[Any], bool]]] = [
    (lambda c: c.session(), "GET /api/auth/session", "", None, World.ISOLATED,
     {"status": "authenticated", "session": {"userId": "U"}}, lambda r: r.user_id == "U" and r.signed_in),
    (lambda c: c.create_post({"prompt": "x"}), "POST /rest/media/post/create", "", {"prompt": "x"}, World.MAIN,
     {"post": POST}, lambda r: (r.id, r.user_id) == ("P", "U")),
    (lambda c: c.post("P"), "POST /rest/media/post/get", "", {"id": "P"}, World.MAIN,
     {"post": POST}, lambda r: r.videos()[0].url == f.URL),
    (lambda c: c.posts(cursor="7"), "POST /rest/media/post/list", "",
     {"limit": 40, "filter": {"source": "MEDIA_POST_SOURCE_LIKED"}, "cursor": "7"}, World.MAIN,
     {"posts": [POST], "nextCursor": "8"}, lambda r: (len(r.posts), r.next_cursor) == (1, "8")),
    (lambda c: c.like("P"), "POST /rest/media/post/like", "", {"id": "P"}, World.MAIN, {}, lambda r: r is None),
    (lambda c: c.unlike("P"), "POST /rest/media/post/unlike", "", {"id": "P"}, World.MAIN, {}, lambda r: r is None),
    (lambda c: c.delete_post("P"), "POST /rest/media/post/delete", "", {"id": "P"}, World.MAIN, {}, lambda r: r is None),
    (lambda c: c.create_link("P"), "POST /rest/media/post/create-link", "",
     {"postId": "P", "source": "post-page", "platform": "web"}, World.MAIN, {"shareLink": "https://x"}, lambda r: r == "https://x"),
    (lambda c: c.upscale("V"), "POST /rest/media/video/upscale", "", {"videoId": "V"}, World.MAIN,
     {"hdMediaUrl": "https://assets.grok.com/hd.mp4"}, lambda r: r.endswith("hd.mp4")),
    (lambda c: c.conversations(page="2"), CONVERSATIONS, "pageSize=40&kind=CONVERSATION_KIND_IMAGINE&pageToken=2", None,
     World.MAIN, {"conversations": [{"conversationId": "C"}], "nextPageToken": "3"},
     lambda r: (r.conversations[0].id, r.next_page) == ("C", "3")),
    (lambda c: c.turns("C"), f.TURNS, "conversationKind=CONVERSATION_KIND_IMAGINE", None, World.MAIN,
     f.turns(f.human(), f.turn()), lambda r: r[1].own_assets()[0].id == "V"),
    (lambda c: c.load_turns("C", ["R"]), "POST /rest/app-chat/conversations/C/load-responses", "", {"responseIds": ["R"]},
     World.MAIN, f.turns(f.turn()), lambda r: r[0].response_id == "R"),
    (lambda c: c.assets(), f.ASSETS, "pageSize=40&orderBy=ORDER_BY_CREATE_TIME&workspaceKind=WORKSPACE_KIND_IMAGINE_ALL", None,
     World.MAIN, {"assets": [f.asset()]}, lambda r: r.assets[0].key == f.KEY),
    (lambda c: c.delete_asset("V"), "DELETE /rest/assets-metadata/V", "", None, World.MAIN, {}, lambda r: r is None),
    (lambda c: c.rate_limits("fast"), "POST /rest/rate-limits", "", {"modelName": "fast"}, World.MAIN,
     {"windowSizeSeconds": 7200, "remainingQueries": 46, "lowEffortRateLimits": None}, lambda r: r.remaining == 46),
    (lambda c: c.imagine_quota(), "POST /rest/media/imagine/quota_info", "", {}, World.MAIN,
     {"image": None, "video720p": {"available": True, "remainingQueries": 0}}, lambda r: list(r) == ["video720p"]),
    (lambda c: c.modes(), "POST /rest/modes", "", {"locale": "en"}, World.MAIN,
     {"modes": [{"id": "fast", "availability": {"available": {}}}, {"id": "heavy", "availability": {"requiresUpgrade": {}}}],
      "defaultModeId": "fast"}, lambda r: [m.available for m in r.modes] == [True, False]),
]  # fmt: skip


@pytest.fixture
def lease() -> OneLease:
    return OneLease(Script())


@pytest.fixture
def client(lease: OneLease) -> GrokClient:
    return GrokClient(lease, ProfileMemory(cooldown_s=60))


def script_of(lease: OneLease) -> Script:
    assert isinstance(lease.transport, Script)
    return lease.transport


@pytest.mark.parametrize(("call", "what", "query", "body", "world", "answer", "reads"), CALLS)
async def test_endpoint(
    lease: OneLease,
    client: GrokClient,
    call: Any,
    what: str,
    query: str,
    body: Any,
    world: World,
    answer: Any,
    reads: Any,
) -> None:
    script_of(lease).on(what, answer)
    assert reads(await call(client))
    [seen] = script_of(lease).calls
    assert (seen.what, seen.query, seen.json, seen.world) == (what, query, body, world)
    assert set(seen.headers) <= {"x-xai-request-id"}


@pytest.mark.parametrize(
    ("call", "what", "answer", "field"),
    [
        (lambda c: c.turns("C"), f.TURNS, {"items": []}, "responses"),
        (lambda c: c.conversations(), CONVERSATIONS, {}, "conversations"),
        (lambda c: c.assets(), f.ASSETS, {"assets": None}, "assets"),
        (lambda c: c.posts(), "POST /rest/media/post/list", {}, "posts"),
        (lambda c: c.create_post({}), "POST /rest/media/post/create", {"post": {}}, "post.id"),
        (lambda c: c.session(), "GET /api/auth/session", "[]", "session"),
        (lambda c: c.session(), "GET /api/auth/session", "oops", "session"),
    ],
)
async def test_a_shape_that_fits_nothing_names_its_field(
    lease: OneLease, client: GrokClient, call: Any, what: str, answer: Any, field: str
) -> None:
    script_of(lease).on(what, (200, answer))
    with pytest.raises(ours.UpstreamDrifted) as caught:
        await call(client)
    assert caught.value.field == field


async def test_a_refusal_with_status_200_is_a_refusal(lease: OneLease, client: GrokClient) -> None:
    script_of(lease).on(f.ASSETS, {"error": {"code": 16, "message": "x"}})
    with pytest.raises(ours.LoginRequired):
        await client.assets()
    assert [v.clearance for v in lease.verdicts] == [Clearance.LOGIN_REQUIRED]


async def test_only_asking_for_work_rests_the_kind(lease: OneLease, client: GrokClient) -> None:
    limited = (429, {"error": {"code": 8, "message": "Too many requests"}})
    script_of(lease).on(f.ASSETS, limited).on("POST /rest/media/post/create", limited)
    with pytest.raises(ours.RateLimited):
        await client.assets()
    assert not lease.cooldowns
    with pytest.raises(ours.RateLimited) as caught:
        await client.create_post({})
    assert caught.value.retry_after_s == pytest.approx(60, abs=1)
    assert [rest.kind for rest in lease.cooldowns] == ["video"]


@pytest.mark.parametrize(
    ("raised", "error"), [(TransportTimeout("x"), ours.UpstreamTimeout), (TransportFailed("x"), ours.UpstreamError)]
)
async def test_browser_errors_leave_as_ours(
    lease: OneLease, client: GrokClient, raised: Exception, error: type
) -> None:
    script_of(lease).on(f.ASSETS, raised)
    with pytest.raises(error):
        await client.assets()


async def test_quota_hints_are_kept_with_their_age(lease: OneLease, client: GrokClient) -> None:
    book = QuotaBook()
    line = {
        "available": True,
        "remainingQueries": 0,
        "windowSizeSeconds": 86400,
        "nextAvailableAt": "2026-08-24T21:00:41.2Z",
    }
    script_of(lease).on("POST /rest/media/imagine/quota_info", {"video": None, "video720p": line, "odd": 3})
    script_of(lease).on("POST /rest/rate-limits", {})
    await book.ask(client, models=("fast",))
    hints = book.of("work")
    assert set(hints) == {"video720p", "fast"}
    now = datetime.now(UTC)
    assert hints["video720p"].line.exhausted(now)
    assert not hints["fast"].line.exhausted(now)
    assert hints["fast"].age_s(now + timedelta(seconds=5)) == pytest.approx(5, abs=1)
    assert not book.of("another")
