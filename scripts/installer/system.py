"""The system's own packages: what is needed for what, under each package manager's names."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scripts.installer.commands import CommandFailed, Failed, run, say

#: need → package manager → packages
PACKAGES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "venv": {
        "apt-get": (f"python3.{sys.version_info.minor}-venv",),
    },
    # The program behind Playwright's library; a minimal system has everything else it links to.
    "driver": {
        "apt-get": ("libatomic1",),
        "dnf": ("libatomic",),
        "pacman": ("gcc-libs",),
    },
    "display": {
        "apt-get": ("xvfb",),
        "dnf": ("xorg-x11-server-Xvfb",),
        "pacman": ("xorg-server-xvfb",),
    },
    "browser": {
        "apt-get": ("chromium", "chromium-sandbox"),
        "dnf": ("chromium",),
        "pacman": ("chromium",),
    },
    # Pages and thumbnails in other scripts than Latin; without them the site works, but shows boxes.
    "fonts": {
        "apt-get": ("fonts-liberation", "fonts-dejavu-core", "fonts-noto-cjk", "fonts-noto-color-emoji"),
        "dnf": ("liberation-fonts", "dejavu-sans-fonts", "google-noto-sans-cjk-fonts", "google-noto-color-emoji-fonts"),
        "pacman": ("ttf-liberation", "ttf-dejavu", "noto-fonts-cjk", "noto-fonts-emoji"),
    },
    # A server of the tests' own, on a free port; without it the tests on PostgreSQL are skipped.
    "tests": {
        "apt-get": ("postgresql",),
        "dnf": ("postgresql-server",),
        "pacman": ("postgresql",),
    },
    # What the image has besides: process 1, and the time zones that TZ may name.
    "container": {
        "apt-get": ("tini", "tzdata"),
    },
}

INSTALL: Mapping[str, tuple[str, ...]] = {
    # The lock timeout waits for another apt, such as a fresh machine's own first update.
    "apt-get": ("apt-get", "-qy", "-o", "DPkg::Lock::Timeout=300", "install", "--no-install-recommends"),
    "dnf": ("dnf", "-qy", "install"),
    "pacman": ("pacman", "-S", "--noconfirm", "--needed"),
}
REFRESH: Mapping[str, tuple[str, ...]] = {
    "apt-get": ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", "update"),
    "pacman": ("pacman", "-Sy", "--noconfirm"),
}
INSTALLED: Mapping[str, tuple[str, ...]] = {
    "apt-get": ("dpkg-query", "-W", "-f", "${db:Status-Status} "),
    "dnf": ("rpm", "-q"),
    "pacman": ("pacman", "-Q"),
}


@dataclass(frozen=True, slots=True)
class System:
    """This system's package manager, and how to become allowed to use it."""

    manager: str | None
    as_root: tuple[str, ...] | None

    def missing(self, needs: Iterable[str]) -> list[str]:
        """Return the packages of *needs* that are not installed; none when the manager's names are not known."""
        if self.manager is None:
            return []
        wanted = [package for need in needs for package in self.packages(need)]
        return [package for package in wanted if not self._installed(package)]

    def packages(self, need: str) -> tuple[str, ...]:
        """Return what this system calls *need*; empty when it has no such package."""
        if self.manager is None or (need == "browser" and _is_ubuntu()):
            return ()  # Ubuntu's own Chromium is a snap, which Playwright cannot drive
        return PACKAGES[need].get(self.manager, ())

    def install(self, packages: list[str]) -> None:
        """Install *packages*. Raises Failed with the command to type when we may not, or when it did not work."""
        if self.manager is None:
            raise Failed("This system's package manager is not one of apt-get, dnf and pacman.")
        if self.as_root is None:
            raise Failed(f"Administrator rights are needed: {self.by_hand(packages)}")
        say(f"Installing {' '.join(packages)}")
        if self.manager == "apt-get" and not _apt_has_lists():
            self._refresh("")
        try:
            run(
                [*self.as_root, *INSTALL[self.manager], *packages],
                what=f"Installing {' '.join(packages)}",
                timeout_s=1800,
                tries=3,
                wait_s=5,
                before_retry=self._refresh,
            )
        except CommandFailed as exc:
            raise Failed(f"{exc}\nTry it by hand: {self.by_hand(packages)}") from exc

    def by_hand(self, packages: list[str]) -> str:
        """The command a person types to install *packages*."""
        if self.manager is None:
            return "(your package manager)"
        root = "" if os.geteuid() == 0 else "sudo "
        parts = ["apt-get", "install", "-y"] if self.manager == "apt-get" else list(INSTALL[self.manager])
        return root + shlex.join([*parts, *packages])

    def _installed(self, package: str) -> bool:
        assert self.manager is not None
        asked = subprocess.run([*INSTALLED[self.manager], package], capture_output=True, text=True, check=False)
        return asked.returncode == 0 and (self.manager != "apt-get" or "installed" in asked.stdout.split())

    def _refresh(self, _output: str) -> None:
        """Fetch the lists of packages; what stays wrong after that shows in the install itself."""
        assert self.manager is not None and self.as_root is not None
        command = REFRESH.get(self.manager)
        if command is not None:
            try:
                run([*self.as_root, *command], what="Fetching the package lists", timeout_s=300, tries=3, wait_s=5)
            except CommandFailed as exc:
                print(f"  {exc}", file=sys.stderr)


def this_system(*, may_install: bool) -> System:
    """Find the package manager and whether it can be used without asking anybody for a password."""
    manager = next((name for name in INSTALL if shutil.which(name)), None)
    if not may_install:
        return System(manager, None)
    quietly = ("env", "DEBIAN_FRONTEND=noninteractive")
    if os.geteuid() == 0:
        return System(manager, quietly)
    sudo = shutil.which("sudo") is not None and subprocess.run(
        ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return System(manager, ("sudo", "-n", *quietly) if sudo and sudo.returncode == 0 else None)


def _is_ubuntu() -> bool:
    try:
        known = platform.freedesktop_os_release()
    except OSError:
        return False
    return "ubuntu" in (known.get("ID", ""), *known.get("ID_LIKE", "").split())


def _apt_has_lists() -> bool:
    """A fresh image ships without lists of packages: nothing is found before they are fetched once."""
    try:
        return any(name.endswith(("_Packages", "_Packages.lz4")) for name in os.listdir("/var/lib/apt/lists"))  # noqa: PTH208
    except OSError:
        return False
