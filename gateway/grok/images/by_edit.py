"""Edits of pictures: the inputs are uploaded once, the request is repeated until enough pictures are there."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from gateway.calls.model import ChatEvent, ChatRequest, ImageRequest, PictureRefused
from gateway.calls.running import beside
from gateway.errors import GatewayError, NoImageInAnswer
from gateway.grok.addresses import asset_url
from gateway.grok.bodies import Generation
from gateway.grok.chat.bodies import Body
from gateway.grok.chat.hearing import FormRefused, Hearing
from gateway.grok.chat.over_rest import read_stream
from gateway.grok.client import GrokClient
from gateway.grok.errors import refuses_shape
from gateway.grok.exchange import refusal_of
from gateway.grok.images.bodies import g1_edit, g1_edit_post, g2_edit
from gateway.grok.images.gallery import Gallery
from gateway.grok.wire.uploads import UploadedFile
from gateway.settings import Protocol, Settings

log = structlog.get_logger(__name__)


async def edit(
    request: ImageRequest, files: Sequence[UploadedFile], client: GrokClient, gallery: Gallery, settings: Settings
) -> None:
    """Fill *gallery* with edits of *files*, in the first shape that the site takes. Raises GatewayError."""
    memory, profile = client.exchange.memory, client.lease.profile
    order = _order(settings.protocol, memory.generation(profile))
    for generation in order:
        try:
            body = await _body(request, files, client, generation)
            while gallery.missing:
                before = gallery.settled
                await _once(request, body, client, gallery, settings)
                if gallery.settled == before:
                    return
        except FormRefused as exc:
            log.info("edit shape refused", generation=generation.value, reason=exc.error.message)
            if generation is order[-1] or not gallery.empty:
                raise exc.error from refusal_of(exc.error)
            continue
        memory.took(profile, generation)
        return


def _order(protocol: Protocol, known: Generation | None) -> Sequence[Generation]:
    if protocol is not Protocol.AUTO:
        return [Generation(protocol.value)]
    return [Generation.G1, Generation.G2] if known is Generation.G1 else [Generation.G2, Generation.G1]


async def _body(
    request: ImageRequest, files: Sequence[UploadedFile], client: GrokClient, generation: Generation
) -> Body:
    if generation is Generation.G2:
        return g2_edit(request, [file.id for file in files])
    urls = [asset_url(file.uri, field="fileUri") for file in files]
    try:
        post = await client.create_post(g1_edit_post(urls[0]))
    except GatewayError as exc:
        refusal = refusal_of(exc)
        if refusal is not None and refuses_shape(refusal.problem, own_endpoint=True):
            raise FormRefused(exc) from refusal
        raise
    return g1_edit(request, urls, post.id)


async def _once(request: ImageRequest, body: Body, client: GrokClient, gallery: Gallery, settings: Settings) -> None:
    """Ask once and hear the answer to its end, or until *gallery* is full."""
    before = gallery.settled

    async def told(event: ChatEvent) -> None:
        if isinstance(event, PictureRefused):
            gallery.refuse(event.code, event.reason)

    async with beside() as begin:
        hearing = Hearing(
            request=ChatRequest((), "auto", draw=request.count, key_id=request.key_id),
            message=request.prompt,
            file_ids=(),
            client=client,
            settings=settings,
            pictures=gallery.store,
            emit=told,
            beside=begin,
            on_picture=lambda image: gallery.take(image.url, prompt=image.prompt),
            enough=lambda: gallery.full,
        )
        await read_stream(hearing, body)
    if gallery.settled == before:
        if hearing.answer.errors:
            hearing.check()
        raise NoImageInAnswer(f"the site answered with text instead of a picture: {hearing.answer.text[:500]}")
