"""Request bodies of picture edits, both generations (upstream.md 2.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from gateway.calls.image_limits import AUTO
from gateway.calls.model import ImageRequest

Body: TypeAlias = dict[str, Any]


def g2_edit(request: ImageRequest, file_ids: Sequence[str]) -> Body:
    """Return the body of ``conversations/new`` (captured 2026-08-23). ``auto`` leaves the ratio to the picture."""
    ratio: Body = {} if request.aspect_ratio == AUTO else {"aspectRatio": request.aspect_ratio}
    return {
        "modelName": "imagine-image-edit",
        "message": request.prompt,
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "mediaGenInput": {"imageToImage": {"prompt": request.prompt, "inputAssets": list(file_ids), **ratio}},
    }


def g1_edit_post(image_url: str) -> Body:
    """Return the body of ``media/post/create`` for the picture that is edited (2026-02)."""
    return {"mediaType": "MEDIA_POST_TYPE_IMAGE", "mediaUrl": image_url}


def g1_edit(request: ImageRequest, image_urls: Sequence[str], post_id: str) -> Body:
    """Return the body of ``conversations/new`` (2026-02); an aspect ratio has no field in it and is asked for in words."""
    square = request.aspect_ratio in {AUTO, "1:1"}
    words = request.prompt if square else f"{request.prompt} (aspect ratio {request.aspect_ratio})"
    config = {"imageReferences": list(image_urls), "parentPostId": post_id}
    return {
        "temporary": True,
        "modelName": "imagine-image-edit",
        "message": words,
        "toolOverrides": {"imageGen": True},
        "enableImageGeneration": True,
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "responseMetadata": {
            "modelConfigOverride": {"modelMap": {"imageEditModel": "imagine", "imageEditModelConfig": config}}
        },
    }
