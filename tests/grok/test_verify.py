"""The session check and what pages tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from browser.clearance import Clearance
from browser.errors import TransportFailed
from browser.transport import PageFacts, Reply
from gateway.grok.verify import judge_page, judge_session

SESSION = {
    "userId": "U",
    "email": "user@example.com",
    "givenName": "T",
    "xSubscriptionType": "SuperGrok",
    "neverSeen": {"a": 1},
}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "clearance"),
    [
        (200, JSON, {"status": "authenticated", "session": SESSION}, Clearance.READY),
        (200, JSON, {"session": {"userId": "U"}}, Clearance.READY),
        (200, JSON, {"status": "AUTHENTICATED", "session": {"user": {"id": "U"}}}, Clearance.READY),
        (200, JSON, {"status": "unauthenticated"}, Clearance.LOGIN_REQUIRED),
        (200, JSON, {"status": "unauthenticated", "session": None}, Clearance.LOGIN_REQUIRED),
        (200, JSON, {"status": "authenticated", "session": None}, Clearance.LOGIN_REQUIRED),
        (200, JSON, {"session": {}}, Clearance.LOGIN_REQUIRED),
        (200, JSON, "null", Clearance.LOGIN_REQUIRED),
        (200, JSON, "", Clearance.LOGIN_REQUIRED),
        (200, JSON, {"status": "blocked"}, Clearance.BLOCKED),
        (200, JSON, {"status": "blocked", "session": SESSION}, Clearance.BLOCKED),
        (200, JSON, {"error": {"code": 7, "message": "Request rejected by anti-bot rules."}}, Clearance.BLOCKED),
        (401, JSON, {"code": 16, "message": "x", "details": []}, Clearance.LOGIN_REQUIRED),
        (403, JSON, {"code": 7, "message": "odd", "details": []}, Clearance.LOGIN_REQUIRED),
        (403, {"content-type": "text/html"}, "<html><title>Just a moment...</title>", Clearance.CHALLENGED),
        (403, {"cf-mitigated": "challenge"}, "", Clearance.CHALLENGED),
        (403, JSON, {"error": {"code": 7, "message": "This page is out of date."}}, Clearance.STALE_PAGE),
    ],
)
def test_session(status: int, headers: dict[str, str], body: Any, clearance: Clearance) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    assert judge_session(Reply(status, headers, text)).clearance is clearance


def test_account_facts_are_masked() -> None:
    verdict = judge_session(Reply(200, JSON, json.dumps({"status": "authenticated", "session": SESSION})))
    assert dict(verdict.account) == {"id": "U", "name": "u…@example.com", "tier": "SuperGrok"}


@pytest.mark.parametrize(
    ("status", "text"), [(500, ""), (429, "{}"), (404, "{}"), (200, "<html><title>Grok</title>"), (200, "[]")]
)
def test_an_answer_that_tells_nothing_is_no_verdict(status: int, text: str) -> None:
    with pytest.raises(TransportFailed):
        judge_session(Reply(status, {}, text))


@pytest.mark.parametrize(
    ("page", "clearance"),
    [
        (PageFacts("https://grok.com/", 403, {"cf-mitigated": "challenge"}, "Just a moment..."), Clearance.CHALLENGED),
        (PageFacts("https://grok.com/", 200, {}, "Just a moment..."), Clearance.CHALLENGED),
        (PageFacts("https://grok.com/", 503, {}, "", "<script>window._cf_chl_opt"), Clearance.CHALLENGED),
        (
            PageFacts("https://grok.com/", 403, {}, "Attention Required!", "Sorry, you have been blocked"),
            Clearance.BLOCKED,
        ),
        (PageFacts("https://accounts.x.ai/sign-in?redirect=grok-com", 200), Clearance.LOGIN_REQUIRED),
        (PageFacts("https://grok.com/sign-in", 200), Clearance.LOGIN_REQUIRED),
        (PageFacts("https://grok.com/", 200, {}, "Grok", "<script src=/cdn-cgi/challenge-platform/jsd.js>"), None),
        (PageFacts("https://grok.com/", 502, {}, "Bad gateway"), None),
        (PageFacts("chrome-error://chromewebdata/", 0), None),
    ],
)
def test_pages(page: PageFacts, clearance: Clearance | None) -> None:
    verdict = judge_page(page)
    assert (verdict.clearance if verdict else None) is clearance
