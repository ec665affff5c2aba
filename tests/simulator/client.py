"""Start the double from a test or a demo, and talk to its control port."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
ROOT = Path(__file__).parents[2]


class SimulatorError(Exception):
    """The double did not start, or refused a control call."""


class Simulator:
    """`async with Simulator(pace=0.3, generation="g2") as sim:` runs `python -m tests.simulator` for the block.

    Keyword arguments are settings (see `state/settings.py`).
    """

    def __init__(self, *, port: int = 0, control_port: int = 0, cert_dir: Path | None = None, **settings: Any) -> None:
        self._command = [
            sys.executable,
            "-m",
            "tests.simulator",
            "--until-eof",
            "--port",
            str(port),
            "--control-port",
            str(control_port),
        ]
        if cert_dir is not None:
            self._command += ["--cert-dir", str(cert_dir)]
        for name, value in settings.items():
            self._command += ["--set", f"{name}={json.dumps(value)}"]
        self._process: asyncio.subprocess.Process | None = None
        self._http: httpx2.AsyncClient | None = None
        self.facts: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        # stderr is inherited: a traceback of the double belongs into the test's output
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                line = await self._process.stdout.readline()
        except BaseException:
            await self._stop()
            raise
        if not line:
            raise SimulatorError(f"the simulator ended with status {await self._process.wait()}")
        self.facts = json.loads(line)
        self._http = httpx2.AsyncClient(base_url=self.facts["control_url"], timeout=START_TIMEOUT_S)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.aclose()
        await self._stop()

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    # how to reach it

    @property
    def port(self) -> int:
        return int(self.facts["https_port"])

    @property
    def spki(self) -> str:
        return str(self.facts["spki"])

    @property
    def control_url(self) -> str:
        return str(self.facts["control_url"])

    @property
    def browser_args(self) -> str:
        """Switches for Chromium, shell-quoted."""
        return str(self.facts["browser_args"])

    @property
    def browser_args_list(self) -> list[str]:
        return shlex.split(self.browser_args)

    # control

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        assert self._http is not None
        params = {name: str(value) for name, value in query.items() if value is not None}
        answer = await self._http.request(method, path, json=body, params=params, timeout=START_TIMEOUT_S + 300)
        value = answer.json()
        if answer.status_code != 200:
            raise SimulatorError(f"{method} {path}: {answer.status_code} {value.get('error')}")
        return value

    async def play(
        self, name: str, *, times: int | None = 1, value: str | float | None = None, match: dict[str, Any] | None = None
    ) -> None:
        """Play a scenario on the next *times* matching requests; None = until `reset`."""
        await self.call("POST", "/play", {"name": name, "times": times, "value": value, "match": match or {}})

    async def scenarios(self) -> dict[str, dict[str, Any]]:
        return dict(await self.call("GET", "/scenarios"))

    async def reset(self, *, everything: bool = False) -> None:
        """Forget scenarios, challenges and the ledger, set settings back; *everything*: accounts and assets too."""
        await self.call("POST", "/reset", {"all": everything})

    async def settings(self, **values: Any) -> dict[str, Any]:
        return dict((await self.call("POST", "/settings", values))["settings"])

    async def ledger(
        self,
        kind: str | None = None,
        *,
        since: int | None = None,
        account: str | None = None,
        outcome: str | None = None,
    ) -> list[dict[str, Any]]:
        """Requests received, oldest first. *kind* may be several, with commas between."""
        return list(await self.call("GET", "/ledger", kind=kind, since=since, account=account, outcome=outcome))

    async def clear_ledger(self) -> None:
        await self.call("DELETE", "/ledger")

    async def wait(
        self, kind: str, count: int = 1, timeout_s: float = 10, *, outcome: str | None = None, since: int | None = None
    ) -> list[dict[str, Any]]:
        """The entries, once the ledger holds *count* of them; `SimulatorError` when the time is over."""
        query: dict[str, Any] = {"kind": kind, "count": count, "timeout": timeout_s, "outcome": outcome, "since": since}
        return list(await self.call("GET", "/wait", **query))

    async def windows(self) -> list[dict[str, Any]]:
        """The windows that show our pages: url, width, height, and where their parts are; the one that changed last is last."""
        return list(await self.call("GET", "/windows"))

    # accounts

    async def account(self, **fields: Any) -> dict[str, Any]:
        """Make an account (email, name, paid, blocked, quotas, video_concurrency); its storage state for Playwright."""
        return dict((await self.add_account(**fields))["storage_state"])

    async def add_account(self, **fields: Any) -> dict[str, Any]:
        """The same, with the facts: `{"account": {...}, "storage_state": {...}}`."""
        answer = await self.call("POST", "/accounts", fields)
        return {"account": answer.pop("account"), "storage_state": answer}

    async def accounts(self) -> list[dict[str, Any]]:
        return list(await self.call("GET", "/accounts"))

    async def act(self, account: str, action: str, **fields: Any) -> dict[str, Any]:
        """sign-out, sign-in, expire, block, unblock, stale, change; *account* is an id or an e-mail address."""
        return dict(await self.call("POST", f"/accounts/{account}/{action}", fields))

    async def wedge(self, how: str = "requests") -> int:
        """Let every HTTP/2 connection that is open now hang (`wire.http2.WEDGES`), new ones work; how many there were."""
        return int((await self.call("POST", "/wedge", {"how": how}))["connections"])

    async def challenge(self, account: str = "all", *, on: bool = True, reload_clears: bool = False) -> None:
        await self.call("POST", "/challenge", {"account": account, "on": on, "reload_clears": reload_clears})
