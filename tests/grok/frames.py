"""Frames and lists as captured 2026-08-23 (ids synthetic)."""

from __future__ import annotations

from typing import Any

KEY = "users/U/generated/V/generated_video.mp4"
URL = f"https://assets.grok.com/{KEY}"
TURNS = "GET /rest/app-chat/conversations/C/responses"
LIST = "GET /rest/app-chat/conversations"
ASSETS = "GET /rest/assets"


def response(**fields: Any) -> dict[str, Any]:
    return {"result": {"response": {**fields, "isThinking": False, "isSoftStop": False, "responseId": "R"}}}


def conversation(id: str = "C") -> dict[str, Any]:  # noqa: A002
    return {"result": {"conversation": {"conversationId": id, "title": "", "createTime": "2026-08-23T20:01:10.2Z"}}}


def user() -> dict[str, Any]:
    return {"result": {"response": {"userResponse": {"responseId": "H", "sender": "human"}, "responseId": "H"}}}


def beat() -> dict[str, Any]:
    return response(token="")


def video(progress: int | None = 1, **fields: Any) -> dict[str, Any]:
    base = {"videoId": "V", "videoPostId": "V", "parentPostId": "P", "moderated": False, "modelName": "imagine_w_1"}
    if progress is not None:
        base["progress"] = progress
    return response(streamingVideoGenerationResponse={**base, **fields})


def finished(**fields: Any) -> dict[str, Any]:
    return video(100, assetId="V", videoUrl=KEY, videoPrompt="a lighthouse, cinematic", width=736, height=400, **fields)


def answer(
    message: str = "I generated a video", attachments: tuple[str, ...] = ("V",), **fields: Any
) -> dict[str, Any]:
    return response(
        modelResponse={
            "responseId": "R",
            "message": message,
            "sender": "assistant",
            "fileAttachments": list(attachments),
            "streamErrors": [],
            "partial": False,
            **fields,
        }
    )


def error(message: str = "", **detail: Any) -> dict[str, Any]:
    return response(error={"message": message, "severity": "STREAM_ERROR_SEVERITY_NORMAL", **detail})


START = [conversation(), user(), beat()]
WHOLE = [*START, video(1), video(46), finished(), answer(), {"result": {"title": {"newTitle": "x"}}}]


def echo(prompt: str = "a lighthouse", **fields: Any) -> dict[str, Any]:
    return {"textToVideo": {"prompt": prompt, "aspectRatio": "16:9", "duration": 6, "resolutionName": "480p", **fields}}


def asset(id: str = "V", *, moderated: bool = False, **fields: Any) -> dict[str, Any]:  # noqa: A002
    return {
        "assetId": id,
        "mimeType": "video/mp4",
        "key": f"users/U/generated/{id}/generated_video.mp4",
        "auxKeys": {"moderated": str(moderated).lower(), "preview-image": "users/U/p.jpg"},
        "responseId": "R",
        "isDeleted": False,
        **fields,
    }


def turn(assets: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    given = [asset()] if assets is None else assets
    return {
        "responseId": "R",
        "sender": "ASSISTANT",
        "message": "",
        "partial": False,
        "mediaGenInput": echo(),
        "fileAttachments": [entry["assetId"] for entry in given],
        "fileAttachmentAssetMetadata": given,
        **fields,
    }


def human(message: str = "a lighthouse --mode=normal", **fields: Any) -> dict[str, Any]:
    return {"responseId": "H", "sender": "human", "message": message, "fileAttachments": [], **fields}


def turns(*given: dict[str, Any]) -> dict[str, Any]:
    return {"responses": list(given)}
