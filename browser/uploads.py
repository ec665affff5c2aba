"""Local files sent to the site: as a form, or as base64 text inside JSON. The bytes are read by the browser itself."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from typing import Any

from browser.bridge import Bridge
from browser.exchanges import Calls, page_request
from browser.page_files import handed_over
from browser.transport import FilePart, Reply, World
from browser.transport_limits import MIB

ANSWER_LIMIT_BYTES = 8 * MIB


class Uploads:
    """Uploads of one page."""

    def __init__(self, bridge: Bridge, calls: Calls) -> None:
        self._bridge = bridge
        self._calls = calls

    async def form(self, url: str, *, file: FilePart, form: Mapping[str, str], world: World, timeout_s: float) -> Reply:
        """See transport.Transport.upload. The browser writes the form and its content type."""
        fields = [[name, value] for name, value in form.items()]
        return await self._send(url, file, {"form": fields, "field": file.field}, {}, world, timeout_s)

    async def base64(
        self, url: str, *, file: FilePart, key: str, json: Mapping[str, Any], world: World, timeout_s: float
    ) -> Reply:
        """See transport.Transport.upload_base64. *key* comes last in the object that is sent."""
        rest = {name: value for name, value in json.items() if name != key}
        before = jsonlib.dumps({**rest, key: ""}, ensure_ascii=False, separators=(",", ":"))[: -len('"}')]
        headers = {"content-type": "application/json"}
        return await self._send(url, file, {"file": True, "base64": [before, '"}']}, headers, world, timeout_s)

    async def _send(  # noqa: PLR0917 - private, one caller each
        self,
        url: str,
        file: FilePart,
        body: dict[str, Any],
        headers: dict[str, str],
        world: World,
        timeout_s: float,
    ) -> Reply:
        exchange = self._bridge.next_id()
        request = page_request("POST", url, headers=headers, world=world)
        request |= {"input": exchange, "fileName": file.file_name, "mediaType": file.media_type, **body}
        async with handed_over(self._bridge, exchange, file.path):
            return await self._calls.perform(
                request, timeout_s=timeout_s, limit_bytes=ANSWER_LIMIT_BYTES, exchange=exchange
            )
