"""Request bodies, read after the caller is known: JSON, form or multipart, always as one mapping of names to values.

FastAPI would read a declared body before it asks for the key; fifty megabytes from a stranger are better not read at all.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect
from starlette.types import Message

from gateway.errors import ImageTooLarge, InvalidJson, InvalidRequest
from gateway.settings import Settings
from gateway.web.error_responses import invalid_fields

Model = TypeVar("Model", bound=BaseModel)

MULTIPART = "multipart/form-data"
URLENCODED = "application/x-www-form-urlencoded"
MAX_FILES = 32
MAX_FIELDS = 200
#: More than any body without a picture in it needs.
SMALL_BYTES = 1024 * 1024
#: Of a body that is too large so much more is read, for so long (seconds), before it is refused.
DISCARDED_BYTES = 64 * 1024 * 1024
DISCARDING_S = 30.0
#: How the characters of `_UNSOUND` are written in JSON: a body without these need not be looked through.
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSOUND = re.compile("[\0\ud800-\udfff]")


def json_limit(settings: Settings) -> int:
    """Bytes of a JSON body that may hold the largest picture as base64."""
    return settings.max_image_bytes * 4 // 3 + SMALL_BYTES


def video_limit(settings: Settings) -> int:
    """Bytes of a body that may hold several pictures, whether as files or as base64."""
    return 2 * settings.max_image_bytes + json_limit(settings)


def content_type(request: Request) -> str:
    """The bare media type of the body, lower case; '' when the client says none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


@asynccontextmanager
async def body(request: Request, *, limit_bytes: int) -> AsyncIterator[Mapping[str, Any]]:
    """The fields of the body; files of a form are UploadFiles that live as long as the block.

    A name that comes several times holds a list. Fields that are null are left out, as if not sent. An empty body has no
    fields, whatever type it claims. Raises InvalidJson, InvalidRequest (damaged form), ImageTooLarge (over *limit_bytes*).
    """
    limited = Request(request.scope, _Counted(request, limit_bytes).receive)
    if content_type(request) != MULTIPART:
        data = await _read(limited)
        # curl -d says it sends a form; what begins with a brace is JSON all the same.
        if content_type(request) != URLENCODED or data.lstrip().startswith(b"{"):
            yield await asyncio.to_thread(_json_object, data) if len(data) > SMALL_BYTES // 4 else _json_object(data)
            return
    try:
        form = await limited.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=limit_bytes)
    except ClientDisconnect:
        raise InvalidRequest("The request ended before its body was complete.") from None
    except (HTTPException, MultiPartException) as exc:
        told = exc.detail if isinstance(exc, HTTPException) else exc.message
        raise InvalidRequest(f"The form cannot be read: {str(told).rstrip('.')}.") from exc
    try:
        fields: dict[str, Any] = {}
        for name in form:
            values = form.getlist(name)
            fields[name] = values[0] if len(values) == 1 else values
        _check_text(fields)
        yield fields
    finally:
        await form.close()


def parse(model: type[Model], fields: Mapping[str, Any]) -> Model:
    """Read *fields* as *model*. Raises InvalidRequest that names the first bad field."""
    try:
        return model.model_validate(fields)
    except ValidationError as exc:
        raise invalid_fields([dict(error) for error in exc.errors(include_url=False)]) from None


def uploaded(fields: Mapping[str, Any], *names: str) -> UploadFile:
    """Return the file sent under one of *names*. Raises InvalidRequest when there is none."""
    for name in names:
        value = fields.get(name)
        found = value[0] if isinstance(value, list) and value else value
        if isinstance(found, UploadFile):
            return found
    raise InvalidRequest(f"Send the file as multipart/form-data in the field '{names[0]}'.", param=names[0])


async def save(upload: UploadFile, place: Path, *, limit_bytes: int) -> None:
    """Copy an uploaded file to *place*. Raises ImageTooLarge."""
    if upload.size is not None and upload.size > limit_bytes:
        raise too_large(limit_bytes)
    await asyncio.to_thread(_copy, upload, place)


def safe_name(name: str | None) -> str | None:
    """The last part of a file name as it may be shown again and put in an address; None when nothing is left."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in last).strip("._")
    return kept[-100:] or None


def too_large(limit_bytes: int) -> ImageTooLarge:
    return ImageTooLarge(f"The file is too large: at most {limit_bytes // (1024 * 1024)} MB are taken.", param="file")


def _copy(upload: UploadFile, place: Path) -> None:
    upload.file.seek(0)
    with place.open("xb") as target:
        shutil.copyfileobj(upload.file, target, 1024 * 1024)


def _json_object(data: bytes) -> Mapping[str, Any]:
    if not data.strip():
        return {}
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidJson("The request body is not valid JSON.") from None
    if not isinstance(found, dict):
        raise InvalidJson("The request body must be a JSON object.")
    if _ESCAPED.search(data):
        _check_text(found)
    return {name: value for name, value in found.items() if value is not None}


def _check_text(value: Any) -> None:
    """Raise InvalidRequest when a text holds what no database keeps: a NUL, or half of a character."""
    match value:
        case dict():
            _check_text([*value.keys(), *value.values()])
        case list():
            for one in value:
                _check_text(one)
        case str() if _UNSOUND.search(value):
            raise InvalidRequest("A text in the request holds a NUL or half of a character (a lone surrogate).")


async def _read(request: Request) -> bytes:
    """The whole body; kept by the request, so that its form can still be read."""
    try:
        return await request.body()
    except ClientDisconnect:
        raise InvalidRequest("The request ended before its body was complete.") from None


class _Counted:
    """Passes a body on, up to a limit; a declared length is believed only when it is too large.

    What is too large is read on for a while and thrown away: a client that still sends does not hear an answer, it only sees
    its connection break.
    """

    def __init__(self, request: Request, limit_bytes: int) -> None:
        self._receive = request.receive
        self._left = self._limit = limit_bytes
        declared = request.headers.get("content-length", "")
        self._declared = int(declared) if declared.isdecimal() else 0

    async def receive(self) -> Message:
        if self._declared > self._limit:
            await self._refuse(self._declared)
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            await self._refuse(0)
        return message

    async def _refuse(self, coming_bytes: int) -> NoReturn:
        """Raise ImageTooLarge, when the client can hear it. coming_bytes: as many are known to come, 0 when unknown."""
        left = DISCARDED_BYTES + (self._limit if coming_bytes else 0)
        more = coming_bytes <= left
        with suppress(TimeoutError):
            async with asyncio.timeout(DISCARDING_S):
                while more and left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    more = message.get("more_body", False)
        raise ImageTooLarge(
            f"The request is too large: at most {self._limit // (1024 * 1024)} MB are taken.", param="file"
        )
