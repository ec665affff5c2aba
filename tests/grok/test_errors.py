"""Every row of table 2.12, in every form it was seen or may take."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from browser import errors as browser
from browser.clearance import Clearance, Verdict
from gateway import errors as ours
from gateway.grok.errors import ROWS, Rest, judge, refuses_shape
from gateway.grok.exchange import BROWSER_ERRORS, from_browser
from gateway.grok.wire.problems import Problem, read_problem, read_stream_problem

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=UTF-8", "server": "cloudflare", "cf-ray": "8a"}
CHALLENGE_PAGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><script>window._cf_chl_opt={}"


def grpc(code: Any, message: str, **more: Any) -> str:
    return json.dumps({"error": {"code": code, "message": message, "details": [], **more}})


def bare(code: Any, message: str) -> str:
    return json.dumps({"code": code, "message": message, "details": []})


def in_response(**error: Any) -> dict[str, Any]:
    return {"error": {"severity": "STREAM_ERROR_SEVERITY_NORMAL", **error}}


#: (row, status or None for in-stream, headers, body, error, clearance | "rest" | None)
CASES: list[tuple[str, int | None, dict[str, str], str | dict[str, Any], type[Exception], Any]] = [
    ("challenge", 403, {**HTML, "cf-mitigated": "challenge"}, CHALLENGE_PAGE, ours.ChallengeRequired, Clearance.CHALLENGED),
    ("challenge", 503, HTML, CHALLENGE_PAGE, ours.ChallengeRequired, Clearance.CHALLENGED),
    ("challenge", 200, HTML, CHALLENGE_PAGE, ours.ChallengeRequired, Clearance.CHALLENGED),
    ("challenge", 403, {"cf-mitigated": "challenge"}, "", ours.ChallengeRequired, Clearance.CHALLENGED),
    ("challenge", 503, {"cf-mitigated": "challenge"}, "", ours.ChallengeRequired, Clearance.CHALLENGED),
    ("challenge", 403, {"server": "cloudflare"}, "", ours.ChallengeRequired, Clearance.CHALLENGED),
    ("challenge", 403, {}, "<html><script src=/cdn-cgi/challenge-platform/x>", ours.ChallengeRequired, Clearance.CHALLENGED),
    ("challenge", 429, HTML, CHALLENGE_PAGE, ours.ChallengeRequired, Clearance.CHALLENGED),
    ("stale_page", 403, JSON, grpc(7, "This page is out of date. Reload to continue."), ours.StalePage, Clearance.STALE_PAGE),
    ("stale_page", 403, JSON, bare("7", "this page is OUT OF DATE. Reload"), ours.StalePage, Clearance.STALE_PAGE),
    ("stale_page", 403, JSON, bare("PERMISSION_DENIED", "This page is out of date."), ours.StalePage, Clearance.STALE_PAGE),
    ("anti_bot", 403, JSON, grpc(7, "Request rejected by anti-bot rules."), ours.AntiBotRefused, Clearance.BLOCKED),
    ("anti_bot", None, {}, {"error": {"code": 7, "message": "Rejected by Anti-Bot rules"}}, ours.AntiBotRefused, Clearance.BLOCKED),
    ("anti_bot", 403, HTML, "<html><title>Attention Required! | Cloudflare</title>Sorry, you have been blocked",
     ours.AntiBotRefused, Clearance.BLOCKED),
    ("anti_bot", 403, {"content-type": "text/plain"}, "error code: 1020", ours.AntiBotRefused, Clearance.BLOCKED),
    ("login", 401, JSON, grpc(16, "Unauthenticated"), ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    ("login", 401, {}, "", ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    ("login", 400, JSON, grpc(3, "invalid-credentials"), ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    ("login", 403, JSON, bare(7, "Failed to look up session ID: not found"), ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    ("login", 403, JSON, json.dumps({"error": "bad-credentials"}), ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    ("login", 403, JSON, grpc(7, "Token expired"), ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    ("login", None, {}, {"error": {"code": 16, "message": "x"}}, ours.LoginRequired, Clearance.LOGIN_REQUIRED),
    ("account_blocked", 403, JSON, grpc(7, "User is blocked [WKE=unauthorized:blocked-user]"), ours.AccountBlocked, Clearance.BLOCKED),
    ("account_blocked", 403, JSON, grpc(7, "Your account was suspended."), ours.AccountBlocked, Clearance.BLOCKED),
    ("rate_limit", 429, JSON, grpc(8, "Too many requests"), ours.RateLimited, "rest"),
    ("rate_limit", 429, {}, "", ours.RateLimited, "rest"),
    ("rate_limit", 429, HTML, "<html><title>error code: 1015</title>", ours.RateLimited, "rest"),
    ("rate_limit", None, {}, {"error": {"code": 8, "message": "Too many requests"}}, ours.RateLimited, "rest"),
    ("rate_limit", None, {}, in_response(message="You've reached your usage limit", usageLimitReached={}), ours.RateLimited, "rest"),
    ("rate_limit", None, {}, in_response(message="", globalRateLimit={}), ours.RateLimited, "rest"),
    ("rate_limit", None, {}, in_response(message="one at a time", concurrencyLimit={}), ours.RateLimited, "rest"),
    ("rate_limit", None, {}, in_response(message="slow", renderToolRateLimited={}), ours.RateLimited, "rest"),
    ("rate_limit", None, {}, {"type": "error", "err_code": "rate_limit_exceeded", "err_msg": "Image rate limit exceeded"},
     ours.RateLimited, "rest"),
    ("media_credits", None, {}, in_response(message="No credits", usagePoolExhausted={}), ours.RateLimited, "rest"),
    ("media_credits", 200, JSON, grpc(8, "You are out of media generation credits"), ours.RateLimited, "rest"),
    ("overload", None, {}, in_response(message="Stream aborted by server: ResourceExhausted", modelNotAvailable={}),
     ours.UpstreamOverloaded, None),
    ("overload", None, {}, in_response(message="", systemKillSwitch={}), ours.UpstreamOverloaded, None),
    ("overload", None, {}, in_response(message="", internalError={}), ours.UpstreamOverloaded, None),
    ("moderation", 403, JSON, grpc("content-moderated", "Content is moderated"), ours.ContentModerated, None),
    ("moderation", 403, JSON, json.dumps({"code": "CONTENT_MODERATED", "message": "no"}), ours.ContentModerated, None),
    ("moderation", 200, JSON, grpc(3, "Content violates usage guidelines."), ours.ContentModerated, None),
    ("moderation", None, {}, in_response(message="", contentModerated={}), ours.ContentModerated, None),
    ("moderation", None, {}, in_response(message="", attachmentModerated={"fileName": "a.png"}), ours.ContentModerated, None),
    ("bad_input", 400, JSON, grpc(3, "Invalid source post id"), ours.UpstreamRefused, None),
    ("bad_input", 400, JSON, bare("3", "bad"), ours.UpstreamRefused, None),
    ("bad_input", 405, {}, "", ours.UpstreamRefused, None),
    ("not_found", 404, JSON, grpc(5, "not found"), ours.UpstreamRefused, None),
    ("attachment_too_large", 413, {}, "", ours.ImageTooLarge, None),
    ("attachment_too_large", None, {}, in_response(message="", attachmentImageTooLarge={"maxSizeBytes": "100", "fileName": "a.png"}),
     ours.ImageTooLarge, None),
    ("attachment_too_large", 403, JSON, grpc(3, "x", attachmentFileTooLarge={}), ours.ImageTooLarge, None),
    ("attachment", None, {}, in_response(message="", attachmentTooManyPages={}), ours.InvalidImage, None),
    ("attachment", 400, JSON, grpc(3, "x", attachmentLoadFailed={}), ours.InvalidImage, None),
    ("too_long", None, {}, in_response(message="", beyondContextLength={}), ours.ContextTooLong, None),
    ("too_long", None, {}, in_response(message="", userPromptTooLong={}), ours.ContextTooLong, None),
    ("tool_failed", None, {}, in_response(message="", renderToolFailed={}), ours.GenerationFailed, None),
    ("tool_failed", None, {}, in_response(message="", toolCallFailed={}), ours.GenerationFailed, None),
    ("per_message", None, {}, in_response(message="", renderPerMessageLimitExceeded={}), ours.UpstreamRefused, None),
    ("cancelled", None, {}, in_response(message="", requestCancelled={}), ours.UpstreamError, None),
    ("load_shed", 500, JSON, grpc(13, "internal"), ours.UpstreamOverloaded, None),
    ("load_shed", 502, HTML, "<html><title>502 Bad gateway</title>", ours.UpstreamOverloaded, None),
    ("load_shed", 503, JSON, bare(14, "upstream connect error"), ours.UpstreamOverloaded, None),
    ("load_shed", 503, {}, "", ours.UpstreamOverloaded, None),
    ("load_shed", 504, HTML, "<html>", ours.UpstreamOverloaded, None),
    ("load_shed", None, {}, {"error": {"code": 14, "message": "unavailable"}}, ours.UpstreamOverloaded, None),
    ("timeout", 408, {}, "", ours.UpstreamTimeout, None),
    ("spending", 402, JSON, grpc(9, "pay"), ours.SpendingLimit, None),
    ("refused", 403, JSON, grpc(7, "You may not do that"), ours.UpstreamRefused, None),
    ("refused", 418, {}, "teapot", ours.UpstreamRefused, None),
    ("definite", None, {}, {"error": {"message": "no", "severity": "STREAM_ERROR_SEVERITY_FATAL"}}, ours.UpstreamRefused, None),
    ("rate_limit", 429, HTML, bare(8, "Too many requests"), ours.RateLimited, "rest"),
    ("refused", 403, HTML, grpc(7, "not this one"), ours.UpstreamRefused, None),
    ("unknown", None, {}, in_response(message="odd", neverSeen={}), ours.UpstreamError, None),
    ("unknown", 200, HTML, "<html><title>Grok</title><script src=/cdn-cgi/challenge-platform/scripts/jsd/main.js>",
     ours.UpstreamDrifted, None),
]  # fmt: skip


def problem_of(status: int | None, headers: dict[str, str], body: str | dict[str, Any]) -> Problem:
    if isinstance(body, dict):
        return read_stream_problem(body) if status is None else read_problem(status, headers, json.dumps(body))
    assert status is not None
    return read_problem(status, headers, body)


@pytest.mark.parametrize(("row", "status", "headers", "body", "error", "effect"), CASES)
def test_row(row: str, status: int | None, headers: dict[str, str], body: Any, error: type, effect: Any) -> None:
    finding = judge(problem_of(status, headers, body), NOW)
    assert (finding.row, type(finding.error)) == (row, error)
    match finding.effect:
        case Verdict(clearance=clearance):
            assert clearance is effect
        case Rest():
            assert effect == "rest"
        case None:
            assert effect is None


def test_every_row_has_an_example() -> None:
    assert {row.name for row in ROWS} == {case[0] for case in CASES}


WRAPPED = [case for case in CASES if isinstance(case[3], str) and case[3].startswith('{"error": {')]


@pytest.mark.parametrize("case", WRAPPED)
def test_wrapping_does_not_matter(case: Any) -> None:
    """`{"error": {…}}` and `{…}` say the same."""
    row, status, headers, body, *_ = case
    assert judge(read_problem(status, headers, json.dumps(json.loads(body)["error"])), NOW).row == row


@pytest.mark.parametrize(
    ("headers", "body", "after_s"),
    [
        ({"retry-after": "90"}, {}, 90),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=60), usegmt=True)}, {}, 60),
        ({}, {"availableAt": (NOW + timedelta(hours=1)).isoformat()}, 3600),
        ({}, {"error": {"details": [{"nextAvailableAt": "2026-11-21T12:00:30.230702760Z"}]}}, 30.230702),
        ({}, {"waitTimeSeconds": 45}, 45),
        ({}, {"error": {"details": [{"@type": "RetryInfo", "retryDelay": "12s"}]}}, 12),
        ({}, {"availableAt": int((NOW + timedelta(seconds=20)).timestamp() * 1000)}, 20),
        ({}, {"availableAt": "2020-01-01T00:00:00Z"}, None),
        ({"retry-after": "soon"}, {}, None),
        ({}, {}, None),
    ],
)
def test_when_to_come_back(headers: dict[str, str], body: dict[str, Any], after_s: float | None) -> None:
    finding = judge(read_problem(429, headers, json.dumps(body)), NOW)
    assert isinstance(finding.effect, Rest)
    assert isinstance(finding.error, ours.RateLimited)
    if after_s is None:
        assert finding.effect.until is None
        assert finding.error.retry_after_s is None
    else:
        assert finding.effect.until == NOW + timedelta(seconds=after_s)
        assert finding.error.retry_after_s == pytest.approx(after_s)


@pytest.mark.parametrize(
    ("status", "body", "own", "refused"),
    [
        (400, grpc(3, 'proto: (line 1:2): unknown field "mediaGenInput"'), False, True),
        (400, grpc(3, "unsupported kind CONVERSATION_KIND_IMAGINE"), False, True),
        (400, grpc(3, "Unknown model: imagine-video-gen"), False, True),
        (400, grpc(3, "Unknown modelName grok-3"), False, True),
        (400, grpc(3, "Unexpected property 'mediaGenInput'"), False, True),
        (400, grpc(3, "unsupported request shape"), False, True),
        (400, grpc(3, "Outdated request format."), False, True),
        (400, grpc(3, "Unrecognised field: kind"), False, True),
        (400, grpc(3, "Model imagine-video-gen not found"), False, True),
        (400, grpc(3, "imagine-video-gen takes a duration of 6 or 10"), False, False),
        (400, grpc(3, "parentPostId is required"), False, True),
        (400, grpc(3, "Invalid request"), False, False),
        (400, grpc(3, "mediaGenInput.textToVideo.duration must be 6 or 10"), False, False),
        (400, grpc(3, "Invalid source post id"), False, False),
        (400, grpc(3, "prompt is empty"), False, False),
        (404, grpc(5, "Not Found"), True, True),
        (404, grpc(5, "Not Found"), False, False),
        (405, "", False, True),
        (501, grpc(12, "unimplemented"), False, True),
        (403, grpc(7, "This page is out of date."), True, False),
        (500, grpc(13, "internal"), True, False),
    ],
)
def test_shape_refusals(status: int, body: str, own: bool, refused: bool) -> None:
    assert refuses_shape(read_problem(status, JSON, body), own_endpoint=own) is refused


def subclasses(cls: type) -> set[type]:
    return {cls} | {below for direct in cls.__subclasses__() for below in subclasses(direct)}


def test_every_browser_error_is_mapped_on_purpose() -> None:
    assert set(BROWSER_ERRORS) >= {
        cls for cls in subclasses(browser.BrowserError) if cls.__module__ == "browser.errors"
    }


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (browser.SlotLost("x"), ours.BrowserFailed),
        (browser.TransportTimeout("x"), ours.UpstreamTimeout),
        (browser.TransportFailed("x"), ours.UpstreamError),
        (browser.TransportRefused("x", status=500), ours.UpstreamError),
        (browser.ProfileNotCleared("x"), ours.ProfileNotReady),
        (browser.StorageFull("x"), ours.StorageFull),
    ],
)
def test_browser_errors(raised: browser.BrowserError, expected: type) -> None:
    assert type(from_browser(raised)) is expected
