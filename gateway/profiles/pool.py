"""The pool of this node, made from the settings: the same for the service and for a command that works alone."""

from __future__ import annotations

from collections.abc import Callable

from browser.launch import LaunchSettings
from browser.live.settings import LiveSettings
from browser.pool import Pool
from browser.settings import PoolSettings
from browser.site import Site
from browser.status import ProfileEvent
from gateway.auth.secret import Purpose, Secret
from gateway.settings import Headless, Settings

#: How often somebody who signs in by hand is looked at, beside every navigation: he watches the window, waiting.
VERIFY_WHEN_HELD_S = 3.0


def make_pool(
    site: Site,
    settings: Settings,
    secret: Secret,
    *,
    on_event: Callable[[ProfileEvent], None],
    prefer: Callable[[str], int] = lambda _: 0,
    headless: Headless | None = None,
) -> Pool:
    """Return the (not yet opened) pool of the profiles in the data directory. headless: instead of the setting."""
    return Pool(
        site,
        launch=launch_settings(settings, headless=headless),
        profiles_dir=settings.profiles_dir,
        checkpoints_dir=settings.checkpoints_dir,
        slots=settings.slots,
        checkpoint_key=secret.key(Purpose.CHECKPOINTS),
        settings=pool_settings(settings),
        prefer=prefer,
        on_event=on_event,
    )


def launch_settings(settings: Settings, *, headless: Headless | None = None) -> LaunchSettings:
    """Return how browsers are started."""
    shown = headless or settings.headless
    return LaunchSettings(
        executable=settings.browser_executable or None,
        args=settings.extra_browser_args,
        headless=shown.value,
        sandbox=None if settings.browser_sandbox else False,
    )


def pool_settings(settings: Settings) -> PoolSettings:
    """Return the pool's numbers."""
    return PoolSettings(
        idle_suspend_s=settings.idle_suspend_s or None,
        checkpoint_every_s=settings.checkpoint_every_s,
        verify_every_idle_s=settings.verify_idle_every_s or float("inf"),
        probe_asleep_every_s=(settings.probe_asleep_every_s or None) if settings.verify_idle_every_s else None,
        verify_when_not_ready_s=settings.verify_waiting_every_s,
        verify_when_held_s=VERIFY_WHEN_HELD_S,
    )


def live_settings(settings: Settings) -> LiveSettings:
    """Return the live view's numbers."""
    return LiveSettings(
        idle_release_s=settings.live_idle_release_s,
        control_max_s=settings.live_control_max_s,
        allow_private=settings.live_allow_private,
    )
