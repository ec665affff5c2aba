"""Runs the installed ``gateway`` on a data directory of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from gateway.cli.main import main

COMMAND = Path(sys.executable).with_name("gateway")
WITHIN_S = 60


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as JSON; anything beside one JSON value there is a fault."""
        return json.loads(self.out)


@dataclass
class Commands:
    """The command line with one data directory; *env* is added to a clean environment."""

    data_dir: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("GATEWAY_")}
        return {**clean, "GATEWAY_DATA_DIR": str(self.data_dir), "COLUMNS": "80", **self.env}

    async def start(
        self, *args: str, stderr: int | IO[bytes] = asyncio.subprocess.PIPE, **env: str
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            COMMAND,
            *args,
            env={**self.environment, **env},
            cwd=self.data_dir.parent,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )

    async def run(self, *args: str, stdin: str = "", **env: str) -> Ran:
        """Run ``gateway ARGS`` to its end."""
        process = await self.start(*args, **env)
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin.encode()), WITHIN_S)
        except TimeoutError:
            process.kill()
            raise
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def ok(self, *args: str, stdin: str = "", **env: str) -> Ran:
        """The same, for a command that must succeed."""
        ran = await self.run(*args, stdin=stdin, **env)
        assert ran.code == 0, f"gateway {' '.join(args)}: {ran}"
        return ran

    async def told(self, *args: str, **env: str) -> Any:
        """Run with --json, and return the answer."""
        return (await self.ok(*args, "--json", **env)).json


@dataclass
class Here:
    """The same commands in this process, for tables of cases: it saves starting Python for each of them."""

    data_dir: Path
    patch: pytest.MonkeyPatch
    captured: pytest.CaptureFixture[str]

    def run(self, *args: str, **env: str) -> Ran:
        """Run ``gateway ARGS``."""
        self.captured.readouterr()
        with self.patch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main(list(args))
        out, err = self.captured.readouterr()
        return Ran(int(ended.value.code or 0), out, err)

    def ok(self, *args: str, **env: str) -> Ran:
        """The same, for a command that must succeed."""
        ran = self.run(*args, **env)
        assert ran.code == 0, f"gateway {' '.join(args)}: {ran}"
        return ran

    def told(self, *args: str, **env: str) -> Any:
        """Run with --json, and return the answer."""
        return self.ok(*args, "--json", **env).json
