"""What a submit asks for, read from the body; one reader per generation of the site's protocol."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.media.film import SIZES
from tests.simulator.state.library import IMAGINE, Asset

from .refusals import unknown_field
from .visit import Reply, Visit, problem

MODE = re.compile(r"\s*--mode=(\S+)\s*$")
LEADING_URLS = re.compile(r"^(?:https://\S+\s+)+")
VIDEO_KINDS = ("textToVideo", "imageToVideo", "referenceToVideo")
IMAGE_KINDS = ("textToImage", "imageToImage")
MEDIA_KEYS = {
    "prompt",
    "aspectRatio",
    "duration",
    "resolutionName",
    "inputAssets",
    "mode",
    "skipAudio",
    "modelName",
    "numOfImages",
}
MOST_REFERENCES = 7
DRAWS = re.compile(r"^(draw|generate an? (image|picture)|imagine|create an? (image|picture))\b", re.IGNORECASE)


@dataclass
class VideoOrder:
    prompt: str
    generation: str
    mode: str = "custom"
    ratio: str = "16:9"
    seconds: float = 6
    resolution: str = "480p"
    inputs: list[Asset] = field(default_factory=list)
    parent_post: str = ""
    media_gen_input: dict[str, Any] | None = None
    extends: str = ""
    extend_from: float = 0.0
    decoy: bool = False
    asked_seconds: Any = 6

    def fault(self, paid: bool) -> str:
        """Why the site would answer in words instead of making a film; empty if it makes one."""
        allowed = (6, 10, 15) if paid else (6, 10)
        if self.asked_seconds not in allowed:
            return f"I can't make a video of {self.asked_seconds} seconds."
        if self.resolution not in SIZES:
            return f"I can't make a video in {self.resolution}."
        if self.ratio not in SIZES[self.resolution]:
            return f"I can't make a video with the aspect ratio {self.ratio}."
        return ""

    @property
    def size(self) -> tuple[int, int]:
        return SIZES[self.resolution][self.ratio]

    @property
    def quota(self) -> str:
        return "video720p" if self.resolution == "720p" else "video"


@dataclass
class ImageOrder:
    prompt: str
    generation: str
    count: int = 2
    ratio: str = "1:1"
    inputs: list[Asset] = field(default_factory=list)
    media_gen_input: dict[str, Any] | None = None
    quality: bool = False
    decoy: bool = False

    @property
    def quota(self) -> str:
        return "imageEdit" if self.inputs else "imagePro" if self.quality else "image"


@dataclass
class ChatOrder:
    prompt: str
    model: str
    attachments: list[Asset] = field(default_factory=list)
    thinks: bool = False
    searches: bool = False
    draws: int = 0


def split_message(message: str) -> tuple[str, str]:
    """`"<url>  a cat --mode=fun"` → `("a cat", "fun")`."""
    match = MODE.search(message)
    mode = match[1] if match else ""
    text = MODE.sub("", message)
    return LEADING_URLS.sub("", text + " ").strip(), mode


def _model_map(body: dict[str, Any]) -> dict[str, Any]:
    override = (body.get("responseMetadata") or {}).get("modelConfigOverride") or {}
    return override.get("modelMap") or {}


def _media_input(body: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    given = body.get("mediaGenInput")
    if not isinstance(given, dict):
        return None
    for kind, value in given.items():
        if isinstance(value, dict):
            return kind, value
    return "", {}


def _is_g1_video(body: dict[str, Any]) -> bool:
    return "videoGenModelConfig" in _model_map(body) or bool((body.get("toolOverrides") or {}).get("videoGen"))


def _is_edit(body: dict[str, Any]) -> bool:
    return body.get("modelName") == "imagine-image-edit" or "imageEditModelConfig" in _model_map(body)


def classify(visit: Visit) -> str:
    """The kind of a submit, for the ledger and the scenarios; the prompt is found on the way."""
    body = visit.json
    message = str(body.get("message") or "")
    media = _media_input(body)
    text, _ = split_message(message)
    visit.prompt = str(media[1].get("prompt") or "") if media and media[1].get("prompt") else text
    visit.entry.params = {"body": body}
    if media is not None:
        kind = (
            "submit_video"
            if media[0] in VIDEO_KINDS
            else "submit_edit"
            if media[0] == "imageToImage"
            else "submit_image"
        )
    elif _is_g1_video(body):
        kind = "submit_video"
    elif _is_edit(body):
        kind = "submit_edit"
    else:
        visit.prompt = message
        kind = "submit_chat"
    return kind


def read_order(visit: Visit) -> VideoOrder | ImageOrder | ChatOrder | Reply:
    body, generation = visit.json, visit.world.settings.generation
    media = _media_input(body)
    if generation == "g1" and (media is not None or "kind" in body):
        return unknown_field("mediaGenInput" if media is not None else "kind", column=180)
    if media is not None:
        return _read_g2(visit, *media)
    if _is_g1_video(body):
        return _read_g1_video(visit, decoy=generation == "g2")
    if _is_edit(body):
        return _read_g1_edit(visit, decoy=generation == "g2")
    return _read_chat(visit)


def _inputs(visit: Visit, references: Any) -> list[Asset] | Reply:
    if not isinstance(references, list) or not all(isinstance(one, str) for one in references):
        return problem(400, 3, "Invalid input assets")
    found: list[Asset] = []
    for one in references:
        asset = visit.world.library.input_asset(one, visit.owner.id)
        if asset is None or not asset.mime.startswith("image/"):
            return problem(400, 3, f"Invalid input asset: {one}")
        found.append(asset)
    if len(found) > MOST_REFERENCES:
        return problem(400, 3, f"Too many input assets: at most {MOST_REFERENCES}")
    return found


def _nearest_ratio(asset: Asset, resolution: str) -> str:
    sizes = SIZES.get(resolution, SIZES["480p"])
    wanted = asset.width / max(1, asset.height)
    return min(sizes, key=lambda ratio: abs(sizes[ratio][0] / sizes[ratio][1] - wanted))


def _read_g2(visit: Visit, kind: str, given: dict[str, Any]) -> VideoOrder | ImageOrder | Reply:
    body = visit.json
    if kind not in VIDEO_KINDS + IMAGE_KINDS:
        return unknown_field(kind or "mediaGenInput")
    if extra := sorted(set(given) - MEDIA_KEYS):
        return unknown_field(extra[0])
    if body.get("kind", IMAGINE) != IMAGINE:
        return problem(400, 3, "Invalid value for enum field kind")
    wanted = {"textToVideo": False, "textToImage": False}.get(kind, True)
    inputs = _inputs(visit, given.get("inputAssets") or [])
    if isinstance(inputs, Reply):
        return inputs
    if wanted != bool(inputs):
        return problem(400, 3, "inputAssets are required" if wanted else "inputAssets are not allowed")
    prompt = str(given.get("prompt") or "")
    if not prompt and not inputs:
        return problem(400, 3, "prompt is required")
    _, mode = split_message(str(body.get("message") or ""))
    if kind in IMAGE_KINDS:
        count = int(given.get("numOfImages") or 2)
        return ImageOrder(
            prompt,
            "g2",
            count,
            str(given.get("aspectRatio") or "1:1"),
            inputs,
            {kind: given},
            given.get("mode") == "quality",
        )
    if body.get("modelName") != "imagine-video-gen":
        return problem(400, 3, f"Invalid model for {kind}")
    resolution = str(given.get("resolutionName") or "480p")
    seconds = given.get("duration", 6)
    return VideoOrder(
        prompt,
        "g2",
        mode=str(given.get("mode") or mode or "custom"),
        ratio=str(given.get("aspectRatio") or (_nearest_ratio(inputs[0], resolution) if inputs else "16:9")),
        seconds=seconds if isinstance(seconds, int | float) else 6,
        asked_seconds=seconds,
        resolution=resolution,
        inputs=inputs,
        media_gen_input={kind: given | {"modelName": "imagine-video-gen"}},
    )


def _read_g1_video(visit: Visit, decoy: bool) -> VideoOrder | Reply:
    config = _model_map(visit.json).get("videoGenModelConfig") or {}
    library, owner = visit.world.library, visit.owner
    parent = library.posts.get(str(config.get("parentPostId", "")))
    if parent is None or parent.owner != owner.id:
        return problem(400, 3, "Invalid source post id")
    prompt, mode = split_message(str(visit.json.get("message") or ""))
    inputs: list[Asset] = []
    if parent.media_type.endswith("IMAGE") and (source := library.input_asset(parent.media_url, owner.id)):
        inputs.append(source)
    if config.get("isReferenceToVideo"):
        references = _inputs(visit, config.get("imageReferences") or [])
        if isinstance(references, Reply):
            return references
        inputs = references
    seconds = config.get("videoLength", 6)
    order = VideoOrder(
        prompt,
        "g1",
        mode=mode or "custom",
        ratio=str(config.get("aspectRatio") or "16:9"),
        seconds=seconds if isinstance(seconds, int | float) else 6,
        asked_seconds=seconds,
        resolution=str(config.get("resolutionName") or "480p"),
        inputs=inputs,
        parent_post=parent.id,
        decoy=decoy,
    )
    if config.get("isVideoExtension"):
        extended = library.posts.get(str(config.get("extendPostId", "")))
        if extended is None or extended.owner != owner.id or not extended.media_url:
            return problem(400, 3, "Invalid source post id")
        order.extends = extended.id
        order.extend_from = float(config.get("videoExtensionStartTime") or 0)
        order.prompt = prompt or str(config.get("originalPrompt") or "")
    return order


def _read_g1_edit(visit: Visit, decoy: bool) -> ImageOrder | Reply:
    config = _model_map(visit.json).get("imageEditModelConfig") or {}
    inputs = _inputs(visit, config.get("imageReferences") or [])
    if isinstance(inputs, Reply):
        return inputs
    if not inputs:
        return problem(400, 3, "imageReferences are required")
    prompt, _ = split_message(str(visit.json.get("message") or ""))
    return ImageOrder(prompt, "g1", 2, str(config.get("aspectRatio") or "1:1"), inputs, decoy=decoy)


def _read_chat(visit: Visit) -> ChatOrder | Reply:
    body, script = visit.json, visit.script
    if not visit.prompt and not body.get("fileAttachments"):
        return problem(400, 3, "message is required")
    attachments = []
    for one in [*(body.get("fileAttachments") or []), *(body.get("imageAttachments") or [])]:
        asset = visit.world.library.input_asset(str(one), visit.owner.id)
        if asset is None:
            return problem(400, 3, f"Invalid attachment: {one}")
        attachments.append(asset)
    model = str(body.get("modeId") or body.get("modelMode") or body.get("modelName") or "auto")
    named = " ".join(str(body.get(key) or "") for key in ("modeId", "modelMode", "modelName")).lower()
    draws = int(script.number("draw", 1)) if "draw" in script else 1 if "draw-cards" in script else 0
    if not draws and body.get("enableImageGeneration") and DRAWS.match(visit.prompt):
        draws = int(body.get("imageGenerationCount") or 2)
    return ChatOrder(
        visit.prompt,
        model,
        attachments,
        thinks="thinking" in script or bool(body.get("isReasoning")) or "thinking" in named or "expert" in named,
        searches="web-search" in script,
        draws=draws,
    )
