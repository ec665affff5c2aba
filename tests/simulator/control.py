"""The control port: set scenarios, read the ledger, make accounts. Plain HTTP on loopback, JSON in and out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.simulator.site import conversations
from tests.simulator.site.sign_in import session_cookies
from tests.simulator.state.accounts import Account, parse_quotas
from tests.simulator.state.scenarios import CATALOGUE
from tests.simulator.state.settings import CHOICES, Settings
from tests.simulator.state.world import World
from tests.simulator.wire.exchange import App, Exchange, Running
from tests.simulator.wire.http2 import WEDGES

LONGEST_WAIT = 300.0
ACTION = re.compile(r"/accounts/([^/]+)/(sign-out|sign-in|expire|block|unblock|stale|change)")
ACCOUNT_FIELDS = {"email", "name", "paid", "blocked", "quotas", "video_concurrency"}


class RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    def __init__(self, world: World, start_settings: Settings, running: Running) -> None:
        self.world = world
        self.running = running
        self.start_settings = start_settings.as_json()
        self._table: dict[tuple[str, str], Callable[[dict[str, Any], dict[str, str]], Awaitable[Any]]] = {
            ("POST", "/play"): self.play,
            ("GET", "/plays"): self.plays,
            ("POST", "/reset"): self.reset,
            ("GET", "/scenarios"): self.scenarios,
            ("GET", "/ledger"): self.ledger,
            ("DELETE", "/ledger"): self.clear_ledger,
            ("GET", "/wait"): self.wait,
            ("GET", "/windows"): self.windows,
            ("GET", "/accounts"): self.accounts,
            ("POST", "/accounts"): self.add_account,
            ("POST", "/challenge"): self.challenge,
            ("POST", "/wedge"): self.wedge,
            ("GET", "/settings"): self.settings,
            ("POST", "/settings"): self.change_settings,
        }

    def app(self) -> App:
        async def serve(exchange: Exchange) -> None:
            try:
                status, value = 200, await self._answer(exchange)
            except RefusedError as error:
                status, value = error.status, {"error": str(error)}
            except (ValueError, TypeError) as error:
                status, value = 400, {"error": str(error)}
            body = json.dumps(value, ensure_ascii=False).encode()
            await exchange.respond(status, {"content-type": "application/json"}, body)

        return serve

    async def _answer(self, exchange: Exchange) -> Any:
        request = exchange.request
        if request.host not in ("127.0.0.1", "localhost") or "origin" in request.headers:
            # a page in the browser under test must not reach this port through some rebound name
            raise RefusedError(403, "the control port is for programs on this machine")
        raw = await exchange.body()
        body = json.loads(raw) if raw else {}
        if not isinstance(body, dict):
            raise RefusedError(400, "a JSON object is needed")
        if found := self._table.get((request.method, request.path)):
            return await found(body, request.query)
        match = ACTION.fullmatch(request.path)
        if match and request.method == "POST":
            return await self._act(match[1], match[2], body)
        raise RefusedError(404, f"there is no {request.method} {request.path}")

    # scenarios

    async def play(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        play = self.world.plays.add(body)
        return {"name": play.name, "times": play.times, "value": play.value}

    async def plays(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        return [{"name": one.name, "times": one.times, "value": one.value} for one in self.world.plays.active]

    async def scenarios(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        return {
            one.name: {"doc": one.doc, "value": one.value, "routes": list(one.routes)} for one in CATALOGUE.values()
        }

    async def reset(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        """Forget scenarios and ledger and set the settings back; with {"all": true} also accounts and what they made."""
        self.world.settings.change(self.start_settings)
        if body.get("all"):
            conversations.jobs.stop()
            self.world.forget()
            return {}
        self.world.plays.active.clear()
        self.world.ledger.clear()
        self.world.windows.clear()
        self.world.challenged_at, self.world.reload_clears = 0.0, False
        for account in self.world.accounts.by_id.values():
            account.challenge(on=False)
        return {}

    # ledger

    def _select(self, query: dict[str, str]) -> dict[str, Any]:
        return {
            "kind": query.get("kind"),
            "since": int(query.get("since") or 0),
            "account": query.get("account"),
            "outcome": query.get("outcome"),
        }

    async def ledger(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        return [entry.as_json() for entry in self.world.ledger.select(**self._select(query))]

    async def clear_ledger(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        self.world.ledger.clear()
        return {}

    async def wait(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        count, timeout_s = int(query.get("count") or 1), min(LONGEST_WAIT, float(query.get("timeout") or 10))
        found = await self.world.ledger.wait(count, timeout_s, **self._select(query))
        if found is None:
            have = len(self.world.ledger.select(**self._select(query)))
            raise RefusedError(408, f"{have} of {count} after {timeout_s:g} s")
        return [entry.as_json() for entry in found]

    async def windows(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        return list(self.world.windows.values())

    # accounts

    async def accounts(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        return [account.as_json() for account in self.world.accounts.by_id.values()]

    async def add_account(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        accounts = self.world.accounts
        number = len(accounts.by_id) + 1
        account = accounts.add(Account(str(body.get("email") or f"user{number}@example.com").lower()))
        self._change(account, body)
        return self._storage_state(account) | {"account": account.as_json()}

    def _change(self, account: Account, body: dict[str, Any]) -> None:
        if unknown := set(body) - ACCOUNT_FIELDS:
            raise ValueError(
                f"an account has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(ACCOUNT_FIELDS))}"
            )
        if "quotas" in body:
            account.quotas = parse_quotas(body["quotas"])
        for name in ("name", "paid", "blocked", "video_concurrency"):
            if name in body:
                setattr(account, name, body[name])

    def _storage_state(self, account: Account) -> dict[str, Any]:
        token = self.world.accounts.sign_in(account)
        clearance = ("cf_clearance", self.world.grant_clearance(None), True)
        year = time.time() + 365 * 86400
        cookies = [
            {
                "name": name,
                "value": value,
                "domain": ".grok.com",
                "path": "/",
                "expires": year if name == "cf_clearance" else -1,
                "httpOnly": hidden,
                "secure": True,
                "sameSite": "None" if name == "cf_clearance" else "Lax",
            }
            for name, value, hidden in [*session_cookies(account, token), clearance]
        ]
        return {"cookies": cookies, "origins": []}

    async def _act(self, name: str, action: str, body: dict[str, Any]) -> Any:
        account = self.world.accounts.find(name)
        if account is None:
            raise RefusedError(404, f"there is no account {name}")
        if action in ("sign-out", "expire"):
            account.sign_out()
        elif action == "sign-in":
            return self._storage_state(account) | {"account": account.as_json()}
        elif action in ("block", "unblock"):
            account.blocked = action == "block"
        elif action == "stale":
            account.stale_before = time.time()
        else:
            self._change(account, body)
        return {"account": account.as_json()}

    async def challenge(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        """{"account": id or email, or "all": true; "on": bool, "reload_clears": bool}"""
        on, by_reload, name = bool(body.get("on", True)), bool(body.get("reload_clears")), body.get("account") or "all"
        if name == "all":
            self.world.challenged_at = time.time() if on else 0.0
            self.world.reload_clears = on and by_reload
            return {}
        account = self.world.accounts.find(str(name))
        if account is None:
            raise RefusedError(404, f"there is no account {name}")
        account.challenge(on, by_reload)
        return {}

    async def wedge(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        """{"how": one of WEDGES}: every HTTP/2 connection that is open now hangs; new ones work."""
        how = str(body.get("how") or WEDGES[0])
        if how not in WEDGES:
            raise ValueError(f"a connection cannot hang by {how!r}; it can by {', '.join(WEDGES)}")
        connections = list(self.running.connections)
        for connection in connections:
            connection.wedge(how)
        return {"connections": len(connections)}

    # settings

    async def settings(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        return {"settings": self.world.settings.as_json(), "choices": CHOICES}

    async def change_settings(self, body: dict[str, Any], query: dict[str, str]) -> Any:
        self.world.settings.change(body)
        return {"settings": self.world.settings.as_json()}
