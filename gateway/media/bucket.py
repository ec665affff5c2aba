"""A bucket of an S3-compatible store, seen as what the gateway needs of it: put, read, list, delete.

Errors of the store leave as FileMissing or MediaUnavailable; nothing else knows the library.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from gateway.errors import FileMissing, MediaUnavailable, StartRefused
from gateway.media.tail import TransferBroken
from gateway.settings import Settings

#: One request's worth, up. Stores want parts of 5 MB at least.
PIECE_BYTES = 8 * 1024 * 1024
#: One request's worth, down: what each client that reads takes of memory, however slowly it reads. A request is over before
#: its piece is sent on, so that no slow client holds one open.
READ_BYTES = 2 * 1024 * 1024
#: Pieces on their way at once for one upload: this times PIECE_BYTES is the memory it takes.
PIECES_AT_ONCE = 2
#: Some stores take no more names in one deletion.
DELETE_BATCH = 1000
REQUEST_TIMEOUT = timedelta(seconds=60)
CONNECT_TIMEOUT = timedelta(seconds=5)
#: The library's own repetitions; beyond these the task waits and is tried again.
RETRIES, RETRY_TIMEOUT = 3, timedelta(seconds=20)

#: What other S3 clients read, the more particular one first.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the store lists it; *key* without the prefix."""

    key: str
    size_bytes: int
    modified_at: datetime


def bucket_of(url: str) -> tuple[str, str]:
    """Return (bucket, prefix) of ``s3://bucket[/prefix]``. Raises StartRefused for anything else."""
    parts = urlsplit(url)
    prefix = unquote(parts.path).strip("/")
    strange = parts.scheme != "s3" or parts.query or parts.fragment or not _BUCKET.fullmatch(parts.netloc)
    if strange or any(word in {"", ".", ".."} for word in prefix.split("/") if prefix):
        raise StartRefused("GATEWAY_MEDIA_URL cannot be used: give s3://BUCKET or s3://BUCKET/PREFIX, without secrets")
    return parts.netloc, prefix


def endpoint_of(settings: Settings) -> str:
    """Return the store's address, '' for AWS's own. Raises StartRefused for one that no request could go to."""
    named = {"GATEWAY_S3_ENDPOINT": settings.s3_endpoint} | {name: os.environ.get(name, "") for name in _ENDPOINTS}
    for name, value in named.items():
        if not value:
            continue
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise StartRefused(f"The media store's address in {name} is none: give http://HOST:PORT or https://HOST.")
        return parts.geturl().rstrip("/")
    return ""


class Bucket:
    """One prefix of one bucket."""

    def __init__(self, store: S3Store, name: str) -> None:
        self._store = store
        self._name = name

    @classmethod
    def open(cls, settings: Settings) -> Bucket:
        """Return the bucket of *settings*; nothing is asked of it yet. Raises StartRefused."""
        bucket, prefix = bucket_of(settings.media_url)
        said: dict[str, Any] = {}
        if endpoint := endpoint_of(settings):
            said["endpoint"] = endpoint
        if bool(settings.s3_access_key_id) != (settings.s3_secret_access_key is not None):
            raise StartRefused(
                "GATEWAY_S3_ACCESS_KEY_ID and GATEWAY_S3_SECRET_ACCESS_KEY belong together: set both, or neither for the usual "
                "AWS_… variables."
            )
        if settings.s3_region:
            said["region"] = settings.s3_region
        if settings.s3_access_key_id:
            said["access_key_id"] = settings.s3_access_key_id
        if settings.s3_secret_access_key is not None:
            said["secret_access_key"] = settings.s3_secret_access_key.get_secret_value()
        try:
            store = S3Store(
                bucket,
                prefix=prefix or None,
                client_options={
                    "timeout": REQUEST_TIMEOUT,
                    "connect_timeout": CONNECT_TIMEOUT,
                    "allow_http": endpoint.startswith("http://"),
                },
                retry_config={"max_retries": RETRIES, "retry_timeout": RETRY_TIMEOUT},
                **said,
            )
        except (BaseError, ValueError) as exc:
            raise StartRefused(f"GATEWAY_MEDIA_URL and GATEWAY_S3_… cannot be used: {_in_words(exc)}") from exc
        return cls(store, f"s3://{bucket}/{prefix}".rstrip("/"))

    @property
    def name(self) -> str:
        """Bucket and prefix, without secrets."""
        return self._name

    async def put(self, key: str, file: Path, *, media_type: str) -> None:
        """Stream *file* into the store; it appears there only when it is whole."""
        with self._asking():
            await obstore.put_async(
                self._store,
                key,
                file,
                attributes={"Content-Type": media_type},
                chunk_size=PIECE_BYTES,
                max_concurrency=PIECES_AT_ONCE,
            )

    async def size(self, key: str) -> int:
        """Return the object's size in bytes. Raises FileMissing."""
        with self._asking():
            return int((await obstore.head_async(self._store, key))["size"])

    async def read(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Yield *length* bytes from *start* on; a request per piece, asked for when the one before was taken."""
        position, end = start, start + length
        while position < end:
            with self._asking():
                piece = await obstore.get_range_async(
                    self._store, key, start=position, end=min(position + READ_BYTES, end)
                )
            if not len(piece):
                raise TransferBroken("the file became shorter while it was sent")
            position += len(piece)
            yield bytes(piece)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is there of *keys*."""
        for start in range(0, len(keys), DELETE_BATCH):
            try:
                with self._asking():
                    await obstore.delete_async(self._store, list(keys[start : start + DELETE_BATCH]))
            except FileMissing:  # some stores say so
                continue

    async def pages(self) -> AsyncIterator[list[Stored]]:
        """List everything under the prefix, some hundred objects at a time."""
        listed = obstore.list(self._store, chunk_size=500)
        while True:
            with self._asking():
                try:
                    page = await anext(listed)
                except StopAsyncIteration:
                    return
            yield [Stored(str(one["path"]), int(one["size"]), one["last_modified"]) for one in page]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (NotFoundError, FileNotFoundError) as exc:
            if "NoSuchBucket" in str(exc):
                raise MediaUnavailable("The media store has no such bucket; its operator has to make it.") from exc
            raise FileMissing("The file is gone: it was removed when its time was over.") from exc
        except (BaseError, OSError) as exc:
            raise MediaUnavailable(f"The media store cannot be used now: {_in_words(exc)}.") from exc


def _in_words(exc: Exception) -> str:
    """The kind of failure. The library's own text may hold addresses and names of keys; it stays in the chain."""
    match type(exc).__name__:
        case "PermissionDeniedError" | "UnauthenticatedError":
            return "it refuses our credentials"
        case "UnknownConfigurationKeyError" | "ValueError":
            return "a value is not understood"
    return "it does not answer"
