"""Which Chromium is used, and how it was found. Shared by launching, `gateway doctor` and scripts/install."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import playwright

from browser.errors import LaunchFailed

#: Looked for on PATH, in this order, when neither a setting nor Playwright names one.
INSTALLED = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")

PACKAGE = Path(playwright.__file__).parent / "driver" / "package"


@dataclass(frozen=True, slots=True)
class Chromium:
    """An executable and the way it was found, in words."""

    path: Path
    found: str


def find_chromium(setting: str | None = None) -> Chromium:
    """Return the browser to launch: the explicit setting, Playwright's own, or an installed one.

    Raises LaunchFailed with what to do when there is none, or when the setting names nothing executable.
    """
    if setting:
        path = shutil.which(setting)
        if path is None:
            raise LaunchFailed(f"{setting} is not an executable: correct GATEWAY_BROWSER_EXECUTABLE or leave it unset")
        return Chromium(Path(path), "setting GATEWAY_BROWSER_EXECUTABLE")
    for own in _playwrights_own():
        if os.access(own, os.X_OK):
            return Chromium(own, "Playwright's own Chromium")
    for name in INSTALLED:
        if path := shutil.which(name):
            return Chromium(Path(path), f"{name} on PATH")
    raise LaunchFailed("no Chromium was found: run scripts/install, or set GATEWAY_BROWSER_EXECUTABLE")


def own_revision() -> str:
    """Return the revision of Chromium that belongs to the installed Playwright; '' when it does not say."""
    try:
        known = json.loads((PACKAGE / "browsers.json").read_text("utf-8"))
        return str(next(entry["revision"] for entry in known["browsers"] if entry["name"] == "chromium"))
    except (OSError, ValueError, KeyError, StopIteration):
        return ""


def _playwrights_own() -> Iterator[Path]:
    """Yield where `playwright install chromium` of the installed version puts the browser."""
    folder = _registry() / f"chromium-{own_revision()}"
    for pattern in ("chrome-linux*/chrome", "chrome-mac*/*.app/Contents/MacOS/*"):
        yield from sorted(folder.glob(pattern))


def _registry() -> Path:
    """Return the folder of Playwright's browsers, by the same rules as its driver."""
    override = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if override == "0":
        return PACKAGE / ".local-browsers"
    if override:
        return Path(override).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ms-playwright"
