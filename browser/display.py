"""The display a headed Chromium draws on: the one that is there, or an Xvfb of our own."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import struct
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import structlog

from browser import processes
from browser.errors import LaunchFailed
from browser.scratch import Scratch

log = structlog.get_logger(__name__)

START_S = 10.0
#: In Xauthority files: an entry for every host and display.
FAMILY_WILD = 0xFFFF
#: Room for the browser's window around a page of 1280x800.
WIDTH, HEIGHT = 1440, 1000


class Display:
    """Gives the value of DISPLAY for a launch; starts Xvfb when there is none, and again when that died.

    An Xvfb of ours dies with us even when we are killed: it is started through ``setpriv --pdeathsig`` where that
    exists. It runs in a session of its own, so that Ctrl-C in a terminal reaches us and not it.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._name = ""
        self._secrets: Scratch | None = None
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process id of our own Xvfb while it runs."""
        if self._process is None or not processes.is_running(self._process.pid):
            return None
        return self._process.pid

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of our own screen, None when the display is somebody else's."""
        return None if self._process is None else (WIDTH, HEIGHT)

    async def environment(self) -> dict[str, str]:
        """Return the variables that lead a program to a display that works.

        Raises LaunchFailed when there is none and Xvfb cannot be started.
        """
        if given := os.environ.get("DISPLAY"):
            return {"DISPLAY": given}
        async with self._starting:
            if self.pid is None:
                await self._start()
            return {"DISPLAY": self._name, "XAUTHORITY": str(self._secret_file())}

    async def close(self) -> None:
        """End our Xvfb, if there is one."""
        process, self._process = self._process, None
        if self._secrets is not None:
            self._secrets.close()
            self._secrets = None
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                await processes.end([psutil.Process(process.pid)], term_s=2.0, kill_s=2.0)
            await process.wait()

    async def _start(self) -> None:
        if self._process is not None:
            log.warning("display died", display=self._name)
            await self.close()
        xvfb = shutil.which("Xvfb")
        if xvfb is None:
            raise LaunchFailed(
                "there is no display and Xvfb is not installed: run scripts/install, or set GATEWAY_HEADLESS=true"
            )
        self._secrets = Scratch("browser-display-")
        self._secret_file().write_bytes(x_authority(secrets.token_bytes(16)))
        command = [
            xvfb,
            "-auth",
            str(self._secret_file()),
            "-displayfd",
            "1",
            "-screen",
            "0",
            f"{WIDTH}x{HEIGHT}x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ]
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "KILL", *command]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        self._process = process
        number = b""
        try:
            async with asyncio.timeout(START_S):
                assert process.stdout is not None
                number = await process.stdout.readline()
        except TimeoutError:
            pass
        finally:
            if not number.strip().isdigit():
                await self.close()
        if not number.strip().isdigit():
            raise LaunchFailed("Xvfb did not start: try it by hand (Xvfb -displayfd 1), or set GATEWAY_HEADLESS=true")
        self._name = f":{int(number)}"
        log.info("display started", display=self._name, pid=process.pid)

    def _secret_file(self) -> Path:
        assert self._secrets is not None
        return self._secrets.path / "Xauthority"


def x_authority(cookie: bytes) -> bytes:
    """Return the content of an Xauthority file that fits any address.

    Without one an X server lets every user of the machine in, who could then watch a sign-in and type along.
    """
    name = b"MIT-MAGIC-COOKIE-1"
    return struct.pack(">HHHH", FAMILY_WILD, 0, 0, len(name)) + name + struct.pack(">H", len(cookie)) + cookie
