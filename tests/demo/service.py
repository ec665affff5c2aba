"""The gateway of the demo: the installed command in its own process, with a data directory of its own."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

COMMAND = Path(sys.executable).with_name("gateway")
#: Of the caller's own settings only those that say how a browser is started on this machine.
KEPT = ("GATEWAY_BROWSER_EXECUTABLE", "GATEWAY_BROWSER_SANDBOX", "GATEWAY_HEADLESS", "GATEWAY_LOG_LEVEL")
#: States of a profile that waiting does not change.
HOPELESS = re.compile(r"\bis (crashed|blocked|disabled)\b")
START_S = 40.0
READY_S = 60.0
STOP_S = 30.0


class DemoFailed(Exception):
    """The demo cannot go on. The message says what to do."""


class Service:
    """`async with` it to serve; commands can be run before and meanwhile."""

    def __init__(self, place: Path, browser_args: str) -> None:
        self.log = place / "gateway.log"
        self.url = ""
        self.setup_url = ""
        self._place = place
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_") or name in KEPT},
            "GATEWAY_DATA_DIR": str(place / "data"),
            "GATEWAY_BROWSER_ARGS": browser_args,
            "GATEWAY_LOG_FORMAT": "console",
        }
        self._process: Process | None = None

    async def command(self, *args: str) -> dict[str, Any]:
        """Run ``gateway ARGS --json`` and return its answer. Raises DemoFailed with the command's own sentence."""
        with self.log.open("ab") as log:
            asked = await asyncio.create_subprocess_exec(
                COMMAND, *args, "--json", env=self._environment, cwd=self._place, stdin=DEVNULL, stdout=PIPE, stderr=log
            )
            try:
                output, _ = await asyncio.wait_for(asked.communicate(), START_S)
            except BaseException:
                with suppress(ProcessLookupError):
                    asked.kill()
                raise
        answer = _object(output)
        if asked.returncode != 0:
            said = answer.get("error", {}).get("message") or f"it ended with status {asked.returncode}"
            raise DemoFailed(f"gateway {' '.join(args[:2])}: {said}")
        return answer

    async def __aenter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(COMMAND, "serve", "--port", "0", "--json"),
                env=self._environment,
                cwd=self._place,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is ours: we stop it in order
            )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                facts = _object(await self._process.stdout.readline())
        except TimeoutError:
            await self.stop()
            raise DemoFailed(f"the gateway did not start within {START_S:.0f} s") from None
        except BaseException:
            await self.stop()
            raise
        if "url" not in facts:
            await self.stop()
            raise DemoFailed(facts.get("error", {}).get("message", "the gateway ended at its start"))
        self.url = str(facts["url"])
        self.setup_url = str(facts.get("setup_url", ""))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def ready(self) -> None:
        """Wait until a profile can work. Raises DemoFailed with the reasons the gateway gives."""
        why = "it does not answer"
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False) as http:
            with suppress(TimeoutError):
                async with asyncio.timeout(READY_S):
                    while True:
                        self.still_there()
                        with suppress(httpx2.TransportError):
                            answer = await http.get("/readyz")
                            if answer.status_code == 200:
                                return
                            why = "; ".join(_object(answer.content).get("reasons", [])) or answer.text[:200]
                            if HOPELESS.search(why):
                                raise DemoFailed(why)
                        await asyncio.sleep(0.2)
        raise DemoFailed(f"no profile became ready within {READY_S:.0f} s: {why}")

    def still_there(self) -> None:
        """Raise DemoFailed when the gateway has ended by itself."""
        if self._process is None or self._process.returncode is not None:
            raise DemoFailed("the gateway ended by itself")

    async def ended(self) -> None:
        """Return when the gateway has ended."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """End it as a service manager does; what has not ended then is killed."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except BaseException as exc:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await process.wait()
            if not isinstance(exc, TimeoutError):
                raise

    def last_lines(self, count: int = 15) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-count:])


def _object(output: bytes) -> dict[str, Any]:
    """The JSON object a command printed; empty when it printed none."""
    try:
        value = json.loads(output.decode() or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
