"""What every dialect asks before a call is made: may this caller, which model is meant, where are its pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.auth.callers import Caller, Scope
from gateway.calls.repeats import RepeatKey
from gateway.errors import InvalidRequest
from gateway.media.inputs import Owner
from gateway.models import Model, ModelKind, find, resolve
from gateway.web import video_requests
from gateway.web.services import Services

SCOPES = {ModelKind.CHAT: Scope.CHAT, ModelKind.IMAGE: Scope.IMAGE, ModelKind.VIDEO: Scope.VIDEO}

#: How long a picture that came with a call is kept: longer than any call lasts.
INPUTS_KEPT_S = 3600.0


def choose(services: Services, caller: Caller, name: str, kind: ModelKind | None = None) -> Model:
    """Return the model *name* stands for. kind: the only one that will do, None for any.

    A key that is kept to some models may name them or any alias of theirs. Raises ModelNotFound, PermissionDenied.
    """
    aliases = services.settings.model_aliases
    model = find(name, aliases) if kind is None else resolve(name, kind, aliases)
    caller.require(SCOPES[model.kind])
    if caller.models is None or name not in caller.models:
        caller.require_model(model.id)
    return model


async def repeat_key(caller: Caller, said: str | None, fields: Mapping[str, Any]) -> RepeatKey | None:
    """Return what names a repeatable request, None without an ``Idempotency-Key``. Raises InvalidRequest."""
    key = video_requests.idempotency_key(said)
    if key is None:
        return None
    return RepeatKey(caller.key_id, key, await asyncio.to_thread(video_requests.fingerprint, fields))


def admit(services: Services, caller: Caller) -> None:
    """Count one request of the caller's. Raises ShuttingDown, RateLimited."""
    services.accepting()
    services.limits.take(caller)


def owner_of_inputs(services: Services, caller: Caller) -> Owner:
    until = datetime.fromtimestamp(services.now(), UTC) + timedelta(seconds=INPUTS_KEPT_S)
    return Owner(caller.key_id, until)


async def fetch_pictures(
    services: Services, caller: Caller, pictures: Sequence[tuple[str, str]], *, most: int
) -> tuple[str, ...]:
    """Return the ids in the media store of *pictures*, each a (reference, name of its field). Raises InvalidImage."""
    if len(pictures) > most:
        raise InvalidRequest(f"{most} pictures are taken at most, not {len(pictures)}", param=pictures[most][1])
    owner = owner_of_inputs(services, caller)
    return tuple([(await services.inputs.resolve(ref, owner, param=param)).id for ref, param in pictures])
