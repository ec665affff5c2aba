"""``GET /rest/assets`` and asset metadata inside turns (captured 2026-08-23): files the account owns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.errors import UpstreamDrifted
from gateway.grok.wire.echo import Echo, read_echo
from gateway.grok.wire.fields import Json, integer, mapping, moment, objects, text, truth


@dataclass(frozen=True, slots=True)
class AssetFacts:
    """One file at the site. key: its path below the assets host. moderated: from ``auxKeys`` (text) or beside them."""

    id: str
    media_type: str
    key: str
    response_id: str
    conversation_id: str
    moderated: bool
    deleted: bool
    echo: Echo
    thumbnail: str = ""
    width: int | None = None
    height: int | None = None
    created_at: datetime | None = None

    @property
    def is_video(self) -> bool:
        return self.media_type.startswith("video/") or (
            not self.media_type and self.key.partition("?")[0].endswith(".mp4")
        )


@dataclass(frozen=True, slots=True)
class AssetList:
    """One page of the account's files, newest first."""

    assets: tuple[AssetFacts, ...]
    next_page: str = ""


def read_asset(value: Json) -> AssetFacts:
    aux = mapping(value, "auxKeys")
    return AssetFacts(
        id=text(value, "assetId", "id"),
        media_type=text(value, "mimeType"),
        key=text(value, "key", "videoUrl", "mediaUrl"),
        response_id=text(value, "responseId"),
        conversation_id=text(value, "sourceConversationId", "conversationId"),
        moderated=truth(aux, "moderated") or truth(value, "moderated"),
        deleted=truth(value, "isDeleted"),
        echo=read_echo(value),
        thumbnail=text(aux, "preview-image"),
        width=integer(value, "width"),
        height=integer(value, "height"),
        created_at=moment(value.get("createTime")),
    )


def read_assets(value: Json) -> AssetList:
    """Raises UpstreamDrifted (``assets``) when there is no list."""
    if not isinstance(value.get("assets"), list):
        raise UpstreamDrifted("the site's list of assets has no field 'assets'", field="assets")
    return AssetList(tuple(read_asset(entry) for entry in objects(value, "assets")), text(value, "nextPageToken"))
