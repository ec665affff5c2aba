"""One object of a streamed answer, as far as we know its kinds (captures 2026-03-08, 2026-04, 2026-08-23).

``POST …/conversations/new`` wraps in ``result.response``; the continuation endpoint puts the same fields directly under
``result``; errors stand at the top or inside the response. Both are accepted everywhere. Unknown kinds read as an empty frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.grok.wire.fields import NOTHING, Json, integer, mapping, objects, text, texts, truth

#: Fields that tell a response placed directly under ``result``.
_RESPONSE_KEYS = frozenset(
    {
        "token", "responseId", "userResponse", "modelResponse", "streamingVideoGenerationResponse",
        "streamingImageGenerationResponse", "isSoftStop", "isThinking", "finalMetadata", "error", "uiLayout", "llmInfo",
        "cardAttachment", "progressReport", "keepAlive", "webSearchResults", "xSearchResults", "toolUsageCard", "messageTag",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """``streamingVideoGenerationResponse``. progress: 0-100, absent in the first frames of some captures.

    url and thumbnail are keys below the assets host or absolute addresses; url is empty until the end, and for moderated
    videos for ever. post_id: ``videoPostId``, else ``parentPostId`` (g1: the post the video was asked under).
    """

    video_id: str = ""
    progress: int | None = None
    asset_id: str = ""
    url: str = ""
    thumbnail: str = ""
    post_id: str = ""
    parent_post_id: str = ""
    prompt: str = ""
    model: str = ""
    moderated: bool = False
    rejection: str = ""
    width: int | None = None
    height: int | None = None
    index: int = 0


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """``modelResponse``: the closing frame of an answer, with its whole text and the ids of what was made."""

    response_id: str
    message: str
    attachments: tuple[str, ...]
    partial: bool
    errors: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """What one object said; a heartbeat is a frame with nothing but an empty token."""

    conversation_id: str = ""
    user_response_id: str = ""
    response_id: str = ""
    token: str | None = None
    thinking: bool = False
    tag: str = ""
    soft_stop: bool = False
    title: str = ""
    video: VideoFrame | None = None
    answer: ModelAnswer | None = None
    error: Json | None = None
    raw: Json = field(default_factory=dict)


def read_frame(value: Json) -> Frame:
    """Read one object of the stream; never fails, what it does not know it leaves in ``raw``."""
    if _is_error(value):
        return Frame(error=value, raw=value)
    result = mapping(value, "result") or value
    response = response_of(value)
    if _is_error(result) and not response:
        return Frame(error=result, raw=value)
    user = mapping(response, "userResponse")
    return Frame(
        conversation_id=text(mapping(result, "conversation"), "conversationId", "id") or text(result, "conversationId"),
        user_response_id=text(user, "responseId"),
        response_id="" if user else text(response, "responseId"),
        token=response["token"] if isinstance(response.get("token"), str) else None,
        thinking=truth(response, "isThinking"),
        tag=text(response, "messageTag"),
        soft_stop=truth(response, "isSoftStop"),
        title=text(mapping(result, "title"), "newTitle"),
        video=_video(mapping(response, "streamingVideoGenerationResponse")),
        answer=_answer(mapping(response, "modelResponse")),
        error={"error": response["error"]} if response.get("error") else None,
        raw=value,
    )


def response_of(value: Json) -> Json:
    """Return what one object says about the answer, wherever it is put; nothing when it speaks of something else."""
    result = mapping(value, "result") or value
    response = mapping(result, "response")
    return result if not response and _RESPONSE_KEYS & result.keys() else response


def _is_error(value: Json) -> bool:
    """``{"error": …}``, or a bare gRPC status as non-streaming endpoints send it."""
    return bool(value.get("error")) or ("code" in value and "message" in value and "result" not in value)


def _video(value: Json) -> VideoFrame | None:
    if not value:
        return None
    return VideoFrame(
        video_id=text(value, "videoId", "assetId", "videoPostId"),
        progress=integer(value, "progress"),
        asset_id=text(value, "assetId"),
        url=text(value, "videoUrl", "hdMediaUrl", "mediaUrl"),
        thumbnail=text(value, "thumbnailImageUrl"),
        post_id=text(value, "videoPostId", "parentPostId"),
        parent_post_id=text(value, "parentPostId"),
        prompt=text(value, "videoPrompt"),
        model=text(value, "modelName"),
        moderated=truth(value, "moderated"),
        rejection="" if "UNSPECIFIED" in text(value, "rejectionReason") else text(value, "rejectionReason"),
        width=integer(value, "width"),
        height=integer(value, "height"),
        index=integer(value, "sideBySideIndex") or 0,
    )


def _answer(value: Json) -> ModelAnswer | None:
    if not value:
        return None
    return ModelAnswer(
        response_id=text(value, "responseId"),
        message=text(value, "message"),
        attachments=tuple(texts(value, "fileAttachments")),
        partial=truth(value, "partial"),
        errors=tuple(objects(value, "streamErrors")) or _text_errors(value),
    )


def _text_errors(value: Json) -> tuple[Json, ...]:
    return tuple({"message": line} for line in texts(value, "streamErrors"))


__all__ = ["NOTHING", "Frame", "ModelAnswer", "VideoFrame", "read_frame", "response_of"]
