"""What is the same in the golden tests of all video dialects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from gateway import errors
from gateway.errors import GatewayError
from gateway.web.error_responses import Answer
from gateway.web.video_requests import VideoRequest
from tests.dialects.errors import every_error, sample
from tests.dialects.golden import Golden

#: Errors that a dialect may leave to the root of its mapping: bugs, and what never reaches a client.
LEFT_TO_ROOT = {GatewayError, errors.Internal, errors.StartRefused}


def golden_of(dialect: str, request: pytest.FixtureRequest) -> Iterator[Golden]:
    """The golden files of *dialect*; at the end none may be left that no test asked for."""
    golden = Golden(dialect, update=request.config.getoption("--update-golden"))
    yield golden
    if request.session.testsfailed == 0 and not request.config.option.keyword:
        assert golden.stale() == [], "no test asks for these"


def check_errors(
    golden: Golden, to_error: Callable[[GatewayError], Answer], table: Mapping[type[GatewayError], Any]
) -> None:
    """Every error of the tree is mapped on purpose, and told so that every client finds it."""
    said = {}
    for cls in every_error():
        mapped = next(one for one in cls.__mro__ if one in table)
        assert mapped is not GatewayError or cls in LEFT_TO_ROOT, f"{cls.__name__} is mapped by nobody"
        answer = to_error(sample(cls))
        assert {"message", "type", "param", "code"} <= set(answer.body["error"])
        assert ("retry-after" in answer.headers) == (answer.status in {429, 503} or "retry-after" in answer.headers)
        said[cls.__name__] = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
    golden.check("errors", said)


def read_of(request: VideoRequest) -> dict[str, Any]:
    """A create as it was understood, as JSON."""
    return {
        "prompt": request.prompt, "seconds": request.seconds, "at_least_s": request.at_least_s,
        "resolution": request.resolution, "aspect_ratio": request.aspect_ratio, "preset": request.preset,
        "mode": request.mode, "pictures": list(request.pictures), "asked": dict(request.asked),
    }  # fmt: skip


def assert_nothing_secret(shown: Any) -> None:
    assert "secret" not in json.dumps(shown), "nothing of the account or the site"
