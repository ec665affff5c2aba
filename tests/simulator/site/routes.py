"""The table of routes: host, method and path to a handler, with what the gate must know about each."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.simulator.wire.exchange import Request

from .visit import Reply, Visit

Handler = Callable[[Visit], Awaitable[Reply | None]]
"""Answers with a `Reply`, or talks to `visit.exchange` itself and returns None."""

SITE = "grok.com"
ASSETS = "assets.grok.com"
PUBLIC = "imagine-public.x.ai"
ACCOUNTS = "accounts.x.ai"


@dataclass(frozen=True)
class Route:
    kind: str
    handler: Handler
    login: bool = True
    protected: bool = False
    """The site's script must have signed the request."""
    cleared: bool = True
    """Behind the challenge."""
    reads_json: bool = False
    streams: bool = False
    websocket: bool = False
    classify: Callable[[Visit], str] | None = None
    """Finds the kind of a request from its body, and the prompt in it."""


class Routes:
    def __init__(self) -> None:
        self._exact: dict[tuple[str, str, str], Route] = {}
        self._patterns: list[tuple[str, str, re.Pattern[str], Route]] = []

    def add(
        self,
        method: str,
        path: str,
        kind: str,
        *,
        host: str = SITE,
        login: bool = True,
        protected: bool = False,
        cleared: bool = True,
        streams: bool = False,
        websocket: bool = False,
        classify: Callable[[Visit], str] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a handler. `{name}` in a path stands for one segment, `{name:path}` for the rest."""

        def register(handler: Handler) -> Handler:
            route = Route(
                kind,
                handler,
                login=login,
                protected=protected,
                cleared=cleared,
                reads_json=method == "POST",
                streams=streams,
                websocket=websocket,
                classify=classify,
            )
            if "{" not in path:
                self._exact[host, method, path] = route
            else:
                text = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+)", path)
                text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)
                self._patterns.append((host, method, re.compile(text), route))
            return handler

        return register

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        method = "GET" if request.method == "HEAD" else request.method
        if found := self._exact.get((request.host, method, request.path)):
            return found, {}
        for host, wanted, pattern, route in self._patterns:
            if host == request.host and wanted == method and (match := pattern.fullmatch(request.path)):
                return route, match.groupdict()
        return None


routes = Routes()
