"""Frames of the imagine WebSocket ``/ws/imagine/listen`` (captured 2026-02 to 2026-09).

Frames of siblings interleave and may come out of order; ``job_id``, ``image_id`` or ``id`` tells whose they are. How far a
picture is tells ``percentage_complete``, never the size of its bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from gateway.grok.wire.fields import Json, integer, text, truth
from gateway.grok.wire.mgw import camel

_DONE = frozenset({"completed", "complete", "finished", "done"})
_BEGUN = frozenset({"start_stage", "started", "start", "queued", "in_progress"})


@dataclass(frozen=True, slots=True)
class ImagineFrame:
    """One frame. job: empty for frames that are about no picture. percent: 0-100, None when it is not told.

    blob: base64. error: the whole frame, when it is one.
    """

    job: str = ""
    request_id: str = ""
    percent: int | None = None
    url: str = ""
    blob: str = ""
    prompt: str = ""
    moderated: bool = False
    completed: bool = False
    error: Json | None = None

    @property
    def final(self) -> bool:
        """Whether it brings the finished picture."""
        if not self.url and not self.blob:
            return False
        return self.completed or (self.percent is not None and self.percent >= 100)

    @property
    def shows(self) -> bool:
        return bool(self.url or self.blob)


def read_imagine(frame: str) -> ImagineFrame:
    """Read one frame. Never fails; one of an unknown kind is about no picture."""
    try:
        value = json.loads(frame, strict=False)
    except ValueError:
        return ImagineFrame()
    if not isinstance(value, dict):
        return ImagineFrame()
    read: Json = camel(value)
    kind, status = text(read, "type").lower(), text(read, "currentStatus", "status").lower()
    if kind == "error" or text(read, "errCode") or status in {"error", "failed"}:
        said = {**read, "code": text(read, "errCode", "code"), "message": text(read, "errMsg", "message", "error")}
        return ImagineFrame(request_id=text(read, "requestId"), error=said)
    known = kind == "image" or status in _DONE or status in _BEGUN or "percentageComplete" in read
    return ImagineFrame(
        job=text(read, "jobId", "imageId", "id") if known else "",
        request_id=text(read, "requestId"),
        percent=integer(read, "percentageComplete", "progress"),
        url=text(read, "url", "imageUrl"),
        blob=text(read, "blob"),
        prompt=text(read, "fullPrompt", "prompt"),
        moderated=truth(read, "moderated"),
        completed=status in _DONE,
    )
