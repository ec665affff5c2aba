"""The profiles as they stand: state, proxy, leftovers on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from browser import processes
from browser.clearance import NEEDS_HUMAN, Clearance
from browser.profiles import SINGLETONS, check_proxy
from gateway.doctor.finding import Finding, fail, ok, warn
from gateway.instance import running
from gateway.profiles.errors import ProxyUnreadable
from gateway.profiles.model import Profile
from gateway.profiles.places import directory_of
from gateway.profiles.registry import Registry
from gateway.settings import Settings

#: States in which the profile cannot work and nothing will change by itself.
TROUBLED = NEEDS_HUMAN | {Clearance.NEW, Clearance.CRASHED}


async def profiles(settings: Settings, registry: Registry) -> AsyncIterator[Finding]:
    """Look at each profile of this node, and at what lies on disk."""
    rows = await registry.list(node=registry.node)
    if not rows:
        yield warn("profiles", "none yet: nothing can be generated", "gateway login NAME")
    for row in rows:
        yield _state(row)
        for finding in (*_proxy(row, registry), *_disk(settings, row)):
            yield finding
    known = {row.name for row in rows}
    folder = settings.profiles_dir
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.is_dir() and entry.name not in known:
            yield warn(f"profile {entry.name}", "on disk without an entry", f"gateway profile add {entry.name}")


def _state(row: Profile) -> Finding:
    about = f"profile {row.name}"
    if not row.enabled:
        return ok(about, "disabled")
    said = str(row.clearance) + (f": {row.reason}" if row.reason else "")
    if row.next_action and row.clearance in TROUBLED:
        return warn(about, said, row.next_action)
    return ok(about, said)


def _proxy(row: Profile, registry: Registry) -> Iterator[Finding]:
    about = f"profile {row.name}"
    fix = f"gateway profile proxy {row.name} URL"
    try:
        proxy = registry.proxy_of(row)
        if proxy is not None:
            check_proxy(proxy)
    except ProxyUnreadable:
        yield fail(about, "its proxy was sealed with another secret key, so it does not start", fix)
    except ValueError as exc:
        yield fail(about, str(exc), fix)


def _disk(settings: Settings, row: Profile) -> Iterator[Finding]:
    """What a crash left behind. All of it is cleared away at the profile's next start."""
    about = f"profile {row.name}"
    directory = directory_of(settings, row.name)
    if not directory.root.is_dir() or directory.is_in_use:
        return
    if old := processes.browsers_on(directory.user_data):
        pids = ", ".join(str(process.pid) for process in old)
        yield warn(
            about, f"a browser without a gateway runs on it (pid {pids})", "it is ended at the next start, or by hand"
        )
    elif any((directory.user_data / name).is_symlink() for name in SINGLETONS):
        yield ok(about, "a crashed browser left its lock; it is removed at the next start")
    if running(settings.data_dir) is None and row.release_requested_by:
        yield ok(about, f"was given to {row.release_requested_by}; the gateway takes it back when it starts")
