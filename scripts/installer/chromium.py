"""The browser: the one that is there, else Playwright's, else the distribution's."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.installer.commands import CommandFailed, Failed, run, say
from scripts.installer.environment import PYTHON
from scripts.installer.system import System

# The product's own search order, asked of the product: what is found here is what will be launched.
FIND = """
import json, os
from browser.chromium import find_chromium
found = find_chromium(os.environ.get("GATEWAY_BROWSER_EXECUTABLE"))
print(json.dumps([str(found.path), found.found]))
"""
DOWNLOAD_S = 900


@dataclass(frozen=True, slots=True)
class Browser:
    path: str
    found: str
    version: str


def install_browser(system: System) -> Browser:
    """Return a browser that starts, installing one when there is none."""
    found = _find()
    if found is not None and (works := _started(found)) is not None:
        return works
    if os.environ.get("GATEWAY_BROWSER_EXECUTABLE"):
        _raise_for_setting()
    if found is not None:
        say(f"{found[0]} does not start; installing another browser")
    tried = []
    for install in (_playwrights, _distributions):
        try:
            install(system)
        except Failed as exc:
            tried.append(str(exc))
            if install is _playwrights:
                say("Playwright's Chromium cannot be had here")
            continue
        found = _find()
        if found is not None and (works := _started(found)) is not None:
            return works
        tried.append("Installed, but it does not start: " + _why_not(found[0] if found else "no browser"))
    attempts = "\n".join(f"  - {reason}" for reason in tried)
    raise Failed(
        f"No browser could be installed.\n{attempts}\nInstall Google Chrome or Chromium yourself and run scripts/install"
        " again, or name one: GATEWAY_BROWSER_EXECUTABLE=/path/to/chrome scripts/install"
    )


def seems_installed() -> bool:
    """A guess that needs no `.venv`: is there a browser that need not be installed?"""
    names = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
    playwrights = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return bool(os.environ.get("GATEWAY_BROWSER_EXECUTABLE")) or any(map(shutil.which, names)) or playwrights.exists()


def _playwrights(system: System) -> None:
    """Playwright's own build, which its library was tested with, and the libraries it needs."""
    say("Installing Playwright's Chromium (about 180 MB)")
    run(
        [PYTHON, "-m", "playwright", "install", "--no-shell", "chromium"],
        what="Downloading Playwright's Chromium",
        timeout_s=DOWNLOAD_S,
        # An unreachable server answers within this; a slow one has all of DOWNLOAD_S.
        env={"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "10000"},
    )
    found = _find()
    if found is not None and _started(found) is None:
        command = [str(PYTHON), "-m", "playwright", "install-deps", "chromium"]
        if system.as_root is None:
            raise Failed(f"Chromium's libraries are missing: sudo {' '.join(command)}")
        say("Installing the libraries Chromium needs")
        run([*system.as_root, *command], what="Installing Chromium's libraries", timeout_s=1800, tries=2)


def _distributions(system: System) -> None:
    """The distribution's own Chromium."""
    if not system.packages("browser"):
        raise Failed("This system has no package of Chromium that we know.")
    if packages := system.missing(["browser"]):
        system.install(packages)


def _find() -> tuple[str, str] | None:
    try:
        path, how = json.loads(run([PYTHON, "-c", FIND], what="Looking for a browser").splitlines()[-1])
    except CommandFailed as exc:
        if "LaunchFailed" in exc.output:
            return None
        raise
    return path, how


def _started(found: tuple[str, str]) -> Browser | None:
    """A browser whose libraries are missing, or a stub for a package that is not there, ends with an error here."""
    path, how = found
    try:
        version = run([path, "--version"], what=path, timeout_s=30).strip().splitlines()[-1]
    except (CommandFailed, IndexError):
        return None
    return Browser(path, how, version.strip())


def _why_not(path: str) -> str:
    try:
        run([path, "--version"], what=path, timeout_s=30)
    except CommandFailed as exc:
        return str(exc)
    return f"{path} printed no version"


def _raise_for_setting() -> None:
    setting = os.environ["GATEWAY_BROWSER_EXECUTABLE"]
    raise Failed(f"GATEWAY_BROWSER_EXECUTABLE names {setting}, which cannot be started: {_why_not(setting)}")
