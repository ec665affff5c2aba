"""From a request to a page: the templates, and the `View` that every route of the console works with."""

from __future__ import annotations

import gzip
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gateway.console import wording
from gateway.console.access import Operator, SignInNeeded, address_of, comes_from_elsewhere, house_of, signed_in
from gateway.console.files import static
from gateway.console.headers import HEADERS
from gateway.console.house import House
from gateway.console.language import LANGUAGES, has_text, language_of, meaning_of, speaking, text
from gateway.console.page import has_page, navigation
from gateway.console.sentences import advice, in_words, named, why
from gateway.errors import GatewayError
from gateway.web.error_responses import to_error
from gateway.web.services import base_url

TEMPLATES = Path(__file__).parent / "templates"
THEME_COOKIE = "gateway-theme"
THEMES = ("auto", "light", "dark")
#: Characters from which on a page is packed.
PACKED_FROM = 4000
#: What our scripts send with a form, to be answered with `Done` as JSON instead of a page.
BY_SCRIPT = "x-console"


@cache
def templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip
    environment.filters |= wording.FILTERS
    environment.globals |= {
        "t": text, "has_text": has_text, "meaning_of": meaning_of, "why": why, "in_words": in_words, "advice": advice,
        "named": named,
        "static": static, "navigation": navigation, "has_page": has_page, "languages": LANGUAGES,
        "version": version("grok-gateway"),
    }  # fmt: skip
    return environment


@dataclass(frozen=True, slots=True)
class View:
    """One request of a person. operator is None only on public pages."""

    request: Request
    house: House
    operator: Operator | None
    base_url: str

    @property
    def language(self) -> str:
        return language_of(self.request)

    @property
    def by_script(self) -> bool:
        """Whether one of our scripts asks, which reads JSON."""
        return BY_SCRIPT in self.request.headers

    def page(
        self, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """Answer with a rendered template."""
        html = render(self.request, template, operator=self.operator, **values)
        return _packed(self.request, html, status=status, headers=headers or {})

    def text(self, key: str, /, n: float | None = None, **values: Any) -> str:
        """A text of the catalogue in the operator's language, for toasts and the like (plain, not HTML)."""
        with speaking(self.language):
            return text(key, n=n, **values).unescape()

    def done(self, toast: str = "", *, go: str | None = None, dialog: str | None = None, **values: Any) -> Response:
        """Answer an action. toast: what was done, in plain words. go: where to be next (default: the page it was made on,
        brought up to date in place). dialog: a template to show over the page, rendered with *values*.
        """
        html = None if dialog is None else render(self.request, dialog, operator=self.operator, **values)
        if self.by_script:
            return JSONResponse({"toast": toast, "go": go, "dialog": html})
        if html is not None:
            return self.page("done.html", content=Markup(html), back=self.came_from)  # noqa: S704 - rendered just above
        return RedirectResponse(go or self.came_from, status_code=303)

    def why(self, code: str, message: str) -> str:
        """What went wrong, in the operator's language where it is known there."""
        with speaking(self.language):
            return why(code, message)

    def in_words(self, said: str) -> str:
        """What another room said in English, in the operator's language."""
        with speaking(self.language):
            return in_words(said)

    async def note(self, action: str, target: str = "", **data: Any) -> None:
        """Write into the audit log what the operator did."""
        name = self.operator.name if self.operator else "somebody"
        await self.house.audit.write(name, action, target, address=address_of(self.request), **data)

    @property
    def came_from(self) -> str:
        """Path and query of the console's page that this was asked on."""
        parts = urlsplit(self.request.headers.get("referer", ""))
        return (
            parts.path + (f"?{parts.query}" if parts.query else "") if parts.path.startswith("/console") else "/console"
        )


async def view_of(request: Request, operator: Annotated[Operator, Depends(signed_in)]) -> View:
    house = house_of(request)
    return View(request, house, operator, await base_url(request, house.services))


async def public_view_of(request: Request) -> View:
    house = house_of(request)
    return View(request, house, None, await base_url(request, house.services))


TheView = Annotated[View, Depends(view_of)]
PublicView = Annotated[View, Depends(public_view_of)]


def render(request: Request, template: str, **values: Any) -> str:
    """Render a template for this request, in its language and theme."""
    theme = request.cookies.get(THEME_COOKIE, "auto")
    language = language_of(request)
    with speaking(language):
        return (
            templates()
            .get_template(template)
            .render(
                request=request,
                path=request.url.path,
                language=language,
                theme=theme if theme in THEMES else "auto",
                **values,
            )
        )


def _packed(request: Request, html: str, *, status: int, headers: Mapping[str, str]) -> Response:
    """A page that is live is fetched again and again, and most of it repeats: packed it is a tenth."""
    if "gzip" not in request.headers.get("accept-encoding", "") or len(html) < PACKED_FROM:
        return HTMLResponse(html, status_code=status, headers=dict(headers))
    packed = {**headers, "content-encoding": "gzip", "vary": "accept-encoding"}
    return HTMLResponse(gzip.compress(html.encode(), compresslevel=5), status_code=status, headers=packed)


def error_page(request: Request, exc: GatewayError) -> Response:
    """Tell an error to a person: a page, JSON for our scripts, or the way to the sign-in."""
    answer = to_error(exc)
    # The page about a mistake of ours is made outside the door, which adds these everywhere else.
    headers = {**HEADERS, **answer.headers}
    with speaking(language_of(request)):
        message = why(exc.code, exc.message)
    if BY_SCRIPT in request.headers or request.headers.get("accept", "").startswith("application/json"):
        body = {"error": {"code": exc.code, "message": message, "param": exc.param}}
        return JSONResponse(body, status_code=answer.status, headers=headers)
    if isinstance(exc, SignInNeeded) and request.method in {"GET", "HEAD"}:
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if comes_from_elsewhere(request):
            return HTMLResponse(render(request, "sign_in/returning.html", operator=None, here=here), headers=headers)
        where = "/console/login" + ("" if here in {"/console", "/console/"} else f"?next={quote(here, safe='/')}")
        return RedirectResponse(where, status_code=303)
    html = render(
        request,
        "error.html",
        operator=getattr(request.state, "operator", None),
        status=answer.status,
        code=exc.code,
        message=message,
        wait_s=None if exc.retry_after_s is None else math.ceil(exc.retry_after_s),
    )
    return HTMLResponse(html, status_code=answer.status, headers=headers)
