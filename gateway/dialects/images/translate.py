"""Between the image APIs and calls. Pure: bytes, addresses and times come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from starlette.datastructures import UploadFile

from gateway.calls.image_limits import AUTO, MAX_INPUTS, ratio_of
from gateway.calls.image_shapes import quality_of, ratio_for
from gateway.calls.model import CallNote, ImageRequest, PicturePreview, PictureRefused
from gateway.calls.tokens import PICTURE_TOKENS, estimate
from gateway.dialects.images.parameters import PICTURES
from gateway.dialects.images.protocol import ImageCreate
from gateway.errors import EmptyPrompt, GatewayError, InvalidRequest, SuspectOutput, UnsupportedParameter
from gateway.models import Model
from gateway.web.call_errors import to_error
from gateway.web.sse import Frame

DIALECT = "images"
#: Files an edit may send; the site takes fewer, and is named when more come.
MAX_FILES = 16
OUTPUT_FORMATS: Mapping[str, str] = {
    "png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "webp": "image/webp",
}  # fmt: skip
SUSPECT = "The site already returned this very picture for another prompt; it may not be what was asked for."
_FORMATS = {media_type: word for word, media_type in OUTPUT_FORMATS.items() if word != "jpg"}


class Wanted(StrEnum):
    """How pictures are handed over."""

    URL = "url"
    B64 = "b64_json"
    BASE64 = "base64"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Asked:
    """An image request as it is asked for. output: media type to convert to, None as it comes; previews: per picture at
    most, None for all."""

    request: ImageRequest
    wanted: Wanted
    stream: bool = False
    previews: int | None = None
    output: str | None = None
    compression: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A picture to show. data: its bytes as base64, where they are wanted. suspect: the site returned it before, for
    other words."""

    url: str
    data: str
    width: int
    height: int
    media_type: str
    prompt: str = ""
    suspect: bool = False


# -- in ----------------------------------------------------------------------------------------------------------------
def from_create(wire: ImageCreate, model: Model, *, key_id: str, inputs: int = 0, edits: bool = False) -> Asked:
    """Read a request; *inputs* pictures are to be edited. edits: asked for at their own path.

    Raises InvalidRequest, EmptyPrompt, UnsupportedParameter.
    """
    if not wire.prompt.strip():
        raise EmptyPrompt("Prompt cannot be empty", param="prompt")
    quality = quality_of(wire.quality, "quality" if model.mode == "quality" else "speed")
    request = ImageRequest(
        prompt=wire.prompt.strip(),
        count=1 if wire.n is None else wire.n,
        aspect_ratio=ratio_for(
            wire.size, wire.aspect_ratio, "quality" if inputs else quality, usual=AUTO if inputs else "1:1"
        ),
        quality=quality,
        images=("",) * inputs,
        key_id=key_id,
        note=CallNote(DIALECT, model.id),
    )
    return Asked(
        request=request,
        wanted=wanted(wire.response_format, wire.model, edit=edits),
        stream=bool(wire.stream),
        previews=wire.partial_images,
        output=_output(wire.output_format),
        compression=wire.output_compression,
    )


def wanted(response_format: str | None, model: str, *, edit: bool) -> Wanted:
    """C9. Said outright, that field and no other. Else the model's name or the path decides. Raises InvalidRequest."""
    if response_format is not None:
        word = response_format.strip().lower()
        if word not in {Wanted.URL, Wanted.B64, Wanted.BASE64}:
            raise InvalidRequest(
                f"Invalid value for 'response_format': {response_format!r}. Supported values are: url, b64_json, base64.",
                param="response_format",
            )
        return Wanted(word)
    if model.lower().startswith(("gpt-image", "chatgpt-image")):
        return Wanted.B64
    return Wanted.BOTH if edit else Wanted.URL


def pictures_of(fields: Mapping[str, Any], *, needed: bool = True) -> list[tuple[str | UploadFile, str]]:
    """The pictures to edit, each with the name of its field: files, addresses, ids, or objects with one of those (C8).

    Raises InvalidRequest (none where one is *needed*, or more than may be sent), UnsupportedParameter (more than the site takes).
    """
    found = [(picture, name) for name in PICTURES for picture in _pictures(fields.get(name), name)]
    if needed and not found:
        raise InvalidRequest("Missing required parameter: 'image'.", param="image")
    if len(found) > MAX_FILES:
        raise InvalidRequest(f"{MAX_FILES} pictures can be sent at most, not {len(found)}.", param="image")
    if len(found) > MAX_INPUTS:
        raise UnsupportedParameter(
            f"The site edits {MAX_INPUTS} pictures at once at most, not {len(found)}.", param="image"
        )
    return found


def _pictures(value: Any, name: str) -> Iterator[str | UploadFile]:
    match value:
        case list():
            for entry in value:
                yield from _pictures(entry, name)
        case UploadFile():
            yield value
        case str() if value.strip():
            yield value
        case dict():
            inner = value.get("url") or value.get("image_url") or value.get("file_id")
            yield from _pictures(inner, name)
        case None | "":
            return
        case _:
            raise InvalidRequest(f"'{name}' is a file, an address, or an object with a 'url'.", param=name)


def _output(value: str | None) -> str | None:
    if value is None:
        return None
    if value.lower() not in OUTPUT_FORMATS:
        raise InvalidRequest(
            f"Invalid value for 'output_format': {value!r}. Supported values are: png, jpeg, webp.",
            param="output_format",
        )
    return OUTPUT_FORMATS[value.lower()]


# -- out ---------------------------------------------------------------------------------------------------------------
def to_images(asked: Asked, made: Sequence[Made], refused: Sequence[PictureRefused], *, created: int) -> dict[str, Any]:
    """Show what was made. What is missing is said in ``warnings``."""
    shown = {"created": created, "data": [_item(picture, asked.wanted) for picture in made], **_about(asked, made)}
    if refused:
        shown["partial"] = True
    warnings = [{"index": refusal.index, "code": refusal.code, "message": refusal.reason} for refusal in refused]
    warnings += [
        {"index": at, "code": SuspectOutput.code, "message": SUSPECT}
        for at, picture in enumerate(made)
        if picture.suspect
    ]
    return shown | ({"warnings": warnings} if warnings else {})


def to_preview(asked: Asked, preview: PicturePreview, *, number: int, data: str, created: int, action: str) -> Frame:
    """One preview; *number* counts those of its picture, *data* is base64. Both APIs' fields in one (C10)."""
    name = f"{action}.partial_image"
    said = {
        "type": name,
        "index": preview.index,
        "partial_image_index": number,
        "b64_json": data,
        "created_at": created,
        "size": _size(asked, None),
        "quality": _quality(asked),
        "background": "opaque",
        "output_format": _FORMATS.get(preview.media_type, "jpeg"),
        "progress": preview.percent,
    }
    return Frame(said, event=name)


def to_completed(
    asked: Asked, made: Sequence[Made], refused: Sequence[PictureRefused], *, created: int, action: str
) -> list[Frame]:
    """The end of a stream: an event for each picture, each with all of them (C10).

    Only the last one carries all of several pictures as base64: in every one they would be sent *n* times.
    """
    whole = to_images(asked, made, refused, created=created)
    heavy = asked.wanted is not Wanted.URL and len(made) > 1
    frames, name = [], f"{action}.completed"
    for index, picture in enumerate(made):
        last = index == len(made) - 1
        said = {
            "type": name,
            "index": index,
            "b64_json": picture.data,
            "created_at": created,
            **whole,
            "data": whole["data"] if last or not heavy else [whole["data"][index]],
        }
        frames.append(Frame(said, event=name))
    return frames


def tell(exc: GatewayError) -> list[Frame]:
    return [Frame(to_error(exc).body, event="error")]


def _item(picture: Made, wanted: Wanted) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if wanted in {Wanted.URL, Wanted.BOTH}:
        item["url"] = picture.url
    if wanted is not Wanted.URL:
        item["b64_json"] = picture.data
    if wanted is Wanted.BASE64:
        item["base64"] = picture.data
    if picture.prompt:
        item["revised_prompt"] = picture.prompt
    return item | {
        "mime_type": picture.media_type,
        "respect_moderation": True,
        "width": picture.width,
        "height": picture.height,
    }


def _about(asked: Asked, made: Sequence[Made]) -> dict[str, Any]:
    ratio = asked.request.aspect_ratio
    return {
        "size": _size(asked, made[0] if made else None),
        "quality": _quality(asked),
        "output_format": _FORMATS.get(made[0].media_type, "jpeg") if made else "jpeg",
        "background": "opaque",
        **({} if ratio == AUTO else {"aspect_ratio": ratio}),
        "usage": to_usage(asked),
    }


def to_usage(asked: Asked) -> dict[str, Any]:
    """Words and pictures that went in, estimated; pictures that came out are not counted in tokens."""
    text, pictures = estimate(asked.request.prompt), PICTURE_TOKENS * len(asked.request.images)
    return {
        "total_tokens": text + pictures,
        "input_tokens": text + pictures,
        "output_tokens": 0,
        "input_tokens_details": {"text_tokens": text, "image_tokens": pictures},
        "cost_in_usd_ticks": 0,
        "estimated": True,
    }


def _size(asked: Asked, made: Made | None) -> str:
    """The effective size: of the first picture, or as its ratio lets expect."""
    if made is not None:
        return f"{made.width}x{made.height}"
    if asked.request.aspect_ratio == AUTO:
        return "auto"
    ratio = ratio_of(asked.request.aspect_ratio)
    width, height = (1024, round(1024 / ratio)) if ratio >= 1 else (round(1024 * ratio), 1024)
    return f"{width}x{height}"


def _quality(asked: Asked) -> str:
    return "high" if asked.request.quality == "quality" else "medium"
