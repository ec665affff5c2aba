"""Request bodies of both generations of the video protocol, exactly as captured (upstream.md 2.6).

g1 (2026-02 to 2026-07): a media post first, then a chat with ``videoGenModelConfig``. g2 (since 2026-08-23):
``mediaGenInput``, no post. Sending g1 to a site that speaks g2 may return an unrelated clip with HTTP 200 (#1014), which is
why g2 comes first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from gateway.tasks.model import Preset, VideoMode, VideoSpec

Body: TypeAlias = dict[str, Any]


class Generation(StrEnum):
    """A generation of the site's protocol."""

    G1 = "g1"
    G2 = "g2"


#: The site's own words for its styles (``--mode=`` and ``mode``; seen in several clients 2026-02 to 2026-08).
MODE: Mapping[Preset, str] = {
    Preset.NORMAL: "normal",
    Preset.FUN: "extremely-crazy",
    Preset.CUSTOM: "custom",
    Preset.SPICY: "extremely-spicy-or-crazy",
}


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """The video an extension begins from: its post, and the words it was made from."""

    post_id: str
    prompt: str
    original_post_id: str = ""


def message(spec: VideoSpec, *, image_url: str = "") -> str:
    """Return the chat message that carries the prompt; without one only the mode (captured: ``--mode=normal``)."""
    flag = f"--mode={MODE[spec.preset]}"
    words = f"{spec.prompt} {flag}" if spec.prompt else flag
    return f"{image_url}  {words}" if image_url else words


def g2_video(spec: VideoSpec, *, file_ids: Sequence[str] = (), reference_kind: bool = False) -> Body:
    """Return the body of ``POST /rest/app-chat/conversations/new`` (captured 2026-08-23, text and image).

    file_ids: uploaded files or generated assets, in order. Several references go into ``imageToVideo`` as the site's own
    page attaches them [?]; reference_kind: ask with ``referenceToVideo`` instead, the other reading of upstream.md.
    """
    frame = {"aspectRatio": spec.aspect_ratio, "duration": spec.seconds, "resolutionName": spec.resolution}
    given: Body = {"prompt": spec.prompt} if spec.prompt else {}
    if file_ids:
        kind = "referenceToVideo" if reference_kind else "imageToVideo"
        media = {kind: {**given, "inputAssets": list(file_ids), **frame, "mode": MODE[spec.preset]}}
    else:
        media = {"textToVideo": {**given, **frame}}
    return {
        "modelName": "imagine-video-gen",
        "message": message(spec),
        "enableImageStreaming": True,
        "enableSideBySide": True,
        "sendFinalMetadata": True,
        "responseMetadata": {"experiments": [], "modelConfigOverride": {"modelMap": {}}},
        "mediaGenInput": media,
        "kind": "CONVERSATION_KIND_IMAGINE",
    }


def g1_post(spec: VideoSpec, *, image_url: str = "") -> Body:
    """Return the body of ``POST /rest/media/post/create`` (captured 2026-02): of the video, or of the picture it starts from."""
    if image_url and spec.mode is VideoMode.IMAGE:
        return {"mediaType": "MEDIA_POST_TYPE_IMAGE", "mediaUrl": image_url}
    return {"mediaType": "MEDIA_POST_TYPE_VIDEO", "prompt": spec.prompt}


def g1_video(
    spec: VideoSpec, *, post_id: str, image_urls: Sequence[str] = (), source: SourceVideo | None = None
) -> Body:
    """Return the body of ``POST /rest/app-chat/conversations/new`` (captured 2026-02; references and extension 2026-03)."""
    config: Body = {
        "parentPostId": post_id,
        "aspectRatio": spec.aspect_ratio,
        "videoLength": spec.seconds,
        "resolutionName": spec.resolution,
    }
    if spec.mode is VideoMode.REFERENCES:
        config |= {"isVideoEdit": False, "isReferenceToVideo": True, "imageReferences": list(image_urls)}
    elif spec.mode is VideoMode.EXTEND and source is not None:
        config |= {
            "isVideoExtension": True,
            "videoExtensionStartTime": spec.start_s or 0,
            "extendPostId": post_id,
            "stitchWithExtendPostId": True,
            "originalPrompt": source.prompt,
            "originalPostId": source.original_post_id or post_id,
            "originalRefType": "ORIGINAL_REF_TYPE_VIDEO_EXTENSION",
            "mode": MODE[spec.preset],
        }
    first = image_urls[0] if image_urls and spec.mode is VideoMode.IMAGE else ""
    return {
        "temporary": True,
        "modelName": "grok-3",
        "message": message(spec, image_url=first),
        "toolOverrides": {"videoGen": True},
        "enableSideBySide": True,
        "responseMetadata": {
            "experiments": [],
            "modelConfigOverride": {"modelMap": {"videoGenModelConfig": config}},
        },
    }
