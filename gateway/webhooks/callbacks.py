"""Where a caller wants to be told of a task's end: read from a create's body, and checked before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.errors import InvalidRequest
from gateway.outbound.pinning import Refused
from gateway.webhooks.sending import Sender

#: What clients call it. new-api's users say ``notify_hook`` (or ``notifyHook``), fal's and Replicate's ``webhook``.
NAMES = ("callback_url", "webhook_url", "webhook", "callback", "notify_hook", "notifyHook")


class Callbacks:
    """Takes addresses that *sender* would send to."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def read(self, fields: Mapping[str, Any]) -> str | None:
        """Return the address in a create's body, None when there is none. Raises InvalidRequest, with the field's name."""
        found = asked(fields)
        if found is None:
            return None
        name, url = found
        try:
            await self._sender.check(url)
        except Refused as exc:
            raise InvalidRequest(f"Invalid value for '{name}': {exc}.", param=name) from exc
        except TimeoutError:
            raise InvalidRequest(f"Invalid value for '{name}': its host cannot be looked up.", param=name) from None
        return url


def asked(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the field that names an address, and the address. Raises InvalidRequest when two differ."""
    found: tuple[str, str] | None = None
    for name in NAMES:
        value = fields.get(name)
        if isinstance(value, Mapping):
            value = value.get("url")
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise InvalidRequest(f"Invalid value for '{name}': a webhook is given as an https:// address.", param=name)
        url = value.strip()
        if found is not None and found[1] != url:
            raise InvalidRequest(f"'{found[0]}' and '{name}' name different addresses; send one.", param=name)
        found = found or (name, url)
    return found
