"""What a file really is, told from its bytes: videos with FFmpeg (PyAV), pictures with Pillow.

Everything here blocks and is meant for ``asyncio.to_thread``; the time limits are kept inside, so that no thread outlives
its caller for long. Nothing is believed that the sender said about the file.
"""

from __future__ import annotations

import hashlib
import io
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
from PIL import ExifTags, Image, UnidentifiedImageError

from gateway.errors import ImageTooLarge, InvalidImage, InvalidMedia

FINGERPRINT_FRAMES = 60
THUMBNAIL_WIDTH = 640
THUMBNAIL_QUALITY = 80
MAX_FRAME_PIXELS = 7680 * 4320
MAX_IMAGE_PIXELS = 50_000_000
MIN_IMAGE_SIDE = 8

#: How far the last frame may stand before the promised end (seconds): containers round, encoders drop a frame.
END_SLACK_S = 0.75

#: Pillow's name of a format → (media type, suffix). MPO is what phones call a JPEG with a second picture inside.
IMAGE_TYPES = {
    "PNG": ("image/png", ".png"),
    "JPEG": ("image/jpeg", ".jpg"),
    "MPO": ("image/jpeg", ".jpg"),
    "WEBP": ("image/webp", ".webp"),
}


#: How a phone's HEIC says that it is one.
HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
#: EXIF orientations that turn a picture by a quarter: its sides change places.
_TURNED = frozenset({5, 6, 7, 8})


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a video file holds. Pixels and seconds.

    fingerprint: SHA-256 (hex) of the decoded luma of the first frames: the same picture in another container gives the
    same value, another picture never does. thumbnail_jpeg: the frame a third of the way in.
    """

    width: int
    height: int
    duration_s: float
    codec: str
    fingerprint: str
    thumbnail_jpeg: bytes


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a picture file holds. Pixels and bytes; *suffix* with its dot."""

    media_type: str
    suffix: str
    width: int
    height: int
    size_bytes: int


def inspect_video(path: Path, *, limit_s: float = 30.0) -> VideoFacts:
    """Decode the start of the MP4 at *path* and read through the rest.

    limit_s: for the whole look, checked at every frame. Raises InvalidMedia with a sentence when the file is not an MP4
    with a decodable video track, ends before its own index says, or takes too long.
    """
    deadline = time.monotonic() + limit_s
    try:
        with av.open(str(path), mode="r", timeout=limit_s) as container:
            return _facts_of(container, path, deadline)
    except (av.error.FFmpegError, ValueError, IndexError, OSError, EOFError) as exc:
        raise InvalidMedia(f"The file is not a playable video: {_in_words(exc)}.") from exc


def _check_boxes(path: Path) -> None:
    """Walk the outermost boxes of an MP4: the last one must end with the file. Decoders are too forgiving about that."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        while position < size_bytes:
            file.seek(position)
            head = file.read(16).ljust(16, b"\0")
            length = int.from_bytes(head[:4])
            if length == 1:
                length = int.from_bytes(head[8:])
            if length == 0:
                return  # reaches to the end, however far that is
            if length < 8 or position + length > size_bytes:
                raise InvalidMedia("The video file is incomplete: it ends in the middle of a part.")
            position += length


def _facts_of(container: Any, path: Path, deadline: float) -> VideoFacts:
    if "mp4" not in container.format.name.split(","):
        raise InvalidMedia(f"The file is {container.format.long_name}, not MP4.")
    _check_boxes(path)
    if not container.streams.video:
        raise InvalidMedia("The file has no video track.")
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    width, height = stream.codec_context.width, stream.codec_context.height
    if width <= 0 or height <= 0 or width * height > MAX_FRAME_PIXELS:
        raise InvalidMedia(f"The video says it is {width}x{height} pixels.")
    duration_s = _duration_s(container, stream)
    digest = hashlib.sha256(f"{width}x{height}".encode())
    thumbnail: Any = None
    end_s = 0.0
    decoded = 0
    for packet in container.demux(stream):
        _check(deadline)
        if packet.pts is not None and packet.time_base is not None:
            end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if decoded >= FINGERPRINT_FRAMES and thumbnail is not None and thumbnail.time * 3 >= duration_s:
            continue  # enough pictures; the rest is only read to see that it is there
        for frame in packet.decode():
            decoded += 1
            if decoded <= FINGERPRINT_FRAMES:
                _hash_luma(frame, digest)
            if thumbnail is None or (thumbnail.time or 0.0) * 3 < duration_s:
                thumbnail = frame
    if thumbnail is None:
        raise InvalidMedia("The video track holds no picture.")
    start_s = float((stream.start_time or 0) * stream.time_base)
    if end_s - start_s < duration_s - END_SLACK_S:
        raise InvalidMedia(f"The video stops at {end_s - start_s:.1f} s of {duration_s:.1f} s: the file is incomplete.")
    return VideoFacts(
        width=width,
        height=height,
        duration_s=round(duration_s, 3),
        codec=stream.codec_context.name,
        fingerprint=digest.hexdigest(),
        thumbnail_jpeg=_jpeg(thumbnail),
    )


def _duration_s(container: Any, stream: Any) -> float:
    if stream.duration and stream.time_base:
        found = float(stream.duration * stream.time_base)
    elif container.duration:
        found = container.duration / av.time_base
    else:
        raise InvalidMedia("The video does not say how long it is.")
    if not math.isfinite(found) or found <= 0:
        raise InvalidMedia("The video has no length.")
    return found


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise InvalidMedia("Reading the video took too long.")


def _hash_luma(frame: Any, digest: Any) -> None:
    """Add the frame's brightness, without the padding that decoders keep at the end of each line."""
    if not frame.format.name.startswith(("yuv", "nv", "gray")):
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    for line in _lines(memoryview(plane), stride=plane.line_size, used=plane.width * _bytes_per_sample(frame)):
        digest.update(line)


def _bytes_per_sample(frame: Any) -> int:
    return 1 if frame.format.components[0].bits <= 8 else 2


def _lines(data: memoryview, *, stride: int, used: int) -> Iterator[memoryview]:
    if stride == used:
        yield data
        return
    for start in range(0, len(data), stride):
        yield data[start : start + used]


def _jpeg(frame: Any) -> bytes:
    width = min(THUMBNAIL_WIDTH, frame.width)
    height = max(2, round(frame.height * width / frame.width))
    picture = frame.reformat(width=width, height=height, format="rgb24").to_image()
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY)
    return buffer.getvalue()


def _in_words(exc: Exception) -> str:
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return str(text).rstrip(".")


def inspect_image(source: bytes | Path) -> ImageFacts:
    """Tell what picture *source* is by decoding it whole.

    Raises ImageTooLarge (pixels) or InvalidImage: another format, truncated, damaged, tiny.
    """
    size_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size_bytes == 0:
        raise InvalidImage("The image is empty.")
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            return _image_facts(picture, size_bytes)
    except Image.DecompressionBombError as exc:
        raise ImageTooLarge(f"The image has more than {MAX_IMAGE_PIXELS // 1_000_000} million pixels.") from exc
    except UnidentifiedImageError as exc:
        raise InvalidImage(_unreadable(source)) from exc
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as exc:
        raise InvalidImage(f"The image is damaged or incomplete: {_in_words(exc)}.") from exc


def picture_fingerprint(path: Path) -> str:
    """SHA-256 (hex) of what is to be seen in the picture at *path*, whatever its file is like. Blocks."""
    with Image.open(path) as picture:
        seen = picture.convert("RGB")
    return hashlib.sha256(f"{seen.width}x{seen.height}".encode() + seen.tobytes()).hexdigest()


def _unreadable(source: bytes | Path) -> str:
    """What to say of a file that is none of the pictures that can be read."""
    if isinstance(source, bytes):
        head = source[:256]
    else:
        with source.open("rb") as file:
            head = file.read(256)
    what = "The file is not an image that can be read"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        what = "HEIC images cannot be read here"
    elif b"<svg" in head.lower():
        what = "SVG images are drawings and not taken"
    return f"{what}; send PNG, JPEG or WebP."


def _image_facts(picture: Image.Image, size_bytes: int) -> ImageFacts:
    kind = picture.format or ""
    if kind not in IMAGE_TYPES:
        raise InvalidImage(f"{kind or 'This'} images are not taken; send PNG, JPEG or WebP.")
    width, height = picture.size
    if width * height > MAX_IMAGE_PIXELS:
        raise ImageTooLarge(
            f"The image is {width}x{height}; at most {MAX_IMAGE_PIXELS // 1_000_000} million pixels are taken."
        )
    if min(width, height) < MIN_IMAGE_SIDE:
        raise InvalidImage(f"The image is only {width}x{height} pixels.")
    if picture.getexif().get(ExifTags.Base.Orientation) in _TURNED:
        width, height = height, width  # as it is looked at: a phone held upright writes it lying
    picture.draft("RGB", (max(1, width // 8), max(1, height // 8)))  # JPEG: all bytes are read, few pixels are made
    picture.load()
    media_type, suffix = IMAGE_TYPES[kind]
    return ImageFacts(media_type=media_type, suffix=suffix, width=width, height=height, size_bytes=size_bytes)
