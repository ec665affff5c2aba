"""Model lists over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from gateway.auth.callers import Caller
from gateway.dialects.models import protocol, translate
from gateway.errors import ModelNotFound
from gateway.models import DEFAULT_ALIASES, Model, ModelKind
from gateway.web.authentication import authenticate
from gateway.web.call_errors import to_error
from gateway.web.call_requests import SCOPES, choose
from gateway.web.error_responses import speaks
from gateway.web.openapi import ERRORS
from gateway.web.services import Services, TheServices

paths = APIRouter(tags=["Models"], dependencies=[Depends(speaks(to_error))], responses=ERRORS)
AnyCaller = Annotated[Caller, Depends(authenticate)]


@paths.get("/models", summary="List models", response_model=protocol.ModelList)
async def models(services: TheServices, caller: AnyCaller) -> Response:
    """Every model this key may use and some signed-in account has, by the chat modes that the site told of. Further names are
    taken, too: those that clients of other services send by default."""
    return JSONResponse(translate.to_list(_named(services, caller)))


@paths.get("/models/{model_id:path}", summary="Look at a model", response_model=protocol.Model)
async def model(model_id: str, services: TheServices, caller: AnyCaller) -> Response:
    return JSONResponse(translate.to_model(model_id, choose(services, caller, model_id)))


def _xai(path: str, kind: ModelKind, what: str) -> None:
    """Both routes of one kind, as xAI's clients ask for them."""

    @paths.get(f"/{path}", summary=f"List {what} models (xAI)", response_model=protocol.XaiModels, name=path)
    async def listing(services: TheServices, caller: AnyCaller) -> Response:
        return JSONResponse({"models": [_shown(services, name, model) for name, model in found(services, caller)]})

    article = "an" if what[0] in "aeiou" else "a"

    @paths.get(f"/{path}/{{model_id}}", summary=f"Look at {article} {what} model (xAI)", name=f"{path}-one")
    async def one(model_id: str, services: TheServices, caller: AnyCaller) -> Response:
        model = choose(services, caller, model_id)
        if model.kind is not kind:
            raise ModelNotFound(
                f"The model `{model_id}` does not exist or you do not have access to it.", param="model"
            )
        return JSONResponse(_shown(services, model_id, model))

    def found(services: Services, caller: Caller) -> list[tuple[str, Model]]:
        return [
            (name, model) for name, model in _named(services, caller).items() if model.kind is kind and name == model.id
        ]


_xai("language-models", ModelKind.CHAT, "chat")
_xai("image-generation-models", ModelKind.IMAGE, "image")
_xai("video-generation-models", ModelKind.VIDEO, "video")


def _named(services: Services, caller: Caller) -> dict[str, Model]:
    kinds = {kind for kind, scope in SCOPES.items() if scope in caller.scopes}
    offered = translate.named(caller.models, kinds, services.settings.model_aliases)
    return {name: model for name, model in offered.items() if services.offers_model(model)}


def _shown(services: Services, name: str, model: Model) -> dict[str, Any]:
    aliases = {**DEFAULT_ALIASES, **services.settings.model_aliases}
    return translate.to_xai(name, model, [alias for alias, target in aliases.items() if target == model.id])


router = APIRouter()
router.include_router(paths, prefix="/v1")
router.include_router(paths, include_in_schema=False)
