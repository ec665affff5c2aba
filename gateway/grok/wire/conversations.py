"""``GET /rest/app-chat/conversations`` (captured 2026-08-23): the account's conversations, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.errors import UpstreamDrifted
from gateway.grok.wire.assets import AssetFacts, read_asset
from gateway.grok.wire.fields import Json, mapping, moment, objects, text


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    title: str
    created_at: datetime | None
    modified_at: datetime | None
    kind: str
    latest_asset: AssetFacts | None


@dataclass(frozen=True, slots=True)
class ConversationList:
    """One page. next_page is '' at the end."""

    conversations: tuple[Conversation, ...]
    next_page: str = ""


def read_conversations(value: Json) -> ConversationList:
    """Raises UpstreamDrifted (``conversations``) when there is no list."""
    if not isinstance(value.get("conversations"), list):
        raise UpstreamDrifted("the site's list of conversations has no field 'conversations'", field="conversations")
    return ConversationList(
        tuple(_conversation(entry) for entry in objects(value, "conversations")), text(value, "nextPageToken")
    )


def _conversation(value: Json) -> Conversation:
    latest = mapping(value, "latestAssetMetadata")
    return Conversation(
        id=text(value, "conversationId", "id"),
        title=text(value, "title"),
        created_at=moment(value.get("createTime")),
        modified_at=moment(value.get("modifyTime")),
        kind=text(value, "kind"),
        latest_asset=read_asset(latest) if latest else None,
    )
