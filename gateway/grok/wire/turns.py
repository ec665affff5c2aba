"""``GET …/conversations/{id}/responses`` and ``…/load-responses`` (captured 2026-08-23): what a conversation holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.errors import UpstreamDrifted
from gateway.grok.wire.assets import AssetFacts, read_asset
from gateway.grok.wire.echo import Echo, read_echo
from gateway.grok.wire.fields import Json, moment, objects, text, texts, truth


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation. A human turn carries the *inputs* in the same fields as an assistant's results."""

    response_id: str
    human: bool
    message: str
    partial: bool
    attachments: tuple[str, ...]
    assets: tuple[AssetFacts, ...]
    echo: Echo
    created_at: datetime | None = None
    errors: tuple[Json, ...] = ()
    parent_id: str = ""

    def own_assets(self) -> list[AssetFacts]:
        """Return what this turn made itself: assets that name this turn (or none at all), never a human turn's inputs."""
        if self.human:
            return []
        return [asset for asset in self.assets if asset.response_id in {self.response_id, ""}]


def read_turns(value: Json) -> list[Turn]:
    """Return the conversation's turns in the site's order. Raises UpstreamDrifted (``responses``) when there is no list."""
    if not any(isinstance(value.get(key), list) for key in ("responses", "messages")):
        raise UpstreamDrifted("the site's list of responses has no field 'responses'", field="responses")
    return [_turn(entry) for entry in objects(value, "responses", "messages")]


def _turn(value: Json) -> Turn:
    return Turn(
        response_id=text(value, "responseId", "id"),
        human=text(value, "sender").lower() in {"human", "user"},
        message=text(value, "message"),
        partial=truth(value, "partial"),
        attachments=tuple(texts(value, "fileAttachments")),
        assets=tuple(
            read_asset(entry) for entry in objects(value, "fileAttachmentAssetMetadata", "fileAttachmentsMetadata")
        ),
        echo=read_echo(value),
        created_at=moment(value.get("createTime")),
        errors=tuple(objects(value, "streamErrors"))
        or tuple({"message": line} for line in texts(value, "streamErrors")),
        parent_id=text(value, "parentResponseId"),
    )
