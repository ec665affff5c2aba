"""What is sent for a chat: both forms of the REST body, and the events of the ``mgw`` WebSocket (upstream.md 2.4, 2.5).

Left out of the captured bodies: ``deviceEnvInfo`` and ``castle_request_token``, which describe the page's own screen and risk
check; we make none up.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from gateway.calls.model import ChatRequest

Body: TypeAlias = dict[str, Any]

#: ``modelMode`` of the older form by mode (2026-02); the site's default where there is none.
_MODEL_MODE: Mapping[str, str] = {"fast": "MODEL_MODE_FAST", "expert": "MODEL_MODE_EXPERT"}


def effective_mode(request: ChatRequest) -> str:
    """``auto`` leaves reasoning to the site; asked for or forbidden it decides the mode."""
    if request.mode != "auto" or request.thinking is None:
        return request.mode
    return "expert" if request.thinking else "fast"


def rest_chat(
    request: ChatRequest, message: str, file_ids: Sequence[str] = (), *, named: bool = False, drawing: bool = False
) -> Body:
    """Return the body of ``conversations/new``: by ``modeId`` (2026-04), or *named* by model (2026-02).

    drawing: pictures are wanted, not words.
    """
    mode = effective_mode(request)
    if named:
        choice: Body = {"modelName": request.rest_name}
        if mode in _MODEL_MODE:
            choice["modelMode"] = _MODEL_MODE[mode]
        metadata: Body = {"requestModelDetails": {"modelId": request.rest_name}}
    else:
        choice = {"modeId": mode}
        metadata = {}
    return {
        "temporary": True,
        **choice,
        "message": message,
        "fileAttachments": list(file_ids),
        "imageAttachments": [],
        "disableSearch": not request.search,
        "enableImageGeneration": request.draw > 0,
        "returnImageBytes": False,
        "returnRawGrokInXaiRequest": False,
        "enableImageStreaming": request.draw > 0,
        "imageGenerationCount": request.draw,
        "forceConcise": False,
        "toolOverrides": {"imageGen": True} if drawing else {},
        "enableSideBySide": False,
        "sendFinalMetadata": True,
        "isReasoning": bool(request.thinking),
        "disableTextFollowUps": True,
        "disableMemory": True,
        "forceSideBySide": False,
        "isAsyncChat": False,
        "responseMetadata": metadata,
    }


def session_create(request: ChatRequest) -> Body:
    """Open a session of the WebSocket (2026-08)."""
    x_grok = {
        "protocol_capabilities": ["conversation_attached", "custom_methods_v1"],
        "use_chunk": True,
        "enable_side_by_side": False,
        "force_side_by_side": False,
        "enable_image_generation": request.draw > 0,
        "image_generation_count": request.draw,
        "disable_text_follow_ups": True,
        "disable_artifact": True,
        "force_concise": False,
        "keep_context": False,
        "is_temporary": True,
        "disable_memory": True,
    }
    if not request.search:
        x_grok["disable_search"] = True
    return event("session.create", session={"model": effective_mode(request), "x_grok": x_grok})


def item_create(message: str, file_ids: Sequence[str] = ()) -> Body:
    """Say the message; files are mentioned in it and listed beside it."""
    chunks: list[Body] = [{"mention": {"target": {"file_mention": {"file_id": file_id}}}} for file_id in file_ids]
    if message:
        chunks.append({"text": {"text": message}})
    x_grok: Body = {"client_message_id": str(uuid.uuid4()), "input_chunks": chunks}
    if file_ids:
        x_grok["file_attachment_ids"] = list(file_ids)
    return event("conversation.item.create", item={"type": "message", "role": "user", "x_grok": x_grok})


def event(kind: str, **fields: Any) -> Body:
    """Return one event with an id of its own; the envelope is the sender's."""
    return {"type": kind, "event_id": str(uuid.uuid4()), **fields}
