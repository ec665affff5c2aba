"""The refusals of table 2.12: plain answers here, errors inside a 200 stream below."""

from __future__ import annotations

import time
from typing import Any

from tests.simulator.state.accounts import timestamp

from .visit import Reply, Visit, problem, reply_html, reply_json

STALE = "This page is out of date. Reload to continue."
ANTIBOT = "Request rejected by anti-bot rules."
UNKNOWN_FIELD = 'proto: (line 1:{column}): unknown field "{name}"'


def stale_page() -> Reply:
    return problem(403, 7, STALE, wrapped=True)


def antibot() -> Reply:
    return problem(403, 7, ANTIBOT, wrapped=True)


def too_many(retry_after: str = "") -> Reply:
    headers = {"retry_after": retry_after} if retry_after not in ("", "0") else {}
    return problem(429, 8, "Too many requests", wrapped=True, **headers)


def unknown_field(name: str, column: int = 1) -> Reply:
    return problem(400, 3, UNKNOWN_FIELD.format(name=name, column=column))


def invalid_credentials(shape: str = "401") -> Reply:
    """The three ways in which the site says that a login has ended."""
    if shape == "400":
        return problem(400, 16, "Failed to look up session ID. [WKE=unauthenticated:invalid-credentials]")
    if shape == "403":
        return reply_json({"error": {"code": "bad-credentials", "message": "token expired/revoked"}}, 403)
    return problem(401, 16, "Invalid credentials: invalid-credentials")


def blocked_user() -> Reply:
    return problem(403, 7, "User is blocked [WKE=permission-denied:blocked-user]")


def html_error(status: int, title: str) -> Reply:
    text = f"<html><head><title>{status} {title}</title></head><body><center><h1>{status} {title}</h1></center></body></html>"
    return reply_html(text, status, server="cloudflare")


def scripted(visit: Visit) -> Reply | None:
    """The refusal a scenario asks for, if one does."""
    script = visit.script
    if "rate-limit-429" in script:
        return too_many(script["rate-limit-429"])
    if "content-moderated-403" in script:
        return visit.problem(403, "content-moderated", "Content violates usage guidelines.")
    if "bad-input" in script:
        return problem(400, 3, "Invalid argument: the request could not be understood")
    if "not-found" in script:
        return visit.problem(404, 5, "Not found")
    if "shape-refused" in script:
        return unknown_field("mediaGenInput" if "mediaGenInput" in visit.json else "videoGenModelConfig")
    if "spending-402" in script:
        return visit.problem(402, 9, "Spending limit reached")
    if script.get("attachment-too-large") == "413":
        return visit.problem(413, 3, "attachmentImageTooLarge")
    return _load_shed(visit)


def _load_shed(visit: Visit) -> Reply | None:
    script = visit.script
    if "load-shed-500" in script:
        return visit.problem(500, 13, "Internal error")
    if "load-shed-502" in script:
        return html_error(502, "Bad Gateway")
    if "load-shed-503" in script:
        html = script["load-shed-503"] == "html"
        return html_error(503, "Service Unavailable") if html else visit.problem(503, 14, "Service is overloaded")
    if "load-shed-504" in script:
        html = script["load-shed-504"] == "html"
        return html_error(504, "Gateway Time-out") if html else visit.problem(504, 14, "Deadline exceeded")
    return None


OVERLOAD = "Stream aborted by server: status: 'ResourceExhausted', self: \"The service is currently overloaded, try again later\""
WARNING = "STREAM_ERROR_SEVERITY_NORMAL"
FATAL = "STREAM_ERROR_SEVERITY_FATAL"


def stream_error(script: dict[str, str]) -> dict[str, Any] | None:
    """The value of `result.response.error` a scenario asks for."""
    if "rate-limit-in-stream" in script:
        return {"message": "You've reached your usage limit for now.", "usageLimitReached": {}, "severity": FATAL}
    if "usage-pool-exhausted" in script:
        return {
            "message": "You have used up your media generation credits.",
            "usagePoolExhausted": {"availableAt": timestamp(time.time() + 3600)},
            "severity": FATAL,
        }
    if "stream-overload" in script:
        return {"message": OVERLOAD, "modelNotAvailable": {}, "severity": WARNING}
    if "context-too-long" in script:
        return {"message": "The conversation is too long.", "beyondContextLength": {}, "severity": FATAL}
    if "attachment-too-large" in script:
        detail = {"maxSizeBytes": "25000000", "fileName": "input.png"}
        return {"message": "The image is too large.", "attachmentImageTooLarge": detail, "severity": FATAL}
    if "concurrency-limit" in script:
        return {"message": "Too many generations at once.", "concurrencyLimit": {}, "severity": FATAL}
    if "stream-error" in script:
        key = script["stream-error"] or "internalError"
        return {"message": f"Something went wrong: {key}", key: {}, "severity": FATAL}
    return None
