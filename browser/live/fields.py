"""What lies under the pointer: fields whose pickers are windows of the system and never appear in a frame.

Asked in an isolated world of our own, which the page cannot see; frames of other origins are asked in their own process.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import CDPSession, Error, Frame, Page

_SCRIPTS = Path(__file__).with_name("scripts")
_HIT = (_SCRIPTS / "hit.js").read_text("utf-8")
_CHOOSE = (_SCRIPTS / "choose.js").read_text("utf-8")
_SELECTION = (_SCRIPTS / "selection.js").read_text("utf-8")
WORLD = "live"
#: Frames within frames of other origins that are followed.
DEPTH = 4
#: A frame's border and padding lie between its place and that of its document, at most so much.
NEAR_PX = 100.0
#: Frames that are asked whether the focus is in them.
FRAMES = 30

#: Why something is looked at: the pointer rests there, is about to press, or to ask for a menu.
Why = Literal["look", "press", "menu"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field that an overlay answers for. told: kind, name, box, options or value, for whoever draws the overlay."""

    world: _World
    id: int
    told: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Spot:
    """What lies at a place. editable: typing there makes sense (a phone may show its keyboard)."""

    cursor: str = "default"
    editable: bool = False
    field: Field | None = None


class Fields:
    """Knows the fields of one page."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._worlds: dict[Frame, _World] = {}

    async def at(self, x: float, y: float, *, why: Why) -> Spot:
        """Look at a place. Before a press a field with an overlay gets the focus; a menu of the system is kept from opening."""
        frame = self._page.main_frame
        left = top = 0.0
        for _ in range(DEPTH):
            world, told = await self._ask(frame, _HIT, x - left, y - top, why)
            if "frame" not in told:
                return _spot(world, told, left, top)
            box = told["frame"]
            left, top = left + box["x"], top + box["y"]
            inner = await _child_at(frame, left, top)
            if inner is None:
                break
            frame = inner
        return Spot()

    async def focused(self) -> Field | None:
        """Return the field that has the focus, if an overlay answers for it."""
        for frame in self._page.frames[:FRAMES]:
            with suppress(Error):
                world, told = await self._ask(frame, _HIT, 0, 0, "focus")
                if told is not None:
                    around = await (await frame.frame_element()).bounding_box() if frame.parent_frame else None
                    left, top = (around["x"], around["y"]) if around else (0.0, 0.0)
                    return _spot(world, told, left, top).field
        return None

    async def choose(self, chosen: Field, answer: int | str) -> bool:
        """Give a field its answer: the index of an option, or the value. False when the field is gone or refuses."""
        return bool(await chosen.world.call(_CHOOSE, chosen.id, answer))

    async def selection(self) -> str:
        """Return the text that is selected where the focus is; never that of a password field."""
        for frame in self._page.frames[:FRAMES]:
            with suppress(Error):
                _, text = await self._ask(frame, _SELECTION)
                if text is not None:
                    return str(text)
        return ""

    async def _ask(self, frame: Frame, function: str, *arguments: Any) -> tuple[_World, Any]:
        """Call a function in a frame's world; in a new one when the frame has moved to another process since."""
        known = frame in self._worlds
        world = await self._world(frame)
        try:
            return world, await world.call(function, *arguments)
        except Error:
            if not known or frame.parent_frame is None:
                raise
        del self._worlds[frame]
        world = await self._world(frame)
        return world, await world.call(function, *arguments)

    async def _world(self, frame: Frame) -> _World:
        world = self._worlds.get(frame)
        if world is None:
            world = self._worlds[frame] = _World(*await self._session(frame))
        return world

    async def _session(self, frame: Frame) -> tuple[CDPSession, str]:
        """Return where a frame lives, and its address there when it is not the topmost one in its process."""
        if frame.parent_frame is None:
            return await self._page.context.new_cdp_session(self._page), ""
        try:
            return await self._page.context.new_cdp_session(frame), ""
        except Error:  # another origin of the same site: in its parent's process
            return (await self._world(frame.parent_frame)).session, frame.url


class _World:
    """An isolated world of one frame's document; made anew when the document was replaced."""

    def __init__(self, session: CDPSession, url: str) -> None:
        self.session = session
        self._url = url
        self._context: int | None = None

    async def call(self, function: str, *arguments: Any) -> Any:
        """Call a function there and return its value. Raises Playwright's Error."""
        if self._context is not None:
            with suppress(Error):  # the document was replaced
                return await self._call(function, arguments)
        tree = (await self.session.send("Page.getFrameTree"))["frameTree"]
        frame_id = _find(tree, self._url) if self._url else tree["frame"]["id"]
        made = await self.session.send("Page.createIsolatedWorld", {"frameId": frame_id, "worldName": WORLD})
        self._context = made["executionContextId"]
        return await self._call(function, arguments)

    async def _call(self, function: str, arguments: tuple[Any, ...]) -> Any:
        answer = await self.session.send(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": function,
                "arguments": [{"value": argument} for argument in arguments],
                "executionContextId": self._context,
                "returnByValue": True,
            },
        )
        if "exceptionDetails" in answer:
            raise Error("our code in the page failed")
        return answer["result"].get("value")


def _find(tree: dict[str, Any], url: str) -> str:
    """Return the id of the frame at *url*. Raises Error when there is none (any more)."""
    for child in tree.get("childFrames", ()):
        if child["frame"]["url"] + child["frame"].get("urlFragment", "") == url:
            return str(child["frame"]["id"])
        with suppress(Error):
            return _find(child, url)
    raise Error("the frame is gone")


def _spot(world: _World, told: dict[str, Any], left: float, top: float) -> Spot:
    found = told.pop("field", None)
    kept = None
    if found is not None:
        found["box"]["x"] += left
        found["box"]["y"] += top
        kept = Field(world, found.pop("id"), found)
    return Spot(told.get("cursor", "default"), bool(told.get("editable")), kept)


async def _child_at(frame: Frame, left: float, top: float) -> Frame | None:
    """Return the child frame whose document begins at a place of the page: the nearest, since frames may have borders."""
    nearest, best = None, NEAR_PX
    for child in frame.child_frames:
        with suppress(Error):
            box = await (await child.frame_element()).bounding_box()
            if box is not None and (away := abs(box["x"] - left) + abs(box["y"] - top)) < best:
                nearest, best = child, away
    return nearest
