"""One try: a POST to an address that was checked, and what its answer means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from gateway.outbound import pinning
from gateway.outbound.pinning import Pinning, Refused
from gateway.webhooks.model import Outcome

#: For everything: looking the name up, connecting, sending, and the beginning of the answer.
TIMEOUT_S = 20.0
#: For looking a name up while its caller waits.
CHECK_TIMEOUT_S = 5.0
#: What of an answer's body is read, and kept for people to look at.
ANSWER_BYTES = 1000
MAX_URL_CHARS = 2048


class Sender:
    """Sends to addresses that *gate* lets pass. plain: whether ``http://`` may be used."""

    def __init__(self, gate: Pinning, *, plain: bool) -> None:
        self._gate = gate
        self._schemes = pinning.HTTP_OR_HTTPS if plain else frozenset({"https"})

    async def check(self, url: str) -> None:
        """Raise Refused when nothing will ever be sent to *url*, as things are now; TimeoutError when that cannot be told."""
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await self._gate.pin(pinning.read_url(url, schemes=self._schemes, max_chars=MAX_URL_CHARS))

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """POST *body*, once. Never raises for what the other side does; redirects are not followed."""
        began = time.monotonic()
        status, answer, retry_after_s, error = None, "", None, ""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                pinned = await self._gate.pin(pinning.read_url(url, schemes=self._schemes, max_chars=MAX_URL_CHARS))
                async with self._gate.request(
                    "POST", pinned, headers=headers, content=body, timeout_s=TIMEOUT_S
                ) as response:
                    status = response.status_code
                    error = _meaning(status)
                    retry_after_s = _retry_after(response.headers.get("retry-after"))
                    answer = await _beginning(response)
        except TimeoutError:
            error = error or f"no answer within {TIMEOUT_S:g} s"
        except Refused as exc:
            error = str(exc)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as exc:
            # What matters was said before the connection broke.
            error = error if status is not None else pinning.in_words(exc)
        return Outcome(
            status=status,
            error=error,
            answer=answer,
            duration_s=round(time.monotonic() - began, 3),
            retry_after_s=retry_after_s,
        )


def _meaning(status: int) -> str:
    """Why an answer is no delivery, '' when it is one."""
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"answered {status}: redirects are not followed, name the last address"
    if status == 410:
        return "answered 410: the receiver wants no more of these"
    return f"answered {status}"


async def _beginning(response: httpx2.Response) -> str:
    """The first bytes of an answer, as text; the rest is not waited for."""
    read = b""
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= ANSWER_BYTES:
            break
    return read[:ANSWER_BYTES].decode("utf-8", "replace").replace("\x00", "")


def _retry_after(said: str | None) -> float | None:
    """Read ``Retry-After``, seconds or a date, as seconds from now."""
    if not said:
        return None
    if said.strip().isdecimal():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
