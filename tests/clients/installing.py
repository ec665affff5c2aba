"""Clients as their users install them, kept beside pytest's cache so that the next run finds them."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

INSTALL_WITHIN_S = 150
#: A registry that does not answer is given up soon: then these tests are skipped, with the reason.
NPM = ("npm", "install", "--no-audit", "--no-fund", "--silent", "--fetch-retries=1", "--fetch-timeout=30000")
RUN_WITHIN_S = 90

#: From the time in which the SDK sent videos as JSON, and the newest.
OPENAI_OF_2025 = ("openai==2.8.1",)
OPENAI_NEWEST = ("openai==3.52.0", "requests==2.34.2")
LITELLM = ("litellm==1.106.2",)
NODE_6 = (
    "openai@6.49.0", "axios@1.13.2", "ai@6.0.326", "@ai-sdk/xai@3.0.138", "@ai-sdk/openai@3.0.141",
    "@ai-sdk/openai-compatible@2.0.87",
)  # fmt: skip
NODE_7 = ("ai@7.0.173", "@ai-sdk/xai@5.0.12")


async def python_with(folder: Path, requirements: tuple[str, ...]) -> Path:
    """Return a Python that has *requirements*; skips the test, with the reason, where they cannot be had."""
    place = _place(folder, "python", requirements)
    python = place / "bin" / "python"
    async with _alone(place):
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            await _or_skip(sys.executable, "-m", "venv", str(place))
            await _or_skip(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
            (place / "complete").touch()
    return python


async def node_with(folder: Path, packages: tuple[str, ...]) -> Path:
    """Return a folder in which node finds *packages*; skips the test, with the reason, where they cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    place = _place(folder, "node", packages)
    async with _alone(place):
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            (place / "package.json").write_text('{"private": true}')
            await _or_skip(*NPM, "--prefix", str(place), *packages)
            (place / "complete").touch()
    return place


@asynccontextmanager
async def _alone(place: Path) -> AsyncIterator[None]:
    """Install a client once, though tests of several files want it at the same time."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


async def run(*command: str, code: str | None = None, cwd: Path | None = None, **env: str) -> str:
    """Run a program to its good end and return what it printed."""
    status, out, err = await _finished(*command, code=code, cwd=cwd, within_s=RUN_WITHIN_S, **env)
    assert status == 0, f"{command[0]} ended with {status}:\n{out}\n{err}"
    return out


def _place(folder: Path, kind: str, wanted: tuple[str, ...]) -> Path:
    version = f"{sys.version_info.major}.{sys.version_info.minor}" if kind == "python" else ""
    return folder / f"{kind}{version}-{hashlib.sha256(' '.join(wanted).encode()).hexdigest()[:12]}"


async def _or_skip(*command: str) -> None:
    """Install, or skip the test. What failed once is not tried again in this run, by any worker: where a registry does
    not answer, every other package would be waited for in vain as well."""
    failed = Path(tempfile.gettempdir()) / f"{Path(command[0]).name}-{'-'.join(command[1:3]).strip('-')}.failed"
    if not failed.exists():
        try:
            status, out, err = await _finished(*command, within_s=INSTALL_WITHIN_S)
        except TimeoutError:
            failed.write_text(f"took more than {INSTALL_WITHIN_S} s")
        else:
            if not status:
                return
            failed.write_text(f"failed: {(err or out).strip()[-300:]}")
    pytest.skip(f"{' '.join(command[:4])} … {failed.read_text()}")


async def _finished(
    *command: str, within_s: float, code: str | None = None, cwd: Path | None = None, **env: str
) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=cwd, env={**os.environ, "PYTHONIOENCODING": "utf-8", "NO_PROXY": "*", "no_proxy": "*", **env},
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(None if code is None else code.encode()), within_s)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")
