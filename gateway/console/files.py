"""Styles, scripts and icons: read once, served under an address that holds the hash of them all, so that browsers keep them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from gateway.errors import NotFound

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
    ".png": "image/png", ".webmanifest": "application/manifest+json",
}  # fmt: skip
FOREVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """Every file by name; *version* changes whenever one of them does."""

    version: str
    content: dict[str, bytes]


@cache
def static_files() -> StaticFiles:
    content = {
        file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in TYPES and file.is_file()
    }
    digest = hashlib.sha256()
    for name, data in content.items():
        digest.update(name.encode() + b"\0" + data)
    return StaticFiles(digest.hexdigest()[:12], content)


def static(name: str) -> str:
    """The address of a file. Modules import each other by relative name and so stay within one version."""
    files = static_files()
    if name not in files.content:
        raise NotFound(f"There is no static file {name!r}.")
    return f"/console/static/{files.version}/{name}"


@router.get("/console/static/{version}/{name}")
async def serve(version: str, name: str) -> Response:
    """One file. Asked for under an old version, the browser is sent to the present one."""
    files = static_files()
    data = files.content.get(name)
    if data is None:
        raise NotFound("There is no such file.")
    if version != files.version:
        return RedirectResponse(static(name), status_code=307, headers={"cache-control": "no-cache"})
    return Response(data, media_type=TYPES[Path(name).suffix], headers={"cache-control": FOREVER})
