"""What of an answer's words is shown as text, and what they amount to: calls of tools, JSON, or just text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.calls import json_form, tools
from gateway.calls.json_form import JsonForm, NotAsAsked
from gateway.calls.tools import Offer, ToolCall, ToolReader
from gateway.errors import AnswerMalformed


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the caller wants an answer to be made of besides text. offer: tools it may call; form: JSON it has to be."""

    offer: Offer | None = None
    form: JsonForm | None = None

    def told(self) -> str:
        """What the model is to be told of it, '' when there is nothing to tell."""
        offered = tools.instructions(self.offer) if self.offer is not None else ""
        formed = json_form.instructions(self.form) if self.form is not None else ""
        if offered and formed:
            formed = f"Unless you call a tool: {formed}"
        return "\n\n".join(part for part in (offered, formed) if part)


class Speech:
    """Takes an answer's text piece by piece. calls: complete once it is finished."""

    def __init__(self, wanted: Wanted | None = None) -> None:
        self.wanted = wanted or Wanted()
        self._reader = ToolReader(self.wanted.offer) if self.wanted.offer is not None else None
        self._kept: list[str] = []

    @property
    def calls(self) -> Sequence[ToolCall]:
        return self._reader.calls if self._reader is not None else ()

    def feed(self, text: str) -> str:
        """Return what of *text*, and of what was held back before, can be shown. JSON is shown as a whole in the end."""
        shown = self._reader.feed(text) if self._reader is not None else text
        if self.wanted.form is None:
            return shown
        self._kept.append(shown)
        return ""

    def finish(self) -> str:
        """The answer is complete: return the rest. Raises AnswerMalformed when it is not what it had to be."""
        rest = self._reader.finish() if self._reader is not None else ""
        offer, form = self.wanted.offer, self.wanted.form
        if offer is not None and offer.must and not any(call.name == (offer.only or call.name) for call in self.calls):
            raise AnswerMalformed(
                f"The model was to call {offer.only or 'a tool'} and answered in words. Ask again, or with other words."
            )
        if form is None:
            return rest
        whole = "".join([*self._kept, rest])
        if self.calls:
            return whole
        try:
            return json_form.as_asked(whole, form)
        except NotAsAsked as exc:
            raise AnswerMalformed(f"The model's answer is not the JSON that was asked for: {exc}. Ask again.") from None
