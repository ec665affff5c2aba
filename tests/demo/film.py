"""Does it play? Every frame is decoded, as a player would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av

from tests.demo.service import DemoFailed


@dataclass(frozen=True, slots=True)
class Film:
    width: int
    height: int
    frames: int
    seconds: float
    codec: str


def watch(path: Path) -> Film:
    """Decode the whole file. Raises DemoFailed when it is not a video."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            codec = stream.codec_context.name
            width, height, frames = stream.codec_context.width, stream.codec_context.height, 0
            end = 0.0
            for frame in container.decode(stream):
                frames += 1
                end = max(end, (frame.time or 0.0) + 1 / float(stream.average_rate or 24))
    except (av.FFmpegError, IndexError, OSError) as exc:
        raise DemoFailed(f"{path} does not play: {exc}") from exc
    return Film(width=width, height=height, frames=frames, seconds=end, codec=codec)
