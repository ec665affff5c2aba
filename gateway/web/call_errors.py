"""Errors of chat, responses, images and models: the usual ones, with what these clients expect otherwise.

An unknown model is a 404 here (OpenAI's; litellm reads `model_not_found` beside it). Repeating is discouraged where it cannot
help: SDKs send a request again by themselves after 429 and 5xx, and wait no longer than a minute before they do.
"""

from __future__ import annotations

from gateway.errors import CapacityError, GatewayError, ModelNotFound
from gateway.web.error_responses import Answer
from gateway.web.error_responses import to_error as usual_error

#: The longest `retry-after` that SDKs keep to; with a longer one they come back after a second.
SDK_WAITS_S = 60.0
RETRIED = frozenset({408, 409, 429})


def to_error(exc: GatewayError) -> Answer:
    """Return the answer for any error of the tree."""
    answer = usual_error(exc)
    status = 404 if isinstance(exc, ModelNotFound) else answer.status
    headers = dict(answer.headers)
    if (status in RETRIED or status >= 500) and not _worth_repeating(exc):
        headers["x-should-retry"] = "false"
    return Answer(status, answer.body, headers)


def _worth_repeating(exc: GatewayError) -> bool:
    if isinstance(exc, CapacityError):
        return exc.retry_after_s is None or exc.retry_after_s <= SDK_WAITS_S
    return exc.retryable
