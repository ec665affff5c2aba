"""One viewer's WebSocket: pictures and words out, gestures in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from fastapi import WebSocket, WebSocketDisconnect

from browser.live.outbox import Frame
from browser.live.stage import Stage
from browser.live.viewer import Viewer
from gateway.console.language import language_of, speaking
from gateway.console.live.codec import (
    ControlWish,
    DialogAnswer,
    FieldAnswer,
    FilesGiven,
    LoginAnswer,
    MalformedMessage,
    Message,
    Navigation,
    Quality,
    Sight,
    Simple,
    TabChoice,
    Viewport,
    picture,
    plain,
    read,
)
from gateway.console.live.files import LiveFiles
from gateway.console.live.visitors import still_welcome
from gateway.console.sentences import in_words, named
from gateway.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)

#: How often it is looked whether the session or grant that opened the connection still lasts.
WELCOME_EVERY_S = 5.0
#: Close codes of our own: nobody is let in any more, nonsense was sent.
NOT_WELCOME = 4401
NONSENSE = 4400
GOING_AWAY = 1001


#: What in a word is said by other rooms, in English; all else is a code, or comes from the page.
TELLING = {"control": "who", "status": "reason", "notice": "message"}
#: How many tasks go on by the end of a sign-in.
GoingOn = Callable[[], Awaitable[int]]


async def serve_viewer(socket: WebSocket, viewer: Viewer, *, files: LiveFiles, going_on: GoingOn) -> None:
    """Serve an accepted connection until it ends, for whatever reason."""
    line = _Line(socket, viewer, files=files, going_on=going_on)
    ways = [line.send, line.receive, line.stay_welcome]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(way()) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    if line.close_code is not None:
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(line.close_code)


class _Line:
    def __init__(self, socket: WebSocket, viewer: Viewer, *, files: LiveFiles, going_on: GoingOn) -> None:
        self.close_code: int | None = None
        self._socket = socket
        self._viewer = viewer
        self._files = files
        self._going_on = going_on

    async def send(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            while (item := await self._viewer.outbox.take()) is not None:
                if isinstance(item, Frame):
                    await self._socket.send_bytes(picture(item))
                else:
                    await self._socket.send_json(await self._completed(plain(item)))
        self.close_code = self.close_code or GOING_AWAY

    async def receive(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                try:
                    self._act(read(await self._socket.receive_text()))
                except (MalformedMessage, KeyError):  # KeyError: a binary message
                    self.close_code = NONSENSE
                    return

    async def stay_welcome(self) -> None:
        while True:
            await asyncio.sleep(WELCOME_EVERY_S)
            try:
                welcome = await still_welcome(self._socket)
            except DatabaseUnavailable:
                continue
            if not welcome:
                if self._viewer.in_control:
                    self._viewer.view.control.give("revoked")
                self.close_code = NOT_WELCOME
                return

    async def _completed(self, word: dict[str, Any]) -> dict[str, Any]:
        """Say things in the viewer's language, and with the end of a sign-in how much work goes on by it."""
        told = TELLING.get(word["type"])
        if told is not None and word.get(told):
            with speaking(language_of(self._socket)):
                word[told] = named(word[told]) if told == "who" else in_words(word[told])
        if word["type"] == "control" and word["why"] == "signed_in" and word["state"] == "free":
            with suppress(DatabaseUnavailable):
                word["tasks"] = await self._going_on()
        return word

    def _act(self, message: Message) -> None:
        viewer, view = self._viewer, self._viewer.view
        match message:
            case ControlWish(t="take"):
                view.take(viewer)
            case ControlWish():
                view.give(viewer)
            case TabChoice(t="select", id=number):
                view.select_tab(viewer, number)
            case Sight(on=on):
                viewer.look(visible=on)
            case Quality(jpeg=jpeg, fps=fps):
                viewer.want(quality=jpeg, fps=fps)
            case Simple(type="blur"):
                view.blur(viewer)
            case Simple():
                viewer.outbox.say({"type": "pong"})
            case FilesGiven(id=number, uploads=uploads):
                given = self._files.take(view.name, uploads)
                view.act(viewer, lambda stage: stage.give_files(number, given))
            case TabChoice() | Navigation() | DialogAnswer() | LoginAnswer() | FieldAnswer() | Viewport():
                view.act(viewer, lambda stage: _answer(stage, message))
            case _:
                view.do(viewer, message.gesture())


def _answer(
    stage: Stage, message: TabChoice | Navigation | DialogAnswer | LoginAnswer | FieldAnswer | Viewport
) -> None:
    match message:
        case TabChoice(id=number):
            stage.close_tab(number)
        case Navigation(to=to):
            stage.navigate(to)
        case DialogAnswer(id=number, ok=ok, text=text):
            stage.answer(number, ok=ok, text=text)
        case LoginAnswer(id=number, ok=ok, user=user, password=password):
            stage.log_in(number, ok=ok, user=user, password=password)
        case FieldAnswer(answer=answer):
            stage.choose(answer)
        case Viewport(w=width, h=height):
            stage.resize(width, height)
