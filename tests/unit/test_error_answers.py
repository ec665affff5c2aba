import pytest

from gateway import errors
from gateway.web.error_responses import ERRORS, to_error
from tests.dialects.errors import every_error, sample


@pytest.mark.parametrize("error", every_error(), ids=lambda cls: cls.__name__)
def test_every_error_has_an_answer_on_purpose(error):
    answer = to_error(sample(error))
    assert 400 <= answer.status < 600
    assert ("retry-after" in answer.headers) or answer.status not in {429, 503}
    meant = any(cls in ERRORS for cls in error.__mro__ if cls is not errors.GatewayError)
    assert meant or error in {errors.GatewayError, errors.Internal, errors.StartRefused}, (
        "falls to the root by accident"
    )


def test_waiting_times_are_whole_seconds_and_never_zero():
    for given, told in [(0.01, "1"), (7.2, "8"), (60.0, "60")]:
        assert to_error(errors.RateLimited("x", retry_after_s=given)).headers["retry-after"] == told
    assert int(to_error(errors.RateLimited("x")).headers["retry-after"]) > 0
