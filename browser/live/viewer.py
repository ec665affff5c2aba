"""Somebody who looks at a profile, and may ask for control of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser.live.outbox import Outbox

if TYPE_CHECKING:
    from browser.live.view import LiveView


class Viewer:
    """One connection of one person. who: as others are told of him. may_control: else he only looks."""

    def __init__(self, view: LiveView, *, number: int, who: str, may_control: bool) -> None:
        self.number = number
        self.who = who
        self.may_control = may_control
        self.looking = True
        self.outbox = Outbox(taken=view.taken)
        self.view = view

    @property
    def in_control(self) -> bool:
        return self.view.control.holder is self

    def want(self, *, quality: int | None, fps: float | None) -> None:
        """Ask for other pictures than usual, for a slow or dear line. None: as usual."""
        self.outbox.quality = quality
        self.outbox.gap_s = 0.0 if fps is None else 1 / fps
        self.view.audience_changed(None)

    def look(self, *, visible: bool) -> None:
        """Say whether the picture is on anybody's screen; without anybody the cast stops."""
        if visible != self.looking:
            self.looking = visible
            if not visible:
                self.outbox.forget_frame()
            self.view.audience_changed(self if visible else None)
