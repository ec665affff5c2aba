"""The front door: every request passes here, is entered in the ledger, checked, and led to its handler."""

from __future__ import annotations

import json

from tests.simulator.state.scenarios import AT_THE_DOOR, NAMES, Script, keywords
from tests.simulator.state.world import World
from tests.simulator.wire.exchange import App, Exchange

from . import clearance, refusals, signature, windows
from .routes import SITE, Route, routes
from .visit import Reply, Visit, problem


def open_door(world: World) -> App:
    async def serve(exchange: Exchange) -> None:
        if exchange.request.path == windows.PATH:
            await windows.told(world, exchange)
            return
        ledger = world.ledger
        visit = Visit(world, exchange, ledger.open(exchange))
        try:
            reply = await _answer(visit)
            if reply is not None:
                await visit.send(reply)
        finally:
            if not exchange.gone:
                ledger.close(
                    visit.entry, exchange, "finished" if exchange.finished and not exchange.broken_off else "cut"
                )

    return serve


async def _answer(visit: Visit) -> Reply | None:
    found = routes.find(visit.request)
    if found is None:
        _name(visit, "unknown")
        return _check(visit, None) or problem(404, 5, "Not Found")
    route, visit.params = found
    visit.kind, visit.streams = route.kind, route.streams
    _identify(visit)
    if route.reads_json:
        visit.raw = await visit.exchange.body()
        if visit.raw[:1] == b"{":
            try:
                visit.json = json.loads(visit.raw)
            except ValueError:
                _name(visit, visit.kind)
                return _check(visit, route) or problem(400, 3, "invalid JSON")
    _name(visit, route.classify(visit) if route.classify else route.kind)
    if (refused := _check(visit, route)) is not None:
        return refused
    if route.websocket and not visit.request.wants_websocket:
        return problem(426, 3, "this is a WebSocket")
    return await route.handler(visit)


def _identify(visit: Visit) -> None:
    token = visit.request.cookies.get("sso", "")
    account = visit.world.accounts.of_session(token)
    if account is not None:
        visit.account = account
        visit.signed_in = token in account.sessions
        visit.entry.account = account.id


def _name(visit: Visit, kind: str) -> None:
    """Give the request its kind, and with it the scenarios that play on it."""
    visit.kind = visit.entry.kind = kind
    visit.entry.prompt = visit.prompt or None
    account = visit.account
    names = (account.id, account.email) if account else ()
    among = AT_THE_DOOR if visit.request.wants_websocket else NAMES
    played = visit.world.plays.take(kind, names, visit.prompt, among)
    visit.script = Script(keywords(visit.prompt) | played)
    visit.entry.scenarios = dict(visit.script)
    visit.world.ledger.changed()


def _check(visit: Visit, route: Route | None) -> Reply | None:
    """Challenge first, then login, then signature, then what a scenario refuses: the order a client meets them in."""
    cleared = route.cleared if route else visit.request.host == SITE
    if cleared and (refused := clearance.guard(visit)) is not None:
        return refused
    if route is None:
        return None
    account, script = visit.account, visit.script
    if account is not None:
        if "sign-out" in script:
            account.sign_out()
            visit.signed_in = False
            return refusals.invalid_credentials(script["sign-out"])
        if "blocked-user" in script:
            account.blocked = True
    if route.login:
        if account is None or not visit.signed_in:
            return refusals.invalid_credentials()
        if account.blocked:
            return refusals.blocked_user()
    if (route.protected or "antibot" in script or "stale-page" in script) and (
        refused := signature.check(visit)
    ) is not None:
        return refused
    return refusals.scripted(visit)
