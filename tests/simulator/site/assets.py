"""The two origins of files: `assets.grok.com` for owners only, `imagine-public.x.ai` for all."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from email.utils import formatdate

from tests.simulator.state.library import Asset
from tests.simulator.wire.exchange import Headers

from .routes import ASSETS, PUBLIC, routes
from .stream import break_off
from .visit import Reply, Visit, problem, reply_html

RANGE = re.compile(r"bytes=(\d*)-(\d*)")
ORIGIN = "https://grok.com"


@routes.add("GET", "/{key:path}", "asset_get", host=ASSETS, login=False, cleared=False)
async def owned(visit: Visit) -> Reply | None:
    """403 without the owner's cookies, whatever the name; so names tell nothing to strangers."""
    key = visit.params["key"]
    visit.entry.params = {"key": key}
    asset = visit.world.library.by_key.get(key)
    if asset is None or asset.deleted:
        return _with_cors(visit, problem(404 if visit.signed_in else 403, 5, "Not found"))
    visit.entry.params |= {"asset_id": asset.id}
    if not visit.signed_in or visit.account is None or visit.account.id != asset.owner:
        return _with_cors(visit, problem(403, 7, "Forbidden"))
    return await _serve(visit, asset)


@routes.add("GET", "/imagine-public/images/{name}", "asset_get", host=PUBLIC, login=False, cleared=False)
async def public(visit: Visit) -> Reply | None:
    asset = visit.world.library.by_key.get(visit.params["name"])
    visit.entry.params = {"key": visit.request.path}
    if asset is None or not asset.public:
        return problem(404, 5, "Not found")
    return await _serve(visit, asset)


def _cors(visit: Visit) -> Headers:
    if not visit.world.settings.assets_cors or visit.request.headers.get("origin") != ORIGIN:
        return {}
    return {"access-control-allow-origin": ORIGIN, "access-control-allow-credentials": "true", "vary": "origin"}


def _with_cors(visit: Visit, reply: Reply) -> Reply:
    reply.headers |= _cors(visit)
    return reply


def _misbehaves(visit: Visit, asset: Asset) -> Reply | None:
    behaviour, script = asset.behaviour, visit.script
    if behaviour.forbidden or "asset-403" in script:
        return problem(403, 7, "Forbidden")
    if behaviour.missing or "asset-missing" in script or "asset-late" in script:
        return problem(404, 5, "Not found")
    if behaviour.late > 0:
        behaviour.late -= 1
        return problem(404, 5, "Not found")
    if behaviour.html or "asset-html" in script:
        return reply_html("<html><body>Something went wrong.</body></html>")
    return None


def _range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte + 1 of a single range; None if it cannot be satisfied. Lists of ranges get the whole file."""
    match = RANGE.fullmatch(header.strip())
    if match is None or match[0] == "bytes=-":
        return 0, size
    first, last = match[1], match[2]
    if not first:
        return max(0, size - int(last)), size
    if int(first) >= size:
        return None
    return int(first), min(size, int(last) + 1) if last else size


async def _serve(visit: Visit, asset: Asset) -> Reply | None:
    if (bad := _misbehaves(visit, asset)) is not None:
        return _with_cors(visit, bad)
    content = await asset.content()
    headers: Headers = {
        "content-type": asset.mime,
        "accept-ranges": "bytes",
        "last-modified": formatdate(asset.created, usegmt=True),
    }
    if visit.world.settings.assets_cache:
        tag = hashlib.sha256(asset.id.encode() + len(content).to_bytes(8, "big")).hexdigest()[:32]
        headers |= {"etag": f'"{tag}"', "cache-control": "private, max-age=3600"}
    headers |= _cors(visit)
    status, body = 200, memoryview(content)
    if wanted := visit.request.headers.get("range"):
        span = _range(wanted, len(content))
        if span is None:
            return Reply(416, b"", headers | {"content-range": f"bytes */{len(content)}"})
        if span != (0, len(content)) or wanted.strip().startswith("bytes=0-"):
            status, body = 206, body[span[0] : span[1]]
            headers["content-range"] = f"bytes {span[0]}-{span[1] - 1}/{len(content)}"
    headers["content-length"] = str(len(body))
    if visit.request.method == "HEAD":
        return Reply(status, b"", headers)
    await _send(visit, asset, status, headers, body)
    return None


async def _send(visit: Visit, asset: Asset, status: int, headers: Headers, body: memoryview) -> None:
    behaviour, script, exchange = asset.behaviour, visit.script, visit.exchange
    await visit.start(status, headers)
    cut_after = int(script.number("asset-cut", 65536)) if "asset-cut" in script else behaviour.cut_after
    if cut_after and cut_after < len(body):
        behaviour.cut_after = 0
        await exchange.write(body[:cut_after])
        break_off(visit, "reset")
        return
    pace = script.number("asset-slow", 200_000) if "asset-slow" in script else behaviour.bytes_per_s
    if not pace:
        await exchange.write(body)
    else:
        step, begun = max(1024, int(pace / 20)), time.monotonic()
        for offset in range(0, len(body), step):
            await exchange.write(body[offset : offset + step])
            await asyncio.sleep(max(0.0, begun + (offset + step) / pace - time.monotonic()))
    await exchange.finish()
