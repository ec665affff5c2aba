"""``mediaGenInput`` as the site repeats it in turns and assets (captured 2026-08-23): what a picture or video was made from."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.grok.wire.fields import Json, integer, mapping, text, texts


@dataclass(frozen=True, slots=True)
class Echo:
    """What the site says it was asked; empty fields were not echoed. duration in seconds."""

    kind: str = ""
    prompt: str = ""
    inputs: tuple[str, ...] = ()
    aspect_ratio: str = ""
    duration: int | None = None
    resolution: str = ""
    model: str = ""


def read_echo(value: Json) -> Echo:
    """Read the ``mediaGenInput`` of a turn or an asset; empty when there is none."""
    for kind, given in mapping(value, "mediaGenInput").items():
        if isinstance(given, dict):
            return Echo(
                kind=kind,
                prompt=text(given, "prompt"),
                inputs=tuple(texts(given, "inputAssets")),
                aspect_ratio=text(given, "aspectRatio"),
                duration=integer(given, "duration", "videoLength"),
                resolution=text(given, "resolutionName"),
                model=text(given, "modelName"),
            )
    return Echo()
