"""In which form a profile's site takes chats: what to try first, and what it took before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from gateway.settings import ChatProtocol


class Form(StrEnum):
    """A way to ask for a chat. Two bodies of the REST endpoint (by mode, 2026-04; by model, 2026-02), and the WebSocket."""

    REST = "rest"
    REST_NAMED = "rest_named"
    MGW = "mgw"


_FORMS: Mapping[ChatProtocol, Sequence[Form]] = {
    ChatProtocol.AUTO: (Form.REST, Form.MGW, Form.REST_NAMED),
    ChatProtocol.REST: (Form.REST, Form.REST_NAMED),
    ChatProtocol.MGW: (Form.MGW,),
}


class FormMemory:
    """Which form each profile's site took last. In memory: losing it costs one refused request."""

    def __init__(self, protocol: ChatProtocol) -> None:
        self._allowed = _FORMS[protocol]
        self._took: dict[str, Form] = {}

    def order(self, profile: str) -> Sequence[Form]:
        """Return the forms to try; a later one only after the site refused those before, with nothing generated."""
        known = self._took.get(profile)
        return self._allowed if known is None else (known, *(form for form in self._allowed if form is not known))

    def took(self, profile: str, form: Form) -> None:
        self._took[profile] = form
