"""One error tree for the service. Each class has a stable ``code``; dialects map by class, most specific wins.

GatewayError                      retryable says whether the same request may succeed later
├── InvalidRequest                the caller's to mend; ``param`` names the field
│   ├── EmptyPrompt · InvalidJson · UnsupportedParameter · ModelNotFound · SpicyNotAllowed
│   └── InvalidImage ── ImageFetchFailed · ImageTooLarge
├── AuthenticationFailed · PermissionDenied
├── NotFound ── TaskNotFound · FileMissing · ResultExpired
├── IdempotencyConflict · VideoNotReady · TaskFinished
├── ContentModerated              the site's verdict on the request; never the profile's fault
├── ContextTooLong
├── CapacityError                 ── QueueFull · RateLimited · NoProfileReady · ShuttingDown · DatabaseUnavailable ·
│                                    MediaUnavailable
├── ProfileNotReady               the profile needs something before it can go on; the task waits
│   └── LoginRequired · ChallengeRequired · AntiBotRefused · AccountBlocked · StalePage
├── UpstreamError                 ── UpstreamOverloaded · UpstreamTimeout · UpstreamRefused · SpendingLimit · UpstreamDrifted ·
│                                    EmptyAnswer · AnswerCut · AnswerMalformed
├── GenerationError               ── GenerationFailed · NoVideoInAnswer · NoImageInAnswer · OutcomeUnknown ·
│                                    SuspectOutput · DownloadFailed · InvalidMedia
├── Cancelled · DeadlineExceeded
├── StorageFull · BrowserFailed · StartRefused
└── Internal                      a bug of ours; details are in the log, never in the answer
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """Root of the tree. The message is a sentence for the caller and names the next step where there is one."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, param: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s


class InvalidRequest(GatewayError):
    """A field is missing or has a value we do not take."""

    code = "invalid_value"


class EmptyPrompt(InvalidRequest):
    """A prompt is needed and there is none."""

    code = "empty_prompt"


class InvalidJson(InvalidRequest):
    """The body is not the JSON (or form) it claims to be."""

    code = "invalid_json"


class UnsupportedParameter(InvalidRequest):
    """We know the field and cannot honour it, so we say so instead of dropping it."""

    code = "unsupported_parameter"


class ModelNotFound(InvalidRequest):
    """No model of that name."""

    code = "model_not_found"


class SpicyNotAllowed(InvalidRequest):
    """The preset exists at the site; this gateway's operator has not turned it on."""

    code = "spicy_not_allowed"


class InvalidImage(InvalidRequest):
    """The bytes are not a picture the site takes."""

    code = "invalid_image"


class ImageFetchFailed(InvalidImage):
    """The picture's address could not be read."""

    code = "image_fetch_failed"


class ImageTooLarge(InvalidImage):
    """More bytes or pixels than the limit named in the message."""

    code = "image_too_large"


class AuthenticationFailed(GatewayError):
    """No key, or not one of ours."""

    code = "invalid_api_key"


class PermissionDenied(GatewayError):
    """The key is known and not allowed to do this."""

    code = "permission_denied"


class NotFound(GatewayError):
    """Nothing of that name, or not this key's."""

    code = "not_found"


class TaskNotFound(NotFound):
    """No task of that id belongs to this key."""

    code = "task_not_found"


class FileMissing(NotFound):
    """No such file, or its link is not valid."""

    code = "file_not_found"


class ResultExpired(NotFound):
    """The task is known; its file was removed when its time was over."""

    code = "result_expired"


class IdempotencyConflict(GatewayError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency_conflict"


class VideoNotReady(GatewayError):
    """The task has not produced its file yet."""

    code = "video_not_ready"
    retryable = True


class TaskFinished(GatewayError):
    """The task is already over; nothing to cancel."""

    code = "task_finished"


class ContentModerated(GatewayError):
    """The site refuses this content. Trying elsewhere would only multiply refusals."""

    code = "content_moderated"


class ContextTooLong(GatewayError):
    """The prompt or conversation is longer than the site takes."""

    code = "context_length_exceeded"


class CapacityError(GatewayError):
    """Not now: come back after ``retry_after_s``."""

    retryable = True


class QueueFull(CapacityError):
    """More tasks wait than this gateway (or this key) allows."""

    code = "queue_full"


class RateLimited(CapacityError):
    """The site, or the key's own limit, asks to slow down. ``retry_after_s`` comes from the site where it says."""

    code = "rate_limited"


class NoProfileReady(CapacityError):
    """No signed-in profile can do this now."""

    code = "no_profile_ready"


class ShuttingDown(CapacityError):
    """The gateway is stopping."""

    code = "shutting_down"


class DatabaseUnavailable(CapacityError):
    """The database does not answer; what was accepted is safe in it and goes on when it is back."""

    code = "database_unavailable"


class MediaUnavailable(CapacityError):
    """The store of files does not answer; finished videos wait until it is back."""

    code = "media_unavailable"


class ProfileNotReady(GatewayError):
    """The profile at work stopped being usable. The task goes back to the queue and waits."""

    code = "profile_not_ready"
    retryable = True


class LoginRequired(ProfileNotReady):
    """The site signed the profile out."""

    code = "login_required"


class ChallengeRequired(ProfileNotReady):
    """The site wants a human to confirm in this profile's browser."""

    code = "challenge_required"


class AntiBotRefused(ProfileNotReady):
    """The site's rules refused the request as automated; sending more would not help."""

    code = "blocked_by_site"


class AccountBlocked(ProfileNotReady):
    """The site suspended the account."""

    code = "account_blocked"


class StalePage(ProfileNotReady):
    """The site's page is out of date and was reloaded; the request was not acted upon."""

    code = "stale_page"


class UpstreamError(GatewayError):
    """The site failed us."""

    code = "upstream_error"
    retryable = True


class UpstreamOverloaded(UpstreamError):
    """The site sheds load."""

    code = "upstream_overloaded"


class UpstreamTimeout(UpstreamError):
    """The site did not answer in time."""

    code = "upstream_timeout"


class UpstreamRefused(UpstreamError):
    """The site refused the request for a reason of its own (bad input, not found); the message carries it."""

    code = "upstream_refused"
    retryable = False


class SpendingLimit(UpstreamError):
    """The site wants payment for this."""

    code = "upstream_spending_limit"
    retryable = False


class UpstreamDrifted(UpstreamError):
    """The site answered in a shape we do not understand; ``field`` names what was missing or strange."""

    code = "upstream_drifted"
    retryable = False

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class EmptyAnswer(UpstreamError):
    """The site called its answer complete and there was nothing in it."""

    code = "empty_answer"


class AnswerMalformed(UpstreamError):
    """The model did not answer in the form it was asked for: a tool's call, or JSON. The same request may do better."""

    code = "answer_malformed"


class AnswerCut(UpstreamError):
    """The site's answer broke off; what had come until then is not all of it."""

    code = "answer_cut"


class GenerationError(GatewayError):
    """The video or picture was asked for and did not come."""

    code = "generation_failed"


class GenerationFailed(GenerationError):
    """The site reports that the generation failed."""

    code = "generation_failed"
    retryable = True


class NoVideoInAnswer(GenerationError):
    """The site answered with text instead of a video; the text is in the message."""

    code = "no_video_in_answer"


class NoImageInAnswer(GenerationError):
    """The site answered with text instead of a picture; the text is in the message."""

    code = "no_image_in_answer"


class OutcomeUnknown(GenerationError):
    """The request left and nothing tells whether the site accepted it; it was not sent again."""

    code = "generation_outcome_unknown"
    retryable = True


class SuspectOutput(GenerationError):
    """The site returned a picture that it had already returned for another prompt."""

    code = "suspect_output"


class DownloadFailed(GenerationError):
    """The video exists at the site and could not be fetched."""

    code = "download_failed"
    retryable = True


class InvalidMedia(GenerationError):
    """What was fetched is not the video that was promised."""

    code = "invalid_media"


class Cancelled(GatewayError):
    """The caller (or the operator) cancelled the task."""

    code = "cancelled"


class DeadlineExceeded(GatewayError):
    """The task took longer than it may."""

    code = "deadline_exceeded"
    retryable = True


class StorageFull(GatewayError):
    """No room on the gateway's disk; free some, waiting work goes on by itself."""

    code = "storage_full"
    retryable = True


class BrowserFailed(GatewayError):
    """The browser died or hung under this piece of work."""

    code = "browser_failed"
    retryable = True


class StartRefused(GatewayError):
    """The gateway cannot run as it is set up; the message says what to change."""

    code = "start_refused"


class Internal(GatewayError):
    """A bug of ours."""

    code = "internal"
