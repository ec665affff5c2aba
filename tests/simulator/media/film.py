"""H.264 in MP4, of the size and duration asked for."""

from __future__ import annotations

import os
import struct
import tempfile
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

from .scene import Scene

FRAMES_PER_SECOND = 24
STUDIO_RANGE = [round(16 + level * 219 / 255) for level in range(256)]

SIZES: dict[str, dict[str, tuple[int, int]]] = {
    "480p": {
        "16:9": (736, 400),
        "9:16": (400, 736),
        "1:1": (560, 560),
        "3:2": (688, 464),
        "2:3": (464, 688),
        "4:3": (640, 480),
        "3:4": (480, 640),
    },
    "720p": {
        "16:9": (1280, 720),
        "9:16": (720, 1280),
        "1:1": (960, 960),
        "3:2": (1168, 784),
        "2:3": (784, 1168),
        "4:3": (1120, 832),
        "3:4": (832, 1120),
    },
}


def frame_count(seconds: float) -> int:
    """One more than the round number, as the site's clips have: 10 s are 10.041667 s."""
    return int(seconds * FRAMES_PER_SECOND) + 1


def _fill(frame: av.VideoFrame, planes: tuple[Image.Image, ...]) -> None:
    for plane, picture in zip(frame.planes, planes, strict=True):
        data = picture.tobytes()
        if plane.line_size == picture.width:
            plane.update(data)
            continue
        padding = bytes(plane.line_size - picture.width)
        rows = (data[row : row + picture.width] + padding for row in range(0, len(data), picture.width))
        plane.update(b"".join(rows))


def encode(scene: Scene, seconds: float) -> bytes:
    """The scene as a film with its index in front, so that a player can start before all of it is there."""
    width, height = scene.size
    count = frame_count(seconds)
    handle, name = tempfile.mkstemp(suffix=".mp4")
    os.close(handle)
    path = Path(name)
    try:
        with av.open(name, "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.time_base = Fraction(1, FRAMES_PER_SECOND)
            stream.options = {"preset": "ultrafast", "crf": "26", "g": "48"}
            every = 1 if width * height < 400_000 else 2
            frame = av.VideoFrame(width, height, "yuv420p")
            for index in range(count):
                if index % every == 0:
                    frame = av.VideoFrame(width, height, "yuv420p")
                    luma, blue, red = scene.planes(index / count)
                    _fill(frame, (luma.point(STUDIO_RANGE), blue, red))
                frame.pts = index
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def with_free_box(film: bytes, content: bytes) -> bytes:
    """The same film with other bytes: a `free` box at the end, which every player skips."""
    return film + struct.pack(">I4s", len(content) + 8, b"free") + content


def padded(film: bytes, size: int) -> bytes:
    missing = size - len(film) - 8
    return with_free_box(film, bytes(missing)) if missing > 0 else film
