"""Answers to an upload: ``/http/upload-file-v2/direct`` (current) and ``/rest/app-chat/upload-file`` (old)."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import UpstreamDrifted
from gateway.grok.wire.fields import Json, mapping, text


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file the site took. id goes into ``inputAssets`` (g2), uri below the assets host into media posts (g1)."""

    id: str
    uri: str


def read_upload(value: Json) -> UploadedFile:
    """Read either answer. Raises UpstreamDrifted (``fileMetadataId``) when the id is missing.

    A refusal inside a 200 (``terminalError``) is the classifier's, not ours.
    """
    facts = mapping(value, "fileMetadata") or mapping(value, "file") or value
    found = UploadedFile(id=text(facts, "fileMetadataId", "fileId", "assetId", "id"), uri=text(facts, "fileUri", "key"))
    if not found.id:
        raise UpstreamDrifted("the site took the file and named no id for it", field="fileMetadataId")
    return found
