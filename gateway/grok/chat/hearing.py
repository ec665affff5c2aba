"""One chat at work: what it needs, and what becomes of each piece that is heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.calls.model import ChatEvent, ChatRequest, PictureRefused
from gateway.calls.running import Beside, Emit
from gateway.errors import ContentModerated, EmptyAnswer, GatewayError
from gateway.grok.chat.answer import Answer
from gateway.grok.client import GrokClient
from gateway.grok.errors import refuses_shape
from gateway.grok.exchange import refusal_of
from gateway.grok.pictures import PictureStore
from gateway.grok.wire.chat import Said, SiteImage
from gateway.grok.wire.problems import Problem, read_stream_problem
from gateway.settings import Settings

#: A site that says nothing and keeps the line alive is given so many times the usual patience: it may be thinking, and it
#: may have forgotten us.
KEPT_ALIVE = 3


class FormRefused(Exception):
    """The site does not take chats in this form; nothing was generated. *error* is raised when no other form is left."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class Hearing:
    """Hears one answer and tells the caller.

    beside: begins work that goes on while the text comes (fetching pictures). on_picture: takes finished pictures instead.
    enough: whether the rest of the answer is not needed any more.
    """

    request: ChatRequest
    message: str
    file_ids: Sequence[str]
    client: GrokClient
    settings: Settings
    pictures: PictureStore
    emit: Emit[ChatEvent]
    beside: Beside
    on_picture: Callable[[SiteImage], None] | None = None
    enough: Callable[[], bool] = lambda: False
    answer: Answer = field(init=False)
    _fetched: int = 0
    _failed: GatewayError | None = None

    def __post_init__(self) -> None:
        self.answer = Answer(thoughts=self.request.thinking is not False, draw=self.request.draw)

    async def hear(self, said: Said) -> bool:
        """Take one piece in; True when the answer is complete. Raises what an error in it means."""
        if said.error is not None:
            raise self.refused(read_stream_problem(said.error))
        for told in self.answer.hear(said):
            await self._tell(told)
        return self.answer.complete or self.enough()

    async def close(self) -> None:
        """Take the answer for complete: nothing more comes."""
        for told in self.answer.close():
            await self._tell(told)

    def refused(self, problem: Problem) -> GatewayError | FormRefused:
        """Return what a refusal means, ready to raise; its effects on the profile are applied."""
        error = self.client.exchange.refused(problem, rests=True)
        refusal = refusal_of(error)
        row = "" if refusal is None else refusal.row
        if (
            not self.answer.begun
            and row in {"bad_input", "not_found", "load_shed", "refused"}
            and refuses_shape(problem, own_endpoint=True)
        ):
            return FormRefused(error)
        return error

    async def _tell(self, told: ChatEvent | SiteImage) -> None:
        if isinstance(told, SiteImage) and self.on_picture is not None:
            self.on_picture(told)
        elif isinstance(told, SiteImage):
            self.beside(self._fetch(told))
        else:
            await self.emit(told)

    async def _fetch(self, image: SiteImage) -> None:
        try:
            picture = await self.pictures.keep(image.url, prompt=image.prompt)
        except GatewayError as exc:
            self._failed = exc
            await self.emit(PictureRefused(image.index, exc.code, exc.message))
            return
        self._fetched += 1
        await self.emit(picture)

    def check(self) -> None:
        """Once all pictures are in: raise what an answer with nothing in it means."""
        if not self.answer.barren and (self._fetched or self.answer.text.strip() or self.answer.ended().text.strip()):
            return
        if self.answer.errors:
            raise self.refused(read_stream_problem({"error": self.answer.errors[0]}))
        if self.answer.refused:
            raise ContentModerated("the site made what was asked for and withholds it: content moderated")
        if self._failed is not None:
            raise self._failed
        raise EmptyAnswer("the site called its answer complete, and there was nothing in it")
