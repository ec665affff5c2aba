"""What is sent: the bytes of a message and its headers. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.header import Header
from importlib.metadata import version
from typing import Any

from gateway.webhooks.model import Delivery

USER_AGENT = f"grok-gateway/{version('grok-gateway')}"


@dataclass(frozen=True, slots=True)
class Message:
    """Ready to be sent. signed: whether the receiver can check a signature."""

    body: str
    headers: Mapping[str, str]
    signed: bool


def signed_json(delivery: Delivery, data: Mapping[str, Any]) -> Message:
    """The message as JSON; the fields of OpenAI's events beside those of Standard Webhooks, for clients of either."""
    at = delivery.occurred_at or delivery.created_at
    told = {
        "id": delivery.id,
        "object": "event",
        "type": delivery.event,
        "timestamp": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "created_at": int(at.timestamp()),
        "data": data,
    }
    headers = {"content-type": "application/json", "user-agent": USER_AGENT}
    return Message(json.dumps(told, ensure_ascii=False, separators=(",", ":")), headers, signed=True)


def ntfy(data: Mapping[str, Any], *, token: str = "") -> Message:
    """A sentence, with what ntfy reads from headers: title, priority, tags, and where a click leads."""
    headers = {
        "content-type": "text/plain; charset=utf-8",
        "user-agent": USER_AGENT,
        "title": _header(str(data.get("title", "Grok Gateway"))),
        "priority": str(data.get("priority", "default")),
        "tags": _header(",".join(data.get("tags", ()))),
    }
    if data.get("url"):
        headers["click"] = str(data["url"])
    if token:
        headers["authorization"] = f"Bearer {token}"
    return Message(str(data.get("message", "")), headers, signed=False)


def for_webhook(data: Mapping[str, Any]) -> dict[str, Any]:
    """An operator's message without what only ntfy reads."""
    return {name: value for name, value in data.items() if name not in {"priority", "tags"}}


def _header(text: str) -> str:
    """Text as a header may carry it: plain, or the encoding that ntfy reads."""
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=1000).encode()
