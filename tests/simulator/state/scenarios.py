"""Scripted behaviours: the catalogue, how a prompt names them, and those the control port has set up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SUBMITS = ("submit_video", "submit_chat", "submit_image", "submit_edit", "image_ws", "mgw")
KEYWORD = re.compile(r"\[sim:([a-z0-9-]+)(?:=([^\]]*))?\]")


@dataclass(frozen=True)
class Scenario:
    name: str
    doc: str
    value: str = ""
    """What a value means, for the reader of the list."""
    routes: tuple[str, ...] = SUBMITS
    """The kinds of request it plays on unless told otherwise."""


def _submits(*rows: tuple[str, str, str]) -> list[Scenario]:
    return [Scenario(name, doc, value) for name, value, doc in rows]


# `drop` closes the connection before the head of the answer. On a connection that was used before, Chromium and curl then
# send the request again by themselves, POST or not: use it to see what that does, and `reset` or `head` otherwise.
STREAM = _submits(
    ("framing-ndjson", "", "one object per line"),
    ("framing-concat", "", "objects with nothing between them"),
    ("framing-sse", "", "`data: {…}` events, `data: [DONE]` last, content-type text/event-stream"),
    ("split-bytes", "SEED", "write in small pieces, cut inside strings and inside UTF-8 characters"),
    ("pace", "SECONDS", "the whole answer takes this long"),
    ("slow-first-byte", "SECONDS=5", "nothing at all, not even a status, for this long"),
    ("keep-open", "", "leave the stream open after the last frame"),
    ("cut-stream", "N[:reset|eof|drop]=4", "break off after N frames; the job finishes and shows in the lists only"),
    ("cut-before-first-frame", "head|reset|drop|eof", "accept the submit, break off before the conversation frame"),
    ("cut-and-lost", "reset|drop", "break off before anything is accepted: no conversation, no job"),
    ("stall", "N=3", "send N frames, then nothing and never end; the job finishes"),
    ("never-finish", "", "progress stops at 95 and the job stays unfinished for ever"),
)
RESULT = _submits(
    ("moderated", "", "200, progress 100, moderated:true, no URL"),
    ("moderated-late-attachment", "", "the same, but the modelResponse still names an attachment, and it is 404"),
    (
        "progress-100-no-url",
        "later",
        "progress 100 without videoUrl and no word why; with `later` the lists do have the file",
    ),
    ("text-only", "", "a modelResponse in words and no media frame"),
    ("decoy", "", "an unrelated stock clip: same pictures each time, other ids and other bytes"),
    ("empty-answer", "body|message", "200 with nothing in it, or an answer with empty text"),
    (
        "drift",
        "unknown|renamed|type|garbage",
        "frames nobody has seen; videoUrl under another name; other types; text between the objects",
    ),
)
ASSET = _submits(
    ("asset-late", "N=2", "the file is 404 N times, then there"),
    ("asset-403", "", "the file is refused even to its owner"),
    ("asset-missing", "", "the file is 404 for ever"),
    ("asset-html", "", "200, but an HTML page instead of the file"),
    ("asset-big", "MB=30", "the file is padded to this size"),
    ("asset-slow", "BYTES_PER_S=200000", "the file comes slowly"),
    ("asset-cut", "BYTES=65536", "the download breaks off after so many bytes, the first time"),
)
IN_STREAM = _submits(
    ("rate-limit-in-stream", "top|response", "200, then an error object: top level, or result.response.error"),
    ("usage-pool-exhausted", "", "200, error with usagePoolExhausted (media generation credits)"),
    ("stream-overload", "", "200, 'Stream aborted by server… ResourceExhausted' (#498)"),
    ("context-too-long", "", "200, beyondContextLength"),
    ("attachment-too-large", "stream|413", "attachmentImageTooLarge in the stream, or 413"),
    ("concurrency-limit", "", "200, error with concurrencyLimit"),
    ("stream-error", "KEY", "200, result.response.error with any other detail key, severity FATAL"),
)
REFUSAL = _submits(
    ("rate-limit-429", "SECONDS", "429 code 8; a value is sent as Retry-After, 0 or none: no header"),
    ("content-moderated-403", "", "403 content-moderated"),
    ("bad-input", "", "400 code 3"),
    ("not-found", "", "404 code 5"),
    ("load-shed-500", "", "500 code 13"),
    ("load-shed-502", "", "502, an HTML page"),
    ("load-shed-503", "html", "503 code 14, or an HTML page"),
    ("load-shed-504", "html", "504 code 14, or an HTML page"),
    ("spending-402", "", "402"),
    ("shape-refused", "", "400 code 3 'unknown field', whatever shape was sent"),
    ("antibot", "", "403 code 7 'Request rejected by anti-bot rules.', this request only"),
    ("stale-page", "", "403 code 7 'This page is out of date', from now until the page is loaded anew"),
    ("sign-out", "401|400|403", "ends the account's sessions and answers as the site does, in three shapes"),
    ("blocked-user", "", "403; the account is blocked from now on"),
    ("challenge", "", "a challenge page, from now until a human clicks"),
    ("challenge-once-reload-clears", "", "a challenge, from now until the page is loaded anew"),
    ("challenge-empty-body", "", "403 with cf-mitigated and no body, this request only"),
)
OTHER = [
    Scenario("quota-null-fields", "quota answers with fields missing and null", "", ("quota",)),
    Scenario("upload-refused", "terminalError (new endpoint) or 403 (old one)", "", ("upload",)),
    Scenario("image-ws-rate-limit", "error frame rate_limit_exceeded", "", ("image_ws",)),
    Scenario("image-ws-moderated", "completed with moderated:true", "all|first", ("image_ws",)),
    Scenario("image-ws-blocked", "a preview, then never a final", "", ("image_ws",)),
    Scenario("image-ws-cut", "the socket drops after N frames", "N=3", ("image_ws",)),
    Scenario("mgw-error", "an error event instead of an answer", "CODE", ("mgw",)),
    Scenario("thinking", "reasoning tokens before the answer", "", ("submit_chat", "mgw")),
    Scenario("web-search", "a tool card, search results and a citation", "", ("submit_chat", "mgw")),
    Scenario("draw", "an image made in the chat", "N=1", ("submit_chat", "mgw")),
    Scenario("draw-cards", "the same, announced by cardAttachment instead of image frames", "", ("submit_chat",)),
    Scenario("tokens", "the answer is this many numbered tokens", "N", ("submit_chat", "mgw")),
    Scenario("every", "seconds between two tokens", "SECONDS", ("submit_chat", "mgw")),
    Scenario("clock", "each token is the monotonic clock at its writing, then a space", "", ("submit_chat", "mgw")),
]
CATALOGUE: dict[str, Scenario] = {one.name: one for one in [*STREAM, *RESULT, *ASSET, *IN_STREAM, *REFUSAL, *OTHER]}
NAMES = frozenset(CATALOGUE)
AT_THE_DOOR = frozenset(one.name for one in REFUSAL)
"""Those that answer a request instead of its handler. On a WebSocket they meet the upgrade, all others a message."""


class Script(dict[str, str]):
    """The scenarios that play on one request: name → value, "" for none."""

    def number(self, name: str, default: float) -> float:
        try:
            return float(self[name])
        except (KeyError, ValueError):
            return default

    def word(self, name: str, default: str) -> str:
        return self.get(name) or default


def keywords(text: str) -> dict[str, str]:
    found = {match[1]: match[2] or "" for match in KEYWORD.finditer(text)}
    return {name: value for name, value in found.items() if name in CATALOGUE}


def without_keywords(text: str) -> str:
    return re.sub(r"\s{2,}", " ", KEYWORD.sub("", text)).strip()


@dataclass
class Play:
    """A scenario set up by the control port, for the next N matching requests or until taken back."""

    name: str
    times: int | None = 1
    value: str = ""
    routes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    prompt: str = ""

    def fits(self, kind: str, accounts: Iterable[str], prompt: str) -> bool:
        routes = self.routes or CATALOGUE[self.name].routes
        return (
            ("*" in routes or kind in routes)
            and (not self.accounts or bool(set(self.accounts) & set(accounts)))
            and self.prompt in prompt
        )


@dataclass
class Plays:
    active: list[Play] = field(default_factory=list)

    def add(self, body: dict[str, Any]) -> Play:
        name = body.get("name")
        if name not in CATALOGUE:
            raise ValueError(f"no scenario is called {name!r}")
        match = body.get("match") or {}
        if unknown := set(match) - {"route", "account", "prompt"}:
            raise ValueError(f"match knows route, account and prompt, not {', '.join(unknown)}")
        value = body.get("value")
        play = Play(
            name=name,
            times=body.get("times", 1),
            value="" if value is None else str(value),
            routes=_several(match.get("route")),
            accounts=_several(match.get("account")),
            prompt=match.get("prompt") or "",
        )
        self.active.append(play)
        return play

    def take(
        self, kind: str, accounts: Iterable[str], prompt: str = "", among: frozenset[str] = NAMES
    ) -> dict[str, str]:
        """The scenarios for a request that is being served; one-shot ones are used up by it."""
        found: dict[str, str] = {}
        known = list(accounts)
        for play in list(self.active):
            if play.name in found or play.name not in among or not play.fits(kind, known, prompt):
                continue
            found[play.name] = play.value
            if play.times is not None:
                play.times -= 1
                if play.times <= 0:
                    self.active.remove(play)
        return found


def _several(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
