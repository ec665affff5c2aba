"""``/docs``: the API described on a page of our own, made from the OpenAPI document.

It needs no internet and no script: the usual pages fetch theirs from a public host, and stay blank where that is away.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, Template
from markupsafe import Markup, escape

router = APIRouter()

_HERE = Path(__file__).parent
_METHODS = ("get", "post", "put", "patch", "delete")
_CODE = re.compile(r"`+([^`]+)`+")
Schema = Mapping[str, Any]


@router.head("/docs", include_in_schema=False)
@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> HTMLResponse:
    """The page, for people."""
    template, style = _parts()
    document = request.app.openapi()
    base = str(request.base_url).rstrip("/")
    page = template.render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        description=_paragraphs(document["info"].get("description", "")),
        groups=_groups(document, base),
        style=style,
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(page, headers={"content-security-policy": policy, "x-content-type-options": "nosniff"})


@cache
def _parts() -> tuple[Template, str]:
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, trim_blocks=True)
    environment.filters |= {"inline": _inline, "anchor": _anchor}
    return environment.get_template("docs.html"), (_HERE / "docs.css").read_text("utf-8")


def _groups(document: Schema, base: str) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Each group of calls with what is said of it, in the document's own order; those it does not describe come last."""
    about = {tag["name"]: tag.get("description", "") for tag in document.get("tags", [])}
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in about}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                tag = next(iter(methods[method].get("tags", [])), "Other")
                groups.setdefault(tag, []).append(_call(document, path, method, methods[method], base))
    return [(name, about.get(name, ""), calls) for name, calls in groups.items() if calls]


def _call(document: Schema, path: str, method: str, facts: Schema, base: str) -> dict[str, Any]:
    given: dict[str, list[dict[str, str | bool]]] = {}
    for one in facts.get("parameters", []):
        schema: Schema = {**one.get("schema", {}), "description": one.get("description", "")}
        given.setdefault(f"In the {one['in']}", []).append(_field(one["name"], schema, one.get("required", False)))
    tables = list(given.items())
    content: Schema = facts.get("requestBody", {}).get("content", {})
    for name, schema in _bodies(document, content):
        needed = schema.get("required", [])
        fields = [_field(key, value, key in needed) for key, value in schema.get("properties", {}).items()]
        tables.append((name, fields))
    return {
        "id": _anchor(f"{method}-{path}"),
        "method": method.upper(),
        "path": path,
        "summary": facts.get("summary", ""),
        "description": _paragraphs(facts.get("description", "")),
        "tables": tables,
        "samples": _samples(path, method, content, base, locked=bool(facts.get("security"))),
        "answers": [(status, answer.get("description", "")) for status, answer in facts.get("responses", {}).items()],
    }


def _bodies(document: Schema, content: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield each body the call takes, with its name: one, or one for each API that shares the path."""
    media: Schema = next(iter(content.values()), {})
    schema = _resolved(document, media.get("schema", {}))
    kinds = " or ".join(content)
    for one in schema.get("anyOf", [schema] if schema else []):
        found = _resolved(document, one)
        yield (f"Body ({found.get('title', '')}; {kinds})" if "anyOf" in schema else f"Body ({kinds})"), found


def _field(name: str, schema: Schema, required: bool) -> dict[str, str | bool]:
    default = schema.get("default")
    return {
        "name": name,
        "required": required,
        "type": _type(schema),
        "default": "" if default in (None, "") else json.dumps(default, ensure_ascii=False),
        "meaning": schema.get("description", ""),
    }


def _type(schema: Schema) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return (
        "file" if schema.get("format") == "binary" else str(schema.get("type", "object" if "$ref" in schema else "any"))
    )


def _samples(path: str, method: str, content: Schema, base: str, *, locked: bool) -> Sequence[str]:
    command = "curl -s" + ("" if method == "get" else f" -X {method.upper()}") + f" {base}{path}"
    if locked:
        command += ' \\\n  -H "Authorization: Bearer $KEY"'
    examples = [one["value"] for one in content.get("application/json", {}).get("examples", {}).values()]
    if examples:
        start = command + " \\\n  -H 'Content-Type: application/json' -d "
        return [start + shlex.quote(json.dumps(example, ensure_ascii=False)) for example in examples]
    if "multipart/form-data" in content and "application/json" not in content:
        return [f"{command} \\\n  -F file=@picture.png"]
    return [command]


def _resolved(document: Schema, schema: Schema) -> Schema:
    ref = schema.get("$ref", "")
    return document["components"]["schemas"].get(ref.rpartition("/")[2], {}) if ref else schema


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def _inline(text: str) -> Markup:
    """Return *text* as HTML, with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped one call further in


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
