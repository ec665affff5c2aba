"""Single pictures out of a video. Blocks; meant for ``asyncio.to_thread``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import av.error

from gateway.errors import InvalidMedia

#: The end is looked for from here on (seconds before it): decoding begins at the key frame before that.
TAIL_S = 1.0
QUALITY = 95


def last_frame(path: Path, *, limit_s: float = 30.0) -> bytes:
    """Return the last picture of the video at *path* as a JPEG of its full size. Raises InvalidMedia."""
    try:
        with av.open(str(path), mode="r", timeout=limit_s) as container:
            frame = _last(container)
    except (av.error.FFmpegError, ValueError, IndexError, OSError, EOFError) as exc:
        raise InvalidMedia("The video's last picture cannot be read.") from exc
    if frame is None:
        raise InvalidMedia("The video holds no picture.")
    buffer = io.BytesIO()
    frame.to_image().save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _last(container: Any) -> Any:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    if container.duration:
        container.seek(max(0, int(container.duration - TAIL_S * av.time_base)))
    frame = None
    for frame in container.decode(stream):  # noqa: B007 - the last one is what is wanted
        pass
    return frame
