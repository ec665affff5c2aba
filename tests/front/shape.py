"""The one shape of all errors, and the one way to ask for it."""

from __future__ import annotations

from typing import Any

import httpx2


def assert_error_shape(
    answer: httpx2.Response, status: int, code: str, *, param: str | None = None, type_: str | None = None
) -> dict[str, Any]:
    """Assert that *answer* is an error as documented; returns the error object.

    {"error": {"message": "…", "type": "…", "param": null, "code": "…"}}, with ``x-request-id`` on every answer and
    ``retry-after`` where coming back helps.
    """
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) <= {"error", "detail"}, body
    error: dict[str, Any] = body["error"]
    assert set(error) == {"message", "type", "param", "code"}, error
    assert error["code"] == code, error
    assert error["param"] == param, error
    assert error["message"], error
    assert "Traceback" not in answer.text
    if type_ is not None:
        assert error["type"] == type_, error
    assert answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status in {429, 503})
    if status == 401:
        assert body["detail"] == "未授权访问"
    return error
