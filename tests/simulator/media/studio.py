"""Makes films and pictures in a thread of its own, and keeps those that can be used again."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from PIL import Image

from .film import encode, padded, with_free_box
from .scene import DECOY, Scene

Result = TypeVar("Result")
SHARED = "shared"


@lru_cache(maxsize=32)
def _film(size: tuple[int, int], seconds: float, prompt: str, seed: str) -> bytes:
    return encode(Scene(size, prompt, seed), seconds)


def _open(pictures: list[bytes]) -> list[Image.Image]:
    return [Image.open(io.BytesIO(one)) for one in pictures]


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality)
    return target.getvalue()


class Studio:
    """`pictures` says what a film depends on: the asset, the prompt, or nothing but its size and duration."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="studio")

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def film(
        self,
        size: tuple[int, int],
        seconds: float,
        *,
        prompt: str,
        asset: str,
        pictures: str,
        inputs: list[bytes],
        decoy: bool,
        pad_to: int,
    ) -> bytes:
        def work() -> bytes:
            if decoy:
                made = with_free_box(_film(size, seconds, DECOY, SHARED), asset.encode())
            elif pictures == "one":
                made = with_free_box(_film(size, seconds, "a calm valley", SHARED), asset.encode())
            elif inputs:
                made = encode(Scene(size, prompt, asset, _open(inputs)), seconds)
            elif pictures == "prompt":
                made = with_free_box(_film(size, seconds, prompt, SHARED), asset.encode())
            else:
                made = encode(Scene(size, prompt, asset), seconds)
            return padded(made, pad_to)

        return await self._run(work)

    async def still(
        self,
        size: tuple[int, int],
        *,
        prompt: str,
        asset: str,
        inputs: list[bytes] | None = None,
        decoy: bool = False,
        quality: int = 88,
        at: float = 0.5,
        kind: str = "JPEG",
    ) -> bytes:
        def work() -> bytes:
            opened = _open(inputs or [])
            scene = Scene(size, DECOY, SHARED) if decoy else Scene(size, prompt, asset, opened)
            picture = scene.picture(at)
            if kind == "JPEG":
                return _jpeg(picture, quality)
            target = io.BytesIO()
            picture.save(target, kind, compress_level=1)
            return target.getvalue()

        return await self._run(work)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
