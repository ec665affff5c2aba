"""How Chromium is started from a profile: honestly, as what it is.

No stealth: no changed user agent, no scripts that alter pages, Playwright's own automation flags as they are.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from playwright.async_api import BrowserContext, ProxySettings, ViewportSize

from browser import processes
from browser.chromium import find_chromium
from browser.display import Display
from browser.driver import Driver
from browser.errors import LaunchFailed
from browser.launch_failures import explained
from browser.preferences import set_preferences
from browser.profiles import ProfileDir, ProfileSpec

#: Playwright's own limit on a launch; ours lies a little above, for a driver that does not answer.
LAUNCH_S = 60.0
BEYOND_S = 5.0

VIEWPORT: ViewportSize = {"width": 1280, "height": 800}

#: Chromium puts a socket into a folder of its own there; a socket's path has at most 107 bytes.
LONGEST_TMPDIR = 60

#: After a crash Chromium asks in a bubble whether to restore the pages; nobody is there to answer.
OURS = ("--hide-crash-restore-bubble",)

#: What Playwright 1.65 switches off. Chromium obeys only the last --disable-features, so a list in the operator's
#: arguments must repeat this one; tests/browser/test_launch.py compares it with what a plain launch passes.
PLAYWRIGHT_DISABLED_FEATURES = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "msForceBrowserSignIn",
    "msEdgeUpdateLaunchServicesPreferredVersion",
)
PLAYWRIGHT_ENABLED_FEATURES = ("CDPScreenshotNewSurface", "SkipListAccountsWithoutGaiaCookies")


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """How browsers are started on this machine.

    executable: None = found (see chromium.py). args: further Chromium arguments. headless: "auto" and "false" both
    mean headed, on an Xvfb of ours where there is no display; a headless build tells every site that it is one.
    sandbox: None = on unless we are root, under whom Chromium refuses to start with it. resizable: the page follows
    the size of its window, for a window that an operator sees; else it has the same size always.
    """

    executable: str | None = None
    args: tuple[str, ...] = ()
    headless: Literal["auto", "true", "false"] = "auto"
    sandbox: bool | None = None
    resizable: bool = False

    @property
    def headed(self) -> bool:
        return self.headless != "true"

    @property
    def sandboxed(self) -> bool:
        return os.geteuid() != 0 if self.sandbox is None else self.sandbox


def merge_arguments(args: Sequence[str]) -> list[str]:
    """Return the operator's arguments with their feature lists joined to Playwright's instead of replacing them."""
    merged = [arg for arg in args if not arg.startswith(("--disable-features=", "--enable-features="))]
    for switch, playwrights in (
        ("--disable-features=", PLAYWRIGHT_DISABLED_FEATURES),
        ("--enable-features=", PLAYWRIGHT_ENABLED_FEATURES),
    ):
        theirs = [arg.removeprefix(switch) for arg in args if arg.startswith(switch)]
        if theirs:
            features = [feature for item in theirs for feature in item.split(",") if feature]
            merged.append(switch + ",".join(dict.fromkeys((*playwrights, *features))))
    return merged


def proxy_settings(proxy: str | None) -> ProxySettings | None:
    """Turn a proxy's URL into what Playwright takes; the password leaves the address."""
    if proxy is None:
        return None
    parts = urlsplit(proxy)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    settings: ProxySettings = {"server": f"{parts.scheme}://{host}:{parts.port}"}
    if parts.username:
        settings["username"] = unquote(parts.username)
        settings["password"] = unquote(parts.password or "")
    return settings


class ChromiumStarter:
    """Starts Chromium from profile directories, a few at a time."""

    def __init__(self, settings: LaunchSettings, *, driver: Driver, display: Display, at_once: int) -> None:
        self.settings = settings
        self._driver = driver
        self._display = display
        self._turns = asyncio.Semaphore(at_once)

    async def start(self, spec: ProfileSpec, directory: ProfileDir) -> BrowserContext:
        """Return the running persistent context. Raises LaunchFailed; then no process of the launch is left."""
        async with self._turns:
            chromium = await self._driver.chromium()
            executable = find_chromium(self.settings.executable)
            environment = await self._environment()
            if not self.settings.resizable:  # a window that an operator sees may print
                await asyncio.to_thread(set_preferences, directory.user_data)
            try:
                async with asyncio.timeout(LAUNCH_S + BEYOND_S):
                    return await chromium.launch_persistent_context(
                        directory.user_data,
                        executable_path=executable.path,
                        headless=not self.settings.headed,
                        chromium_sandbox=self.settings.sandboxed,
                        args=[*OURS, *merge_arguments(self.settings.args)],
                        env=dict(environment),
                        proxy=proxy_settings(spec.proxy),
                        downloads_path=directory.downloads,
                        artifacts_dir=directory.downloads,  # else a folder in /tmp, left there by a killed driver
                        accept_downloads=True,
                        no_viewport=self.settings.resizable or None,
                        viewport=None if self.settings.resizable else VIEWPORT,
                        screen=self._screen(),
                        # An operator's Ctrl-C means "drain", which is ours to do.
                        handle_sigint=False,
                        handle_sigterm=False,
                        handle_sighup=False,
                        timeout=LAUNCH_S * 1000,
                    )
            except BaseException as exc:
                # Playwright may be about to hand over a browser that nobody waits for any more.
                left = await asyncio.to_thread(processes.browsers_on, directory.user_data)
                await processes.end(left, term_s=1.0)
                if isinstance(exc, Exception):
                    raise LaunchFailed(explained(exc, profile=spec.name, program=executable.path.name)) from exc
                raise

    async def _environment(self) -> Mapping[str, Any]:
        # Our own settings carry secrets; a browser has no business with them.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        if self.settings.headed and sys.platform == "linux":
            environment.update(await self._display.environment())
        if len(environment.get("TMPDIR", "")) > LONGEST_TMPDIR:
            environment["TMPDIR"] = "/tmp"  # noqa: S108 - Chromium makes a folder of its own in it
        return environment

    def _screen(self) -> ViewportSize | None:
        """The page is told the true size of our screen; a fixed viewport would make it one with the page's."""
        size = self._display.size if self.settings.headed and not self.settings.resizable else None
        return None if size is None else {"width": size[0], "height": size[1]}
