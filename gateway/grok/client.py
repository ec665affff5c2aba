"""The site's endpoints, one method each, performed through a leased page. Shapes and dates: ``wire/`` and ``bodies.py``."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from browser.transport import FilePart, StreamReply
from gateway.errors import UpstreamRefused
from gateway.grok.exchange import Exchange, browser_errors, refusal_of, request_headers, world_of
from gateway.grok.memory import ProfileMemory
from gateway.grok.ports import Lease
from gateway.grok.wire.assets import AssetList, read_assets
from gateway.grok.wire.conversations import ConversationList, read_conversations
from gateway.grok.wire.fields import parse_object, text
from gateway.grok.wire.limits import QuotaLine, read_imagine_quota, read_rate_limits
from gateway.grok.wire.modes import Modes, read_modes
from gateway.grok.wire.posts import MediaPost, PostList, read_post, read_posts
from gateway.grok.wire.session import Session, read_session
from gateway.grok.wire.turns import Turn, read_turns
from gateway.grok.wire.uploads import UploadedFile, read_upload

IMAGINE = "CONVERSATION_KIND_IMAGINE"
NEW_CONVERSATION = "/rest/app-chat/conversations/new"
_UPLOAD = "/http/upload-file-v2/direct"
_OLD_UPLOAD = "/rest/app-chat/upload-file"


class GrokClient:
    """Typed calls on the site. All raise GatewayError; those that ask for work rest the lease's kind on a rate limit."""

    def __init__(self, lease: Lease, memory: ProfileMemory, *, rests: str | None = None) -> None:
        self.exchange = Exchange(lease, memory, rests=rests)
        self.lease = lease

    async def session(self, *, timeout_s: float = 15.0) -> Session:
        """Say who is signed in."""
        return read_session(await self.exchange.read("GET", "/api/auth/session", field="session", timeout_s=timeout_s))

    # -- asking for work ---------------------------------------------------------------------------------------
    @contextlib.asynccontextmanager
    async def new_conversation(
        self, body: Mapping[str, Any], *, start_timeout_s: float, idle_timeout_s: float
    ) -> AsyncIterator[StreamReply]:
        """Ask for an answer and open its stream, whatever its status. Errors of the browser pass as they are."""
        async with self.lease.transport.stream(
            "POST",
            NEW_CONVERSATION,
            json=body,
            headers=request_headers(),
            world=world_of(NEW_CONVERSATION),
            start_timeout_s=start_timeout_s,
            idle_timeout_s=idle_timeout_s,
        ) as reply:
            yield reply

    async def upload(self, file: FilePart, *, timeout_s: float = 180.0) -> UploadedFile:
        """Give the site a picture: the current endpoint, or the old one where the current one does not exist."""
        try:
            with browser_errors():
                reply = await self.lease.transport.upload(
                    _UPLOAD,
                    file=file,
                    form={"file_source": "IMAGINE_SELF_UPLOAD_FILE_SOURCE"},
                    world=world_of(_UPLOAD),
                    timeout_s=timeout_s,
                )
            self.exchange.accept(reply, rests=True)
        except UpstreamRefused as exc:
            refusal = refusal_of(exc)
            if refusal is None or refusal.problem.status not in {404, 405, 501}:
                raise
            with browser_errors():
                reply = await self.lease.transport.upload_base64(
                    _OLD_UPLOAD,
                    file=file,
                    key="content",
                    json={"fileName": file.file_name, "fileMimeType": file.media_type},
                    world=world_of(_OLD_UPLOAD),
                    timeout_s=timeout_s,
                )
            self.exchange.accept(reply, rests=True)
        return read_upload(parse_object(reply.text, field="upload"))

    async def create_post(self, body: Mapping[str, Any]) -> MediaPost:
        return read_post(
            await self.exchange.read("POST", "/rest/media/post/create", json=dict(body), field="post", rests=True)
        )

    async def upscale(self, video_id: str, *, target_resolution: str | None = None, timeout_s: float = 300.0) -> str:
        """Have a video made larger; return the address of the result (relative or absolute)."""
        body = {"videoId": video_id} | ({"targetResolution": target_resolution} if target_resolution else {})
        path = "/rest/media/video/upscale"
        answer = await self.exchange.read("POST", path, json=body, field="hdMediaUrl", timeout_s=timeout_s, rests=True)
        return text(answer, "hdMediaUrl", "mediaUrl")

    # -- looking up --------------------------------------------------------------------------------------------
    async def conversations(self, *, kind: str | None = IMAGINE, size: int = 40, page: str = "") -> ConversationList:
        query = {"pageSize": size} | ({"kind": kind} if kind else {}) | ({"pageToken": page} if page else {})
        path = f"/rest/app-chat/conversations?{urlencode(query)}"
        return read_conversations(await self.exchange.read("GET", path, field="conversations"))

    async def turns(self, conversation_id: str, *, kind: str | None = IMAGINE) -> list[Turn]:
        """Return what a conversation holds, in the site's order."""
        query = f"?{urlencode({'conversationKind': kind})}" if kind else ""
        path = f"/rest/app-chat/conversations/{quote(conversation_id, safe='')}/responses{query}"
        return read_turns(await self.exchange.read("GET", path, field="responses"))

    async def load_turns(self, conversation_id: str, response_ids: Sequence[str] = ()) -> list[Turn]:
        path = f"/rest/app-chat/conversations/{quote(conversation_id, safe='')}/load-responses"
        body = {"responseIds": list(response_ids)} if response_ids else {}
        return read_turns(await self.exchange.read("POST", path, json=body, field="responses"))

    async def assets(self, *, size: int = 40, page: str = "") -> AssetList:
        """Return the account's generated and uploaded files, newest first."""
        query = {
            "pageSize": size,
            "orderBy": "ORDER_BY_CREATE_TIME",
            "workspaceKind": "WORKSPACE_KIND_IMAGINE_ALL",
        } | ({"pageToken": page} if page else {})
        return read_assets(await self.exchange.read("GET", f"/rest/assets?{urlencode(query)}", field="assets"))

    async def delete_asset(self, asset_id: str) -> None:
        await self.exchange.call("DELETE", f"/rest/assets-metadata/{quote(asset_id, safe='')}")

    # -- media posts -------------------------------------------------------------------------------------------
    async def post(self, post_id: str) -> MediaPost:
        return read_post(
            await self.exchange.read("POST", "/rest/media/post/get", json={"id": post_id}, field="post.id")
        )

    async def posts(self, *, source: str = "LIKED", limit: int = 40, cursor: str = "", **where: Any) -> PostList:
        """List media posts. source: LIKED, OWNED, PUBLIC or CHARACTER_MENTIONED; *where* adds the site's other filters."""
        body: dict[str, Any] = {"limit": limit, "filter": {"source": f"MEDIA_POST_SOURCE_{source}", **where}}
        if cursor:
            body["cursor"] = cursor
        return read_posts(await self.exchange.read("POST", "/rest/media/post/list", json=body, field="posts"))

    async def like(self, post_id: str) -> None:
        await self.exchange.call("POST", "/rest/media/post/like", json={"id": post_id})

    async def unlike(self, post_id: str) -> None:
        await self.exchange.call("POST", "/rest/media/post/unlike", json={"id": post_id})

    async def delete_post(self, post_id: str) -> None:
        await self.exchange.call("POST", "/rest/media/post/delete", json={"id": post_id})

    async def create_link(self, post_id: str) -> str:
        """Make a post public at the site; return its address."""
        body = {"postId": post_id, "source": "post-page", "platform": "web"}
        answer = await self.exchange.read("POST", "/rest/media/post/create-link", json=body, field="shareLink")
        return text(answer, "shareLink")

    # -- limits ------------------------------------------------------------------------------------------------
    async def rate_limits(self, model: str, *, request_kind: str | None = None, timeout_s: float = 15.0) -> QuotaLine:
        body = {"modelName": model} | ({"requestKind": request_kind} if request_kind else {})
        path = "/rest/rate-limits"
        return read_rate_limits(
            await self.exchange.read("POST", path, json=body, field="rateLimits", timeout_s=timeout_s)
        )

    async def imagine_quota(self, *, timeout_s: float = 15.0) -> Mapping[str, QuotaLine]:
        path = "/rest/media/imagine/quota_info"
        return read_imagine_quota(
            await self.exchange.read("POST", path, json={}, field="quota_info", timeout_s=timeout_s)
        )

    async def modes(self, *, locale: str = "en") -> Modes:
        return read_modes(await self.exchange.read("POST", "/rest/modes", json={"locale": locale}, field="modes"))
