"""What nodes ask of each other about profiles: the sealed copies of one that is given up, and to take one."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from gateway.errors import NotFound
from gateway.nodes.moving import Moves
from gateway.nodes.signing import HEADER
from gateway.web.node_calls import NodeDesk

router = APIRouter(prefix="/node/v1/profiles", include_in_schema=False)


@router.get("/{name}/copies")
async def copies(name: str, request: Request) -> Response:
    """For the node that takes the profile: the copies are sealed with the secret that both have."""
    return JSONResponse(dict(await _moves(request).copies(name)))


@router.post("/{name}/take")
async def take(name: str, request: Request) -> Response:
    """For `gateway profile move`: answers when the profile lives here."""
    return JSONResponse(dict(await _moves(request).take(name)))


def _moves(request: Request) -> Moves:
    header = request.headers.get(HEADER)
    if not header:
        raise NotFound("There is nothing here for clients.")
    desk: NodeDesk = request.app.state.node_desk
    desk.signer.check(header, request.method, request.url.path, body=b"")
    moves: Moves = request.app.state.moves
    return moves
