"""One chat on one leased profile, from its pictures' upload to the end of its answer."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.calls.model import ChatEvent, ChatRequest
from gateway.calls.running import Emit, beside
from gateway.errors import RateLimited
from gateway.grok.chat.bodies import effective_mode, rest_chat
from gateway.grok.chat.forms import Form, FormMemory
from gateway.grok.chat.hearing import FormRefused, Hearing
from gateway.grok.chat.over_mgw import chat_over_mgw
from gateway.grok.chat.over_rest import read_stream
from gateway.grok.chat.transcript import Message
from gateway.grok.client import GrokClient
from gateway.grok.exchange import refusal_of
from gateway.grok.inputs import upload_inputs
from gateway.grok.memory import ProfileMemory
from gateway.grok.pictures import PictureStore
from gateway.grok.ports import Lease
from gateway.grok.quota import with_known_wait
from gateway.media.assets import Media
from gateway.settings import Settings

log = structlog.get_logger(__name__)

KIND = "chat"


def rests_as(request: ChatRequest) -> str:
    """The kind of work that a rate limit of this request rests: chats of its mode."""
    return f"{KIND}:{effective_mode(request)}"


async def talk(
    request: ChatRequest,
    message: Message,
    lease: Lease,
    emit: Emit[ChatEvent],
    *,
    media: Media,
    settings: Settings,
    memory: ProfileMemory,
    forms: FormMemory,
    rests: str = "",
    drawing: bool = False,
    repeats: Callable[[str], bool] | None = None,
) -> None:
    """Have the site answer, in the first form that it takes; the last event is Ended. Raises GatewayError.

    rests: what a rate limit rests (chats of this mode). drawing: pictures are wanted, not words; repeats: of `PictureStore`.
    """
    client = GrokClient(lease, memory, rests=rests or rests_as(request))
    files = await upload_inputs(client, media, message.images)
    order = forms.order(lease.profile)
    for form in order:
        try:
            async with beside() as begin:
                hearing = Hearing(
                    request=request,
                    message=message.text,
                    file_ids=[file.id for file in files],
                    client=client,
                    settings=settings,
                    pictures=PictureStore(lease, media, settings, request.key_id, repeats=repeats),
                    emit=emit,
                    beside=begin,
                )
                if form is Form.MGW:
                    await chat_over_mgw(hearing)
                else:
                    named = form is Form.REST_NAMED
                    body = rest_chat(request, message.text, hearing.file_ids, named=named, drawing=drawing)
                    await read_stream(hearing, body)
        except RateLimited as exc:
            if drawing:
                raise
            raise await with_known_wait(client, exc, effective_mode(request)) from refusal_of(exc)
        except FormRefused as exc:
            log.info("chat form refused", form=form.value, reason=exc.error.message)
            if form is order[-1]:
                raise exc.error from refusal_of(exc.error)
            continue
        forms.took(lease.profile, form)
        hearing.check()
        client.exchange.worked()
        await emit(hearing.answer.ended())
        return
