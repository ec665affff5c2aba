"""Is it alive, is it ready, how is it doing: for supervisors, load balancers and Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["Health"])

Exclude = Annotated[Sequence[str], Query(description="Checks that do not count, for instance `profiles`.")]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be right. reason: in words, when it is not."""

    ok: bool
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """How the house is doing: asked by the routes below, answered by ``gateway.app``."""

    checks: Callable[[], Awaitable[Mapping[str, Check]]]
    metrics: Callable[[], Awaitable[bytes]]


def readiness(checks: Mapping[str, Check], *, exclude: Collection[str] = ()) -> tuple[int, dict[str, Any]]:
    """Return status and body of ``/readyz``: 200 only when every check is right, else every reason in words.

    exclude: checks that are told and do not count.
    """
    wrong = {name: check for name, check in checks.items() if not check.ok and name not in exclude}
    body = {
        "ready": not wrong,
        "reasons": [check.reason for check in wrong.values()],
        "checks": {
            name: {"ok": check.ok, **({"reason": check.reason} if check.reason else {}), **check.facts}
            for name, check in checks.items()
        },
    }
    return (503 if wrong else 200), body


@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="Is the process alive?", response_class=PlainTextResponse)
async def livez() -> Response:
    """Answers as long as the event loop runs, whatever the rest does."""
    return PlainTextResponse("ok\n")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Can it take and carry out work?")
async def readyz(request: Request, exclude: Exclude = ()) -> Response:
    """200 when new tasks are taken and at least one signed-in profile can work on them; else 503 with the reasons.

    `?exclude=profiles` is for load balancers: whether this node serves requests, also while no profile is ready. Tasks are
    taken and asked about then as ever; a balancer that turned away from every node would keep clients from their results.
    """
    health: Health = request.app.state.health
    status, body = readiness(await health.checks(), exclude=exclude)
    return JSONResponse(body, status_code=status, headers={"retry-after": "5"} if status == 503 else {})


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    health: Health = request.app.state.health
    return Response(await health.metrics(), media_type=CONTENT_TYPE)
