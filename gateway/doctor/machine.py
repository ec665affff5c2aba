"""What the machine offers a browser: sandbox, display, shared memory, fonts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.finding import Finding, fail, ok, warn
from gateway.settings import Headless, Settings

MB = 1024 * 1024
#: Docker's default. Chromium is told not to rely on it, so a small one costs speed, not stability.
SMALL_SHM_BYTES = 128 * MB
COMMAND_S = 10.0


def sandbox(settings: Settings) -> Finding:
    """Whether Chromium can lock its pages in."""
    about = "sandbox"
    if os.geteuid() == 0:
        return warn(about, "off, because the gateway runs as root", "run it as a user of its own")
    if not settings.browser_sandbox:
        return warn(about, "turned off by GATEWAY_BROWSER_SANDBOX", "turn it on unless this host cannot have it")
    if _number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1:
        return fail(
            about,
            "this host lets no ordinary program make user namespaces (AppArmor), which the sandbox needs",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or GATEWAY_BROWSER_SANDBOX=false",
        )
    for place in ("/proc/sys/kernel/unprivileged_userns_clone", "/proc/sys/user/max_user_namespaces"):
        if _number(place) == 0:
            name = place.removeprefix("/proc/sys/").replace("/", ".")
            return fail(
                about,
                f"{name} is 0, so the sandbox cannot work",
                f"sudo sysctl -w {name}={1 if name.endswith('clone') else 28633}, or GATEWAY_BROWSER_SANDBOX=false",
            )
    if (unshare := shutil.which("unshare")) and not _succeeds(unshare, "--user", "--map-root-user", "true"):
        return fail(
            about,
            "user namespaces are not allowed here (a container's seccomp profile?)",
            "allow clone/unshare in the container's seccomp profile, or GATEWAY_BROWSER_SANDBOX=false",
        )
    return ok(about, "on")


def display(settings: Settings) -> Finding:
    """Where a headed browser draws."""
    about = "display"
    if settings.headless is Headless.TRUE:
        return warn(about, "headless: the browser tells every site so", "GATEWAY_HEADLESS=auto")
    given = os.environ.get("DISPLAY", "")
    if given:
        number = given.split(":")[-1].split(".")[0]
        local = given.startswith((":", "unix:"))
        if local and number.isdigit() and not Path(f"/tmp/.X11-unix/X{number}").exists():  # noqa: S108 (X's own place)
            return fail(
                about, f"DISPLAY is {given}, where no X server listens", "unset DISPLAY, or start that X server"
            )
        return ok(about, given)
    if shutil.which("Xvfb") is None:
        return fail(about, "none, and no Xvfb to make one", "scripts/install, or: apt-get install xvfb")
    return ok(about, "none; the gateway starts Xvfb for itself")


def shared_memory() -> Finding:
    """Size of /dev/shm."""
    about, place = "shared memory", "/dev/shm"  # noqa: S108 (asked about, not written to)
    try:
        room = os.statvfs(place)
    except OSError:
        return warn(about, f"there is no {place}; pages draw more slowly", "mount a tmpfs there")
    size = room.f_blocks * room.f_frsize
    if size < SMALL_SHM_BYTES:
        return warn(about, f"{place} has only {size // MB} MB; pages draw more slowly", "docker run --shm-size 1g")
    return ok(about, f"{size // MB} MB")


def fonts() -> Iterator[Finding]:
    """Fonts for what people read in the live view."""
    about = "fonts"
    if (fc_list := shutil.which("fc-list")) is None:
        yield warn(about, "fontconfig is not installed, fonts cannot be listed", "apt-get install fontconfig")
        return
    count = len(_lines(fc_list, ":", "family"))
    if count == 0:
        yield fail(about, "none: pages would show boxes", "apt-get install fonts-liberation fonts-noto-cjk")
        return
    lacking = [word for word, tag in (("Chinese", "zh"), ("Japanese", "ja")) if not _lines(fc_list, f":lang={tag}")]
    if lacking:
        yield warn(
            about, f"none for {' and '.join(lacking)}: such text shows as boxes", "apt-get install fonts-noto-cjk"
        )
    if not _lines(fc_list, ":family=Noto Color Emoji"):
        yield warn(about, "none for emoji", "apt-get install fonts-noto-color-emoji")
    if not lacking:
        yield ok(about, f"{count} families, Chinese and Japanese among them")


def _number(place: str) -> int | None:
    try:
        return int(Path(place).read_text("ascii"))
    except (OSError, ValueError):
        return None


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=COMMAND_S, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False


def _lines(*command: str) -> set[str]:
    try:
        done = subprocess.run(command, capture_output=True, timeout=COMMAND_S, check=False, text=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return set()
    return {line for line in done.stdout.splitlines() if line.strip()}
