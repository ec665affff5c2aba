"""A task's webhook deliveries over HTTP: what was sent where, how it was answered, and sending it again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from gateway.web.authentication import VideoCaller
from gateway.web.openapi import ERRORS
from gateway.web.services import TheServices
from gateway.webhooks.model import Attempt, Delivery

router = APIRouter(prefix="/v1/video/tasks/{task_id}/deliveries", tags=["Webhooks"], responses=ERRORS)


class ShownAttempt(BaseModel):
    """One try."""

    number: int
    at: str
    status: int | None = Field(description="Of the receiver's answer; null when there was none.")
    error: str | None = Field(description="Why it does not count as delivered.")
    duration: float | None = Field(description="Seconds.")
    answer: str | None = Field(description="How the answer's body begins.")


class ShownDelivery(BaseModel):
    """A message to one address."""

    id: str = Field(description="Sent as `webhook-id`, the same at every try.")
    task_id: str | None
    type: str | None = Field(description="`video.task.completed` and the like; null while the task goes on.")
    url: str
    state: str = Field(description="`waiting`, `pending`, `delivered`, `failed` (given up) or `gone` (answered 410).")
    created_at: str
    occurred_at: str | None = Field(description="When the task ended.")
    next_attempt_at: str | None
    attempts: list[ShownAttempt]


class ShownDeliveries(BaseModel):
    """All of a task's."""

    deliveries: list[ShownDelivery]


@router.get("", summary="What was told of a task", response_model=ShownDeliveries)
async def list_deliveries(task_id: str, services: TheServices, caller: VideoCaller) -> Response:
    """Of a task with a `callback_url`, whichever API it was made in, with every attempt."""
    task = await services.store.get(task_id, key_id=caller.key_id)
    found = await services.deliveries.of_task(task.id)
    return JSONResponse({"deliveries": [to_delivery(one) for one in found]})


@router.post("/{delivery_id}/redeliver", summary="Tell it again", response_model=ShownDelivery)
async def redeliver(task_id: str, delivery_id: str, services: TheServices, caller: VideoCaller) -> Response:
    """At once, and for another day of attempts. The `webhook-id` stays the same; links in the message are new."""
    task = await services.store.get(task_id, key_id=caller.key_id)
    return JSONResponse(to_delivery(await services.deliveries.redeliver(delivery_id, task_id=task.id)))


def to_delivery(delivery: Delivery) -> dict[str, Any]:
    """Show a delivery with its attempts."""
    return {
        "id": delivery.id,
        "task_id": delivery.task_id,
        "type": delivery.event,
        "url": delivery.url,
        "state": delivery.state.value,
        "created_at": _at(delivery.created_at),
        "occurred_at": _at(delivery.occurred_at),
        "next_attempt_at": _at(delivery.due_at) if delivery.state == "pending" else None,
        "attempts": [_to_attempt(one) for one in delivery.history],
    }


def _to_attempt(one: Attempt) -> Mapping[str, Any]:
    return {
        "number": one.number,
        "at": _at(one.at),
        "status": one.status,
        "error": one.error,
        "duration": one.duration_s,
        "answer": one.answer,
    }


def _at(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
