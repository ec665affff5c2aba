"""Uploads, old (base64 in JSON) and current (multipart), and the list of assets."""

from __future__ import annotations

import base64
import binascii
import email.parser
import email.policy
import io
from typing import Any

from PIL import Image, UnidentifiedImageError

from tests.simulator.state.accounts import timestamp
from tests.simulator.state.library import Asset, new_id

from .refusals import antibot
from .routes import routes
from .visit import Reply, Visit, problem, reply_json

SOURCE = "IMAGINE_SELF_UPLOAD_FILE_SOURCE"


def _keep(visit: Visit, name: str, mime: str, content: bytes) -> Asset:
    owner, file_id = visit.owner.id, new_id()
    width = height = 0
    if mime.startswith("image/"):
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size

    async def make() -> bytes:
        return content

    asset = Asset(
        owner,
        f"users/{owner}/{file_id}/content",
        mime,
        name,
        make,
        id=file_id,
        width=width,
        height=height,
        generated=False,
    )
    visit.entry.params = {"fileName": name, "fileMimeType": mime, "size": len(content), "fileId": file_id}
    return visit.world.library.add_asset(asset)


def _metadata(asset: Asset) -> dict[str, Any]:
    return {
        "fileMetadataId": asset.id,
        "fileMimeType": asset.mime,
        "fileName": asset.name,
        "fileUri": asset.key,
        "parsedFileUri": "",
        "createTime": timestamp(asset.created),
        "fileSource": SOURCE,
    }


def _too_large(visit: Visit, mime: str, size: int) -> bool:
    return mime.startswith("image/") and size > visit.world.settings.max_image_bytes


@routes.add("POST", "/rest/app-chat/upload-file", "upload", protected=True)
async def upload_file(visit: Visit) -> Reply:
    name, mime = str(visit.json.get("fileName") or ""), str(visit.json.get("fileMimeType") or "")
    try:
        content = base64.b64decode(visit.json.get("content") or "", validate=True)
    except (binascii.Error, ValueError, TypeError):
        return problem(400, 3, "Invalid base64 content")
    if not name or not mime or not content:
        return problem(400, 3, "fileName, fileMimeType and content are required")
    if "upload-refused" in visit.script or len(content) > visit.world.settings.old_upload_limit:
        return antibot()
    try:
        return reply_json(_metadata(_keep(visit, name, mime, content)))
    except (UnidentifiedImageError, OSError):
        return problem(400, 3, "The image could not be read")


@routes.add("POST", "/http/upload-file-v2/direct", "upload", protected=True)
async def upload_direct(visit: Visit) -> Reply:
    fields = _multipart(visit.request.headers.get("content-type", ""), visit.raw)
    name, mime, content = fields.get("file", ("", "", b""))
    if not content:
        return problem(400, 3, "file is required")
    if "upload-refused" in visit.script:
        return reply_json({"terminalError": {"code": 13, "message": "The file could not be processed"}})
    if _too_large(visit, mime, len(content)):
        limit = str(visit.world.settings.max_image_bytes)
        return reply_json({"terminalError": {"attachmentImageTooLarge": {"maxSizeBytes": limit, "fileName": name}}})
    try:
        asset = _keep(visit, name, mime, content)
    except (UnidentifiedImageError, OSError):
        return reply_json({"terminalError": {"attachmentLoadFailed": {"fileName": name}}})
    visit.entry.params["file_source"] = fields.get("file_source", ("", "", b""))[2].decode("utf-8", "replace")
    return reply_json({"uploadId": new_id(), "fileMetadata": _metadata(asset)})


def _multipart(content_type: str, raw: bytes) -> dict[str, tuple[str, str, bytes]]:
    """Field name → (file name, type, bytes). The standard library's parser would decode the file; so it is cut by hand."""
    _, _, rest = content_type.partition("boundary=")
    boundary = rest.split(";")[0].strip().strip('"').encode()
    fields: dict[str, tuple[str, str, bytes]] = {}
    if not boundary:
        return fields
    for part in raw.split(b"--" + boundary)[1:-1]:
        head, _, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        parsed = email.parser.HeaderParser(policy=email.policy.HTTP).parsestr(head.decode("utf-8", "replace"))
        name = parsed.get_param("name", header="content-disposition")
        fields[str(name)] = (parsed.get_filename() or "", parsed.get_content_type(), body.removesuffix(b"\r\n"))
    return fields


@routes.add("GET", "/rest/assets", "list")
async def list_assets(visit: Visit) -> Reply:
    """Newest first; the page token is an offset."""
    size = min(int(visit.request.query.get("pageSize") or 40), 100)
    start = int(visit.request.query.get("pageToken") or 0)
    found = [
        asset for asset in visit.world.library.assets.values() if asset.owner == visit.owner.id and not asset.deleted
    ]
    found.sort(key=lambda asset: -asset.created)
    page = found[start : start + size]
    answer: dict[str, Any] = {"assets": [asset.as_listed() for asset in page]}
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return reply_json(answer)


@routes.add("DELETE", "/rest/assets-metadata/{id}", "delete")
async def delete_asset(visit: Visit) -> Reply:
    asset = visit.world.library.input_asset(visit.params["id"], visit.owner.id)
    if asset is None:
        return problem(404, 5, "Asset not found")
    asset.deleted = True
    return reply_json({})
