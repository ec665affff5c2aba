"""What the source says in English and the console may show: found by reading the code, holes filled with marks."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser.errors
import gateway.app
import gateway.errors
import gateway.outbound.pinning
import gateway.profiles.errors

#: Where sentences come from that a page of the console may show.
ROOMS = ("browser", *(f"gateway/{room}" for room in (
    "auth", "calls", "console", "doctor", "grok", "media", "outbound", "profiles", "tasks", "webhooks",
)))  # fmt: skip
FILES = (
    "gateway/post_office.py", "gateway/site.py", "gateway/web/content.py", "gateway/web/error_responses.py", "gateway/web/forms.py",
    "gateway/web/live.py", "gateway/web/repeating.py", "gateway/web/services.py", "gateway/web/video_requests.py",
    "gateway/nodes/remote.py", "gateway/models.py", "gateway/app.py",
)  # fmt: skip
#: What only programs are told: bodies that no form of the console sends, and refusals at the start.
FOR_PROGRAMS = {
    "gateway/calls/image_shapes.py", "gateway/calls/json_form.py", "gateway/calls/json_schema.py", "gateway/calls/repeats.py",
    "gateway/calls/speech.py", "gateway/calls/tools.py", "gateway/tasks/idempotency_sql.py", "gateway/webhooks/callbacks.py",
    "gateway/webhooks/signing.py", "gateway/profiles/node.py", "gateway/app.py", "gateway/post_office.py",
    "gateway/profiles/bundle.py",  # told by code: `profiles.problem_…`
}  # fmt: skip
#: Functions whose sentences are shown: findings of the doctor, what moves a profile, what becomes of a page.
MAKERS = {
    "ok", "warn", "fail", "_verdict", "_plain", "_rest", "Verdict", "Cooldown", "event", "move", "revoke_leases", "_gone", "_lost",
    "_lose", "_refuse", "_withhold", "failed", "egress_unknown", "Failure", "Outcome", "Chromium",
}  # fmt: skip
#: Functions that return them, and names that they are given to first.
TELLERS = {
    "_meaning",
    "in_words",
    "_in_words",
    "_missing",
    "explained",
    "ready",
    "disk",
    "test",
    "_waiting",
    "_refused",
}
GIVEN = {"error", "message", "reason", "refusal", "sentence", "title", "why", "said", "shown", "what"}
#: Names of events are no sentences: `profiles.event_…` says them.
NAMED_FIRST = {"event"}


def below(root: type) -> Iterator[Any]:
    """Every kind of *root*."""
    for kind in root.__subclasses__():
        yield kind
        yield from below(kind)


def _errors() -> set[str]:
    roots = (
        gateway.errors.GatewayError,
        browser.errors.BrowserError,
        gateway.profiles.errors.ProfileError,
        gateway.outbound.pinning.Refused,
    )
    return {name for root in roots for name in (root.__name__, *(kind.__name__ for kind in below(root)))}


def templates(node: ast.expr) -> Iterator[str]:
    """The texts an expression can be, with ``\\0`` where something else stands. Nothing for what is no text."""
    match node:
        case ast.Constant(value=str(value)):
            yield value
        case ast.JoinedStr(values=values):
            yield from map("".join, itertools.product(*(_piece(value) for value in values)))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            halves = [list(templates(left)) or ["\0"], list(templates(right)) or ["\0"]]
            yield from (a + b for a, b in itertools.product(*halves) if (a, b) != ("\0", "\0"))
        case ast.IfExp(body=body, orelse=orelse):
            yield from templates(body)
            yield from templates(orelse)


def _piece(value: ast.expr) -> list[str]:
    match value:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.FormattedValue(value=ast.IfExp() as choice):
            return list(templates(choice)) or ["\0"]
    return ["\0"]


def files() -> Iterator[Path]:
    for place in (*ROOMS, *FILES):
        found = Path(place)
        yield from (
            one for one in ([found] if found.is_file() else sorted(found.rglob("*.py"))) if str(one) not in FOR_PROGRAMS
        )


def sentences() -> dict[str, str]:
    """Every sentence, by where it stands; ``\\0`` for its holes."""
    makers = MAKERS | _errors()
    told: dict[str, str] = {}
    for file in files():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            for said in _said(node, makers):
                told |= dict.fromkeys(templates(said), f"{file}:{said.lineno}")
    return told


def _said(node: ast.AST, makers: set[str]) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in makers:
            yield from node.args[1 if name in NAMED_FIRST else 0 :]
            yield from (one.value for one in node.keywords if one.arg in GIVEN)
        case ast.FunctionDef(name=name) if name in TELLERS:
            for inner in ast.walk(node):
                match inner:
                    case ast.Return(value=ast.expr() as said):
                        yield said
                    case ast.Dict(keys=keys, values=values):
                        yield from (value for key, value in zip(keys, values, strict=True) if _is_given(key))
        case ast.Assign(targets=[ast.Name(id=name)], value=said) if name in GIVEN:
            yield from said.values if isinstance(said, ast.BoolOp) else [said]


def _is_given(key: ast.expr | None) -> bool:
    return isinstance(key, ast.Constant) and key.value in GIVEN
