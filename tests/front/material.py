"""Real files to test with, made on the spot: short H.264 clips and pictures."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image


def clip(path: Path, *, width: int = 320, height: int = 240, seconds: int = 2, fps: int = 12, look: int = 1) -> Path:
    """Write an MP4 whose picture moves; another *look* is another picture."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "28", "threads": "1"}
        for number in range(seconds * fps):
            frame = av.VideoFrame(width, height, "yuv420p")
            for index, plane in enumerate(frame.planes):
                row = bytes(
                    (x * look + number * 3) & 0xFF if index == 0 else 100 + look for x in range(plane.line_size)
                )
                plane.update(row * plane.height)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def remuxed(source: Path, target: Path) -> Path:
    """Write the same pictures into another file, index first and with other bytes."""
    options = {"movflags": "faststart", "brand": "mp42"}
    with (
        av.open(str(source)) as old,
        av.open(str(target), "w", format="mp4", options=options) as new,
    ):
        new.metadata["comment"] = "copied"
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    return target


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48), **options: object) -> bytes:
    """Encode a small picture with some detail in it."""
    image = Image.effect_noise(size, 60).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
