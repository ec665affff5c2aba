"""What an answer of the site means for the request and for the profile: table 2.12 of upstream.md, one row per rule.

Pure: `judge` returns an error and an effect; ``exchange.py`` applies the effect to the lease. The most specific rule
stands first. Moderation never has an effect; a rate limit rests one kind of work and never condemns the profile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from browser.clearance import Clearance, Verdict
from gateway.errors import (
    AccountBlocked,
    AntiBotRefused,
    ChallengeRequired,
    ContentModerated,
    ContextTooLong,
    GatewayError,
    GenerationFailed,
    ImageTooLarge,
    InvalidImage,
    LoginRequired,
    RateLimited,
    SpendingLimit,
    StalePage,
    UpstreamDrifted,
    UpstreamError,
    UpstreamOverloaded,
    UpstreamRefused,
    UpstreamTimeout,
)
from gateway.grok.wire.fields import integer, mapping, text, walk
from gateway.grok.wire.problems import Problem


@dataclass(frozen=True, slots=True)
class Rest:
    """The kind of work at hand rests on this profile. until: None when the site names no time."""

    until: datetime | None
    reason: str


Effect: TypeAlias = Verdict | Rest | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What an answer means. row: which line of the table it is. fatal: the site says it will not go on."""

    row: str
    error: GatewayError
    effect: Effect = None
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: when it applies, and what it makes of a problem."""

    name: str
    applies: Callable[[Problem], bool]
    make: Callable[[Problem, datetime], tuple[GatewayError, Effect]]


_CHALLENGE_MARKS = (
    "just a moment",
    "__cf_chl",
    "cf-challenge",
    "challenge-platform",
    "cf_chl_opt",
    "attention required",
)
_BLOCK_MARKS = ("you have been blocked", "error code: 1020", "access denied | ", "error 1020")
_LOGIN_MARKS = (
    "invalid-credentials", "invalid credentials", "bad-credentials", "bad credentials", "failed to look up session",
    "token expired", "token revoked", "token has expired", "token has been revoked", "session expired", "session has expired",
    "not logged in", "unauthenticated", "login required",
)  # fmt: skip
_BLOCKED_MARKS = (
    "blocked-user",
    "user is blocked",
    "user-blocked",
    "suspended",
    "account is blocked",
    "account has been",
)
_LIMIT_KEYS = ("usageLimitReached", "globalRateLimit", "concurrencyLimit", "renderToolRateLimited", "rateLimitExceeded")
_OVERLOAD_KEYS = ("modelNotAvailable", "systemKillSwitch", "internalError")


def _http(problem: Problem, *statuses: int) -> bool:
    return problem.status in statuses


def _is_challenge(p: Problem) -> bool:
    if "challenge" in p.headers.get("cf-mitigated", "").lower():
        return True
    if p.is_page and p.mentions("<title>just a moment"):
        return True  # whatever the status; the script's name alone also stands in ordinary pages
    if not _http(p, 401, 403, 429, 503):
        return False
    if p.is_page:
        return not p.mentions(*_BLOCK_MARKS) and (p.mentions(*_CHALLENGE_MARKS) or _http(p, 403))
    return p.empty and _http(p, 403)


def _challenge(p: Problem, _: datetime) -> tuple[GatewayError, Effect]:
    shown = f"HTTP {p.status}, {p.message or 'empty page'}"
    reason = f"the site asks for a human check ({shown})"
    return ChallengeRequired(reason), Verdict(Clearance.CHALLENGED, reason)


def _verdict(
    error: type[GatewayError], clearance: Clearance, sentence: str
) -> Callable[..., tuple[GatewayError, Effect]]:
    def make(p: Problem, _: datetime) -> tuple[GatewayError, Effect]:
        reason = f"{sentence}: {p.message[:200]}" if p.message else sentence
        return error(reason), Verdict(clearance, reason)

    return make


def _plain(error: type[GatewayError], sentence: str) -> Callable[..., tuple[GatewayError, Effect]]:
    def make(p: Problem, _: datetime) -> tuple[GatewayError, Effect]:
        where = "" if p.status is None else f" (HTTP {p.status})"
        return error(f"{sentence}{where}: {p.message[:300]}" if p.message else f"{sentence}{where}"), None

    return make


def _rest(sentence: str) -> Callable[..., tuple[GatewayError, Effect]]:
    def make(p: Problem, now: datetime) -> tuple[GatewayError, Effect]:
        until = p.come_back_at(now)
        reason = f"{sentence}: {p.message[:200]}" if p.message else sentence
        after_s = None if until is None else max(1.0, (until - now).total_seconds())
        return RateLimited(reason, retry_after_s=after_s), Rest(until, reason)

    return make


def _too_large(p: Problem, _: datetime) -> tuple[GatewayError, Effect]:
    facts = next((mapping({key: value}, key) for key, value in walk(p.body) if key.startswith("attachment")), {})
    limit, name = integer(facts, "maxSizeBytes"), text(facts, "fileName")
    sentence = f"the site finds the picture{f' {name!r}' if name else ''} too large"
    return ImageTooLarge(f"{sentence} (limit {limit} bytes)" if limit else sentence, param="image"), None


def _unknown(p: Problem, _: datetime) -> tuple[GatewayError, Effect]:
    if p.is_page:
        return UpstreamDrifted(f"the site sent a web page ({p.message[:120]}) where JSON belongs", field="body"), None
    return UpstreamError(f"the site reports an error: {p.message[:300] or 'without saying which'}"), None


#: Table 2.12, most specific first. ``tests/grok/test_errors.py`` holds at least one example of every row.
ROWS: tuple[Row, ...] = (
    Row("challenge", _is_challenge, _challenge),
    Row(
        "moderation",
        lambda p: (
            p.word == "content-moderated"
            or p.has("contentModerated", "attachmentModerated")
            or p.mentions("violates usage guidelines", "content-moderated", "content moderated", "content_moderated")
        ),
        _plain(ContentModerated, "the site refuses this content"),
    ),
    Row(
        "stale_page",
        lambda p: p.mentions("page is out of date", "reload to continue"),
        _verdict(StalePage, Clearance.STALE_PAGE, "the site calls its page out of date"),
    ),
    Row(
        "anti_bot",
        lambda p: p.mentions("anti-bot", "antibot") or (not p.body and _http(p, 403) and p.mentions(*_BLOCK_MARKS)),
        _verdict(AntiBotRefused, Clearance.BLOCKED, "the site's rules refuse this browser's requests as automated"),
    ),
    Row(
        "account_blocked",
        lambda p: p.status in {None, 400, 401, 403} and p.mentions(*_BLOCKED_MARKS),
        _verdict(AccountBlocked, Clearance.BLOCKED, "the site blocked the account"),
    ),
    Row(
        "login",
        lambda p: p.status == 401 or p.code == 16 or (p.status in {None, 400, 403} and p.mentions(*_LOGIN_MARKS)),
        _verdict(LoginRequired, Clearance.LOGIN_REQUIRED, "the site no longer knows the sign-in"),
    ),
    Row(
        "media_credits",
        lambda p: p.has("usagePoolExhausted") or p.mentions("media generation credits", "usage pool"),
        _rest("the account's media credits are used up"),
    ),
    Row(
        "overload",
        lambda p: (
            not _http(p, 429)
            and (p.has(*_OVERLOAD_KEYS) or p.mentions("stream aborted by server", "model is overloaded"))
        ),
        _plain(UpstreamOverloaded, "the site is overloaded"),
    ),
    Row(
        "rate_limit",
        lambda p: (
            p.status == 429
            or (p.code == 8 and not _http(p, 500, 502, 503, 504))
            or p.has(*_LIMIT_KEYS)
            or p.word in {"rate-limit-exceeded", "rate-limited"}
            or p.mentions("too many requests", "usage limit", "rate limit")
        ),
        _rest("the site's limit for this kind of work is reached"),
    ),
    Row("spending", lambda p: p.status == 402, _plain(SpendingLimit, "the site wants payment for this")),
    Row(
        "attachment_too_large",
        lambda p: p.status == 413 or p.has("attachmentImageTooLarge", "attachmentFileTooLarge"),
        _too_large,
    ),
    Row(
        "attachment",
        lambda p: p.has("attachmentTooManyPages", "attachmentLoadFailed"),
        _plain(InvalidImage, "the site could not read the attachment"),
    ),
    Row(
        "too_long",
        lambda p: p.has("beyondContextLength", "userPromptTooLong"),
        _plain(ContextTooLong, "the prompt is longer than the site takes"),
    ),
    Row(
        "tool_failed",
        lambda p: p.has("renderToolFailed", "toolCallFailed"),
        _plain(GenerationFailed, "the site's generation failed"),
    ),
    Row(
        "per_message",
        lambda p: p.has("renderPerMessageLimitExceeded"),
        _plain(UpstreamRefused, "too much for one message"),
    ),
    Row(
        "cancelled",
        lambda p: p.has("requestCancelled") or p.code == 1,
        _plain(UpstreamError, "the site gave the request up"),
    ),
    Row(
        "not_found",
        lambda p: p.status in {404, 410} or p.code == 5,
        _plain(UpstreamRefused, "the site does not know it"),
    ),
    Row("timeout", lambda p: p.status == 408 or p.code == 4, _plain(UpstreamTimeout, "the site took too long")),
    Row(
        "load_shed",
        lambda p: (p.status or 0) >= 500 or p.code in {13, 14, 2, 10, 15},
        _plain(UpstreamOverloaded, "the site sheds load"),
    ),
    Row(
        "bad_input",
        lambda p: p.code in {3, 9, 11, 6, 12} or p.status in {400, 405, 409, 422},
        _plain(UpstreamRefused, "the site refuses the request"),
    ),
    Row(
        "refused",
        lambda p: 400 <= (p.status or 0) < 500 or p.code == 7,
        _plain(UpstreamRefused, "the site refuses this"),
    ),
    Row("definite", lambda p: p.fatal, _plain(UpstreamRefused, "the site refuses this for good")),
    Row("unknown", lambda _: True, _unknown),
)

#: Words in a refusal that speak of the request's shape …
_SHAPE_MARKS = (
    "unknown field", "unknown name", "cannot find field", "no such field", "unrecognized", "unknown model",
    "model not found", "invalid model", "unsupported model", "unsupported kind", "unknown kind", "invalid kind",
    "conversation kind", "conversation_kind", "unknown enum", "invalid value for enum", "no longer supported", "deprecated",
    "unrecognised", "unexpected field", "unexpected propert", "unknown propert", "additional propert", "unsupported request",
    "request shape", "request format", "unsupported shape", "unknown shape", "malformed request", "invalid json payload",
    "unsupported protocol", "protocol not supported", "obsolete", "imagine-video-gen", "parentpostid is required",
    "unimplemented", "mediageninput", "texttovideo", "imagetovideo", "referencetovideo", "videogenmodelconfig",
    "modelconfigoverride", "modelmap", "tooloverrides", "modelname",
)  # fmt: skip
#: … and of values in it, which no other shape would mend.
_VALUE_MARKS = (
    "duration",
    "videolength",
    "aspectratio",
    "aspect ratio",
    "resolution",
    "prompt",
    "inputassets",
    "source post",
)


def judge(problem: Problem, now: datetime) -> Finding:
    """Return what *problem* means. *now* (aware UTC) is what times the site names are measured from."""
    row = next(row for row in ROWS if row.applies(problem))
    error, effect = row.make(problem, now)
    return Finding(row.name, error, effect, problem.fatal)


def refuses_shape(problem: Problem, *, own_endpoint: bool) -> bool:
    """Whether the site says that it does not take requests of this *shape* (so the other generation may be tried).

    A refused value (a duration, a ratio, an unknown post) is not that. own_endpoint: only this generation uses the endpoint,
    so that its absence is told too. Only to be asked of answers that came before anything was generated.
    """
    if problem.status in {405, 501} or problem.code == 12:
        return True
    if problem.status == 404:
        return own_endpoint and not problem.mentions("asset", "file", "media url")
    if problem.code != 3 and problem.status not in {400, 422}:
        return False
    if problem.mentions("unknown field", "unknown name", "cannot find field", "no such field"):
        return True
    return problem.mentions(*_SHAPE_MARKS) and not problem.mentions(*_VALUE_MARKS)
