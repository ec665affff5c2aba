"""A create as it came in, as every dialect's routes get it, and how its answer leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse

from gateway.auth.callers import Caller
from gateway.models import Model, ModelKind, resolve
from gateway.tasks.model import Task
from gateway.web import video_requests
from gateway.web.parameters import ignoring
from gateway.web.services import Services
from gateway.web.video_requests import Order

#: Address of an asset by its id and suffix.
LinkTo = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what. base: where this client reaches the gateway; fields: the body, bracket names unfolded."""

    request: Request
    services: Services
    caller: Caller
    base: str
    fields: Mapping[str, Any]
    idempotency_key: str | None = None

    def model(self, name: str) -> Model:
        """The video model of that name. Raises ModelNotFound."""
        return resolve(name, ModelKind.VIDEO, self.services.settings.model_aliases)

    async def create(self, order: Order, *, unread: Sequence[str] = ()) -> tuple[Task, Mapping[str, str]]:
        """Accept the task; returns it and the headers its answer carries. unread: fields that say something nobody heard."""
        task, created = await video_requests.create(self.services, self.caller, order)
        return task, {**ignoring(unread), **({} if created else {"idempotent-replayed": "true"})}

    def link_to(self, asset_id: str, suffix: str) -> str:
        return links(self.services, self.base)(asset_id, suffix)


def links(services: Services, base: str) -> LinkTo:
    """Addresses of files as this client reaches them, signed from now on."""
    now = services.now()

    def link_to(asset_id: str, suffix: str) -> str:
        return base + services.links.path(asset_id, suffix, now=now)

    return link_to


def answer(body: Mapping[str, Any], headers: Mapping[str, str] | None = None, *, status: int = 200) -> JSONResponse:
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def unix(moment: datetime | None) -> int | None:
    """A time as most clients want it: whole Unix seconds."""
    return None if moment is None else int(moment.astimezone(UTC).timestamp())
