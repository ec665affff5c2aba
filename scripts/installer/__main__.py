"""`scripts/install`: everything the gateway needs, found or installed, and said in a few lines."""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.installer import environment
from scripts.installer.chromium import Browser, install_browser, seems_installed
from scripts.installer.commands import ROOT, Failed, say
from scripts.installer.system import System, this_system

STEPS = ("system", "python", "browser", "project")


def main() -> int:
    args = arguments()
    steps = args.only or STEPS
    try:
        with _alone():
            system = this_system(may_install=not args.no_system)
            if "system" in steps:
                install_system(system, args)
            if "python" in steps:
                environment.install_packages(system, runtime=args.runtime)
            browser = install_browser(system) if "browser" in steps else None
            if "project" in steps:
                environment.install_project()
    except Failed as exc:
        print(f"\nscripts/install: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nscripts/install: stopped. Run it again; it goes on where it was.", file=sys.stderr)
        return 130
    if not args.quiet:
        report(browser, whole=not args.only)
    return 0


def install_system(system: System, args: argparse.Namespace) -> None:
    """Install a display and fonts, and what was asked for with --with; without a display there is no headed browser."""
    needs = {
        "venv": environment.needs_venv_package() and "python" in (args.only or STEPS),
        "container": "container" in args.extra,
        "driver": not _has_library("libatomic.so.1"),
        "display": _needs_xvfb(),
    }
    required = system.missing(need for need, needed in needs.items() if needed)
    optional = [] if args.minimal else system.missing(["fonts"])
    if "tests" in args.extra and not _has_postgresql():
        optional += system.missing(["tests"])
    if required:
        if system.as_root is None:
            browser = [] if seems_installed() else system.missing(["browser"])
            raise Failed(
                f"Packages of the system are missing, and this may not install them. Once, as administrator:\n"
                f"    {system.by_hand([*required, *browser, *optional])}\nThen run scripts/install again."
            )
        system.install(required)
    if _needs_xvfb():
        raise Failed(
            "There is no display (DISPLAY is not set) and no Xvfb to make one. Install Xvfb with your package manager,"
            " or run the browser without a window: export GATEWAY_HEADLESS=true (it then says so in its user agent)."
        )
    if optional:
        _install_optional(system, optional, quiet=args.quiet)


def _install_optional(system: System, packages: list[str], *, quiet: bool) -> None:
    """Fonts for other scripts and emoji, a server for tests: worth having, not worth failing for."""
    if system.as_root is not None:
        try:
            system.install(packages)
        except Failed as exc:
            print(f"Going on without. {exc}", file=sys.stderr)
    elif not quiet:
        say(f"Worth having too: {system.by_hand(packages)}")


def report(browser: Browser | None, *, whole: bool) -> None:
    if environment.PYTHON.exists():
        say(f"python   {environment.python_version()}, packages in .venv as locked")
    if browser is not None:
        say(f"browser  {browser.version} ({browser.found}): {browser.path}")
        say(f"display  {_display()}")
    if whole:
        say("Installed. See a video being made: scripts/demo. With your own account: scripts/run")


def _display() -> str:
    if os.environ.get("GATEWAY_HEADLESS", "").lower() == "true":
        return "none (GATEWAY_HEADLESS=true)"
    if name := os.environ.get("DISPLAY"):
        return f"this one ({name})"
    return "this one" if sys.platform == "darwin" else "a virtual one (Xvfb), started with the gateway"


def _needs_xvfb() -> bool:
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or shutil.which("Xvfb"):
        return False
    return os.environ.get("GATEWAY_HEADLESS", "").lower() != "true"


def _has_postgresql() -> bool:
    return bool(shutil.which("initdb") or any(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


def _has_library(name: str) -> bool:
    if not sys.platform.startswith("linux"):
        return True
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line, or *given*."""
    parser = argparse.ArgumentParser(
        prog="scripts/install",
        description="Install what the gateway needs: Python packages in .venv, a browser, a display, fonts.",
        epilog="Needs no administrator rights where browser and Xvfb are there already. PYTHON=... names the Python to use.",
    )
    parser.add_argument("--minimal", action="store_true", help="leave out fonts for other scripts and emoji")
    parser.add_argument("--no-system", action="store_true", help="leave the system's packages alone")
    parser.add_argument("--only", action="append", choices=STEPS, help="only this step")
    parser.add_argument("--runtime", action="store_true", help="leave out what only the demo, tests and checks need")
    parser.add_argument(
        "--with", action="append", choices=("container", "tests"), default=[], dest="extra", help="also these"
    )
    parser.add_argument("--quiet", action="store_true", help="say only what is being done")
    return parser.parse_args(given)


@contextmanager
def _alone() -> Iterator[None]:
    """One installation of this folder at a time: a second one waits, then finds everything there."""
    try:
        lock = (ROOT / ".install.lock").open("w")
    except OSError as exc:
        raise Failed(f"This folder must be writable by you ({exc.strerror}): {ROOT}") from exc
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another scripts/install is at work here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
