"""What accounts have made and uploaded: conversations with their turns, assets, media posts."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from .accounts import timestamp
from .behaviour import Behaviour

ASSETS_ORIGIN = "https://assets.grok.com/"
IMAGINE = "CONVERSATION_KIND_IMAGINE"


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class Asset:
    owner: str
    key: str
    mime: str
    name: str
    make: Callable[[], Awaitable[bytes]]
    """Gives the bytes; called once, when somebody first asks."""
    id: str = field(default_factory=new_id)
    width: int = 0
    height: int = 0
    prompt: str = ""
    preview_key: str = ""
    response_id: str = ""
    conversation_id: str = ""
    media_gen_input: dict[str, Any] | None = None
    moderated: bool = False
    deleted: bool = False
    public: bool = False
    generated: bool = True
    behaviour: Behaviour = field(default_factory=Behaviour)
    created: float = field(default_factory=time.time)
    _bytes: asyncio.Future[bytes] | None = None

    async def content(self) -> bytes:
        if self._bytes is None:
            self._bytes = asyncio.ensure_future(self.make())
        return await asyncio.shield(self._bytes)

    @property
    def size(self) -> int:
        return len(self._bytes.result()) if self._bytes is not None and self._bytes.done() else 0

    def _aux_keys(self) -> dict[str, str]:
        keys = {"moderated": "true" if self.moderated else "false"}
        if self.preview_key:
            keys["preview-image"] = self.preview_key
        elif self.mime.startswith("image/"):
            keys["original-image"] = self.key
        return keys

    def as_attachment(self) -> dict[str, Any]:
        """A line of a turn's `fileAttachmentAssetMetadata`."""
        return {
            "assetId": self.id,
            "mimeType": self.mime,
            "key": self.key,
            "width": self.width,
            "height": self.height,
            "auxKeys": self._aux_keys(),
            "responseId": self.response_id,
            "isDeleted": self.deleted,
        }

    def as_listed(self) -> dict[str, Any]:
        """A line of `/rest/assets`."""
        return {
            "assetId": self.id,
            "mimeType": self.mime,
            "name": self.name,
            "sizeBytes": self.size,
            "createTime": timestamp(self.created),
            "key": self.key,
            "auxKeys": self._aux_keys(),
            "sourceConversationId": self.conversation_id,
            "width": self.width,
            "height": self.height,
            "rRated": False,
            "mediaGenInput": self.media_gen_input,
        }


@dataclass
class Turn:
    """A message of a conversation, the human's or the model's."""

    sender: str
    message: str = ""
    id: str = field(default_factory=new_id)
    parent: str = ""
    model: str = ""
    partial: bool = False
    media_gen_input: dict[str, Any] | None = None
    attachments: list[str] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    image_urls: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    created: float = field(default_factory=time.time)

    def as_listed(self) -> dict[str, Any]:
        return {
            "responseId": self.id,
            "sender": self.sender.upper(),
            "message": self.message,
            "model": self.model,
            "partial": self.partial,
            "createTime": timestamp(self.created),
            "parentResponseId": self.parent,
            "mediaGenInput": self.media_gen_input,
            "fileAttachments": self.attachments,
            "generatedImageUrls": self.image_urls,
            "cardAttachmentsJson": self.cards,
            "streamErrors": self.errors,
            "fileAttachmentAssetMetadata": [asset.as_attachment() for asset in self.assets],
        }


@dataclass
class Conversation:
    owner: str
    kind: str = ""
    temporary: bool = False
    id: str = field(default_factory=new_id)
    title: str = "New conversation"
    turns: list[Turn] = field(default_factory=list)
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)

    def as_frame(self) -> dict[str, Any]:
        return {
            "conversationId": self.id,
            "title": self.title,
            "starred": False,
            "createTime": timestamp(self.created),
            "modifyTime": timestamp(self.modified),
            "systemPromptName": "",
            "temporary": self.temporary,
            "mediaTypes": [],
            "workspaces": [],
            "taskResult": None,
        }

    def as_listed(self) -> dict[str, Any]:
        made = [asset for turn in self.turns if turn.sender == "assistant" for asset in turn.assets]
        return self.as_frame() | {
            "kind": self.kind or "CONVERSATION_KIND_UNSPECIFIED",
            "latestAssetMetadata": made[-1].as_attachment() if made else None,
        }


@dataclass
class Post:
    owner: str
    media_type: str
    prompt: str = ""
    media_url: str = ""
    mime: str = "video/mp4"
    id: str = field(default_factory=new_id)
    mode: str = "text"
    thumbnail_url: str = ""
    hd_url: str = ""
    width: int = 0
    height: int = 0
    duration: float = 0.0
    resolution_name: str = ""
    original_post: str = ""
    moderated: bool = False
    children: list[Post] = field(default_factory=list)
    liked: bool = False
    created: float = field(default_factory=time.time)

    def as_json(self, depth: int = 1) -> dict[str, Any]:
        nested = [child.as_json(depth - 1) for child in self.children] if depth else []
        actions = ["LIKE", "SHARE", "DOWNLOAD", "DELETE", "UPSCALE_VIDEO"] if self.media_url else []
        return {
            "id": self.id,
            "userId": self.owner,
            "createTime": timestamp(self.created),
            "prompt": self.prompt,
            "mediaType": self.media_type,
            "mediaUrl": self.media_url,
            "mimeType": self.mime,
            "audioUrls": [],
            "originalPostId": self.original_post,
            "childPosts": nested,
            "originalPrompt": self.prompt,
            "mode": self.mode,
            "resolution": {"width": self.width, "height": self.height} if self.width else None,
            "modelName": "imagine_w_1" if self.mime == "video/mp4" else "imagine_h_1",
            "hdMediaUrl": self.hd_url,
            "thumbnailImageUrl": self.thumbnail_url,
            "availableActions": [f"MEDIA_POST_ACTION_TYPE_{action}" for action in actions],
            "videoDuration": self.duration,
            "moderated": self.moderated,
            "images": [],
            "videos": [child for child in nested if child["mimeType"] == "video/mp4"],
            "rRated": False,
            "resolutionName": self.resolution_name,
            "inputMediaItems": [],
            "hasWatermark": False,
        }


class Library:
    def __init__(self) -> None:
        self.conversations: dict[str, Conversation] = {}
        self.assets: dict[str, Asset] = {}
        self.posts: dict[str, Post] = {}
        self.by_key: dict[str, Asset] = {}

    def add_conversation(self, conversation: Conversation) -> Conversation:
        self.conversations[conversation.id] = conversation
        return conversation

    def add_asset(self, asset: Asset, *other_keys: str) -> Asset:
        self.assets[asset.id] = asset
        for key in (asset.key, *other_keys):
            self.by_key[key] = asset
        return asset

    def add_post(self, post: Post) -> Post:
        self.posts[post.id] = post
        return post

    def input_asset(self, reference: str, owner: str) -> Asset | None:
        """An input named by id, by key or by URL, if it exists and is this account's."""
        key = reference.removeprefix(ASSETS_ORIGIN).partition("?")[0]
        asset = self.assets.get(reference) or self.by_key.get(key)
        return asset if asset and not asset.deleted and asset.owner == owner else None
