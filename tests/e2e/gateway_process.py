"""A gateway as a user has one: the installed command in its own process, driven over HTTP and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psutil

COMMAND = Path(sys.executable).with_name("gateway")
Json = dict[str, Any]


class Gateway:
    """One data directory, and the process that serves it (which may be killed and started again)."""

    def __init__(self, data_dir: Path, browser_args: str, **settings: str) -> None:
        self.data_dir = data_dir
        self.log = data_dir / "serve.log"
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GATEWAY_")},
            "GATEWAY_DATA_DIR": str(data_dir),
            "GATEWAY_BROWSER_ARGS": browser_args,
            "GATEWAY_LOG_FORMAT": "json",
            "GATEWAY_VERIFY_WAITING_EVERY_S": "2",
            "GATEWAY_FOLLOW_POLL_S": "0.5",
            "GATEWAY_LOST_SUBMIT_S": "8",
            "GATEWAY_COOLDOWN_S": "3",
            "GATEWAY_FETCH_ALLOW_PRIVATE": "true",
            **{f"GATEWAY_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: asyncio.subprocess.Process | None = None
        self.port = 0
        self.key = ""
        data_dir.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def cli(self, *args: str, check: bool = True) -> Any:
        """Run ``gateway ARGS --json`` and return its parsed answer."""
        done = await asyncio.create_subprocess_exec(
            str(COMMAND), *args, "--json", env=self.env, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(done.communicate(), 60)
        if check and done.returncode != 0:
            raise AssertionError(f"gateway {' '.join(args)} failed ({done.returncode}): {err.decode()} {out.decode()}")
        return json.loads(out) if out.strip() else None

    async def import_profile(self, name: str, storage_state: Json) -> None:
        file = self.data_dir / f"{name}.state.json"
        file.write_text(json.dumps(storage_state), encoding="utf-8")
        await self.cli("profile", "import", name, "--storage-state", str(file))

    async def start(self, *, ready: bool = True, key: bool = True, within_s: float = 60) -> None:
        """Serve on a free port; with *ready* also wait until a profile is. key: make one first, unless there is one."""
        if key and not self.key:
            self.key = (await self.cli("key", "create", "tests"))["key"]
        if not self.port:
            self.port = free_port()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                str(COMMAND), "serve", "--port", str(self.port), env=self.env, stdin=asyncio.subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        await self.wait_http("/readyz" if ready else "/livez", within_s=within_s)

    async def wait_http(self, path: str, *, status: int = 200, within_s: float = 60) -> httpx.Response:
        async with asyncio.timeout(within_s), httpx.AsyncClient() as client:
            while True:
                if self.process is not None and self.process.returncode is not None:
                    raise AssertionError(f"the gateway ended with {self.process.returncode}:\n{self.tail()}")
                try:
                    answer = await client.get(self.url + path)
                    if answer.status_code == status:
                        return answer
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)  # polled on purpose: this is what a load balancer does

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    async def stop(self, *, within_s: float = 60) -> int:
        """Ask it to stop, as a service manager does; returns its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), within_s)
            except TimeoutError:
                await self.kill()
                raise AssertionError(f"the gateway did not stop within {within_s} s:\n{self.tail()}") from None
        code = self.process.returncode
        assert code is not None
        return code

    async def kill(self) -> None:
        """``kill -9`` of the gateway alone, not of what it started."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def children(self, match: Callable[[list[str]], bool]) -> list[psutil.Process]:
        """Processes below this gateway whose command line matches."""
        assert self.process is not None
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if match(child.cmdline()):
                    found.append(child)
            except psutil.NoSuchProcess:
                continue
        return found

    def leftovers(self) -> list[psutil.Process]:
        """Processes of any parent that work with this data directory."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.data_dir) in part for part in process.info["cmdline"] or ()):
                found.append(process)
        return found

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as http:
            yield Client(http)


class Client:
    """The task API as an ordinary program uses it."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def create(self, prompt: str, **fields: Any) -> str:
        body = {"model": "grok-imagine-1.0-video", "prompt": prompt, **fields}
        answer = await self.http.post("/v1/video/tasks", json=body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["task_id"])

    async def get(self, task_id: str) -> Json:
        answer = await self.http.get(f"/v1/video/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def events(self, task_id: str) -> AsyncIterator[Json]:
        """The task's server-sent events until the stream ends."""
        async with self.http.stream("GET", f"/v1/video/tasks/{task_id}/stream", timeout=None) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    async def wait(self, task_id: str, *, until: str = "final", within_s: float = 90) -> Json:
        """Poll until the task is in that state (``final``: any of the last ones) or *until* a field says so."""
        final = {"completed", "failed", "cancelled"}
        async with asyncio.timeout(within_s):
            while True:
                try:
                    task = await self.get(task_id)
                except httpx.TransportError:  # the gateway is being restarted under this client
                    task = {"status": "unreachable"}
                if task["status"] == until or (until == "final" and task["status"] in final):
                    return task
                if task["status"] in final:
                    raise AssertionError(f"expected {until}, got {task}")
                await asyncio.sleep(0.1)  # polled on purpose: the documented way


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Signal a process that may just have gone."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
