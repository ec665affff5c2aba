"""Files through the browser: onto the disk and to the site, against curl, curl_cffi and Chromium by hand."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from base64 import b64encode
from pathlib import Path

from browser.transport import FilePart, Transport
from tests.bench.bare_browser import BareBrowser
from tests.bench.direct import Direct
from tests.bench.fast_site import Addresses
from tests.bench.figure import MB, Figure, at_least, at_most, figures


async def files(
    transport: Transport,
    direct: Direct,
    at: Addresses,
    *,
    folder: Path,
    mb: int = 30,
    times: int = 5,
    bare: BareBrowser | None = None,
) -> list[Figure]:
    """Download to disk against curl on the command line and against curl_cffi; time to the first byte; uploads.

    bare: the same by hand in the same browser, printed beside.
    """
    url = at.asset.format(mb=mb)
    taken: dict[str, list[float]] = {
        name: [] for name in ("page", "direct", "curl", "first", "form", "base64", "raw", "json")
    }
    if bare is not None:
        taken |= {"bare file": [], "bare first": [], "bare form": [], "bare base64": []}
    await transport.download(at.asset.format(mb=1), into=folder / "warm", limit_bytes=1024 * MB)
    if bare is not None:
        await bare.download(url)
    for number in range(times):
        # New files each time: to clear away an old one of this size takes ten milliseconds.
        into, with_curl, directly = (folder / f"{name}-{number}" for name in ("page", "curl", "direct"))
        began = time.perf_counter()
        saving = asyncio.create_task(transport.download(url, into=into, limit_bytes=1024 * MB))
        part = into.with_name(f"{into.name}.part")
        while not saving.done() and not (part.exists() and part.stat().st_size):
            await asyncio.sleep(0.002)
        taken["first"].append((time.perf_counter() - began) * 1000)
        await saving
        taken["page"].append(mb / (time.perf_counter() - began))
        began = time.perf_counter()
        await direct.save(url, directly)
        taken["direct"].append(mb / (time.perf_counter() - began))
        began = time.perf_counter()
        await direct.command(url, with_curl)
        await asyncio.to_thread(_settle, with_curl)  # a saved video is durable; so shall this one be
        taken["curl"].append(mb / (time.perf_counter() - began))
        for file in (into, with_curl, directly):
            file.unlink()
        if bare is not None:
            first_s, whole_s = await bare.download(url)
            taken["bare file"].append(mb / whole_s)
            taken["bare first"].append(first_s * 1000)
    path = folder / "upload.bin"
    path.write_bytes(bytes(range(256)) * (20 * MB // 256))
    part_of = FilePart(path, "upload.bin", "application/octet-stream")
    for number in range(times + 1):
        if number == 1:  # the first of each makes room for the others, in the browser and on the way
            for name in ("form", "base64", "raw", "json", "bare form", "bare base64"):
                taken.get(name, []).clear()
        began = time.perf_counter()
        await transport.upload(at.upload, file=part_of)
        taken["form"].append(20 / (time.perf_counter() - began))
        if bare is not None:
            taken["bare form"].append(20 / await bare.upload(path, at.upload))
            taken["bare base64"].append(20 / await bare.base64(path, at.upload))
        began = time.perf_counter()
        await transport.upload_base64(at.upload, file=part_of, key="content", json={"fileName": "a"})
        taken["base64"].append(20 / (time.perf_counter() - began))
        data = path.read_bytes()
        began = time.perf_counter()
        await direct.post(at.upload, data=data)
        taken["raw"].append(20 / (time.perf_counter() - began))
        began = time.perf_counter()
        await direct.post(at.upload, json={"fileName": "a", "content": b64encode(path.read_bytes()).decode()})
        taken["json"].append(20 / (time.perf_counter() - began))
    middle = {name: statistics.median(values) for name, values in taken.items()}
    alone: dict[str, float | None] = {name: middle.get(f"bare {name}") for name in ("file", "first", "form", "base64")}
    return [
        *figures(f"download {mb} MB, against curl and fsync", middle["page"], "MB/s", at_least(0.9), middle["curl"], alone["file"]),
        *figures(f"download {mb} MB, against curl_cffi", middle["page"], "MB/s", at_least(0.3), middle["direct"]),
        *figures("download, first byte on disk", middle["first"], "ms", at_most(70), by_hand=alone["first"]),
        *figures("upload 20 MB as a form", middle["form"], "MB/s", at_least(0.75), middle["raw"], alone["form"]),
        *figures("upload 20 MB as base64 JSON", middle["base64"], "MB/s", at_least(0.9), middle["json"], alone["base64"]),
    ]  # fmt: skip


def _settle(path: Path) -> None:
    """Make the file durable; the same for everybody, so that only the ways there differ."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
