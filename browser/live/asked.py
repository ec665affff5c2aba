"""What a page asks its user in windows of the browser: dialogs and file choosers. Listened to only while somebody has control.

Without a listener Playwright dismisses dialogs by itself, which is right while programs work.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, Dialog, Error, FileChooser, FilePayload, Page

from browser.live.outbox import Word

#: No two questions have the same number, whichever browser asks them: a late answer cannot meet another question.
_NUMBERS = itertools.count(1)


def next_number() -> int:
    """Return the number of a new question."""
    return next(_NUMBERS)


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file an operator gives to a page."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


class Asked:
    """The open questions of a context's pages."""

    def __init__(self, context: BrowserContext, *, tell: Callable[[Word], None], blocked: Callable[[], None]) -> None:
        """tell: what viewers are told of a question; blocked: called when the set of pages that wait has changed."""
        self._context = context
        self._tell = tell
        self._blocked = blocked
        self._dialogs: dict[int, Dialog] = {}
        self._choosers: dict[int, FileChooser] = {}
        self._listening = False

    def words(self) -> list[Word]:
        """What a viewer who comes now has to be told."""
        return [_dialog_word(*item) for item in self._dialogs.items()] + [
            _chooser_word(*item) for item in self._choosers.items()
        ]

    def waits(self, page: Page) -> bool:
        """Whether a page waits for the answer to a dialog."""
        return any(dialog.page is page for dialog in self._dialogs.values())

    def begin(self) -> None:
        """Listen: an operator has taken control."""
        self._listening = True
        self._context.on("dialog", self._opened)

    async def end(self) -> None:
        """Dismiss what is open and leave the answers to Playwright again."""
        self._listening = False
        with suppress(Error, KeyError, ValueError):
            self._context.remove_listener("dialog", self._opened)
        for number in list(self._dialogs):
            await self.answer(number, ok=False)
        for number in list(self._choosers):
            await self.give(number, [])

    def listen_for_files(self, page: Page) -> None:
        page.on("filechooser", self._choosing)

    def ignore_files(self, page: Page) -> None:
        with suppress(Error, KeyError, ValueError):
            page.remove_listener("filechooser", self._choosing)

    def gone(self, page: Page) -> None:
        """A page was closed, or shows another document: its questions went with it."""
        for number in [n for n, dialog in self._dialogs.items() if dialog.page is page]:
            self._close_dialog(number)
        for number in [n for n, chooser in self._choosers.items() if chooser.page is page]:
            self._close_chooser(number)

    async def answer(self, number: int, *, ok: bool, text: str = "") -> None:
        """Answer a dialog. text: what a prompt() returns."""
        dialog = self._dialogs.get(number)
        if dialog is None:
            return
        self._close_dialog(number)
        with suppress(Error):
            if ok:
                await dialog.accept(text)
            else:
                await dialog.dismiss()

    async def give(self, number: int, files: Sequence[OfferedFile]) -> None:
        """Give a file chooser its files; none of them: it was cancelled."""
        chooser = self._choosers.get(number)
        if chooser is None:
            return
        self._close_chooser(number)
        if files:
            offered = files if chooser.is_multiple() else files[:1]
            with suppress(Error):
                await chooser.set_files(
                    [FilePayload(name=one.name, mimeType=one.media_type, buffer=one.data) for one in offered]
                )

    def _opened(self, dialog: Dialog) -> None:
        number = next_number()
        self._dialogs[number] = dialog
        self._tell(_dialog_word(number, dialog))
        self._blocked()

    def _choosing(self, chooser: FileChooser) -> None:
        for number in [n for n, open_one in self._choosers.items() if open_one.page is chooser.page]:
            self._close_chooser(number)
        number = next_number()
        self._choosers[number] = chooser
        self._tell(_chooser_word(number, chooser))

    def _close_dialog(self, number: int) -> None:
        self._dialogs.pop(number, None)
        self._tell({"type": "dialog", "id": number, "open": False})
        self._blocked()

    def _close_chooser(self, number: int) -> None:
        self._choosers.pop(number, None)
        self._tell({"type": "filechooser", "id": number, "open": False})


def _dialog_word(number: int, dialog: Dialog) -> Word:
    return {
        "type": "dialog",
        "id": number,
        "open": True,
        "kind": dialog.type,
        "message": dialog.message[:4000],
        "value": dialog.default_value,
    }


def _chooser_word(number: int, chooser: FileChooser) -> Word:
    return {"type": "filechooser", "id": number, "open": True, "multiple": chooser.is_multiple()}
