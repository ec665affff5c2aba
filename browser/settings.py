"""The pool's numbers, each with its unit and its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How the pool treats profiles and borrowers. All durations in seconds."""

    #: A READY browser nobody borrowed for so long is closed; a lease brings it back in about a second. None: never.
    idle_suspend_s: float | None = 900.0
    #: How often a changed state is copied out while a profile is READY.
    checkpoint_every_s: float = 600.0
    #: How often the site's session cookies are compared (a change is copied out at once), and a page is asked whether it
    #: still answers.
    cookies_every_s: float = 30.0
    #: How often a READY profile that nobody uses is asked whether it is still signed in. Rarely: it is traffic too.
    verify_every_idle_s: float = 1800.0
    #: How often a READY profile whose browser sleeps is woken to be asked the same, so that a sign-out is noticed before work
    #: needs it. None: never.
    probe_asleep_every_s: float | None = 21600.0
    #: How often a profile that waits for a human is asked whether he is done; does not touch the page.
    verify_when_not_ready_s: float = 15.0
    #: The same while an operator works with it.
    verify_when_held_s: float = 5.0
    #: One verification.
    verify_timeout_s: float = 30.0
    #: Borrowers that may wait for a slot, per kind of work.
    max_waiting: int = 1000
    #: What running leases are given when their page is needed (hold, reload, release); then they are revoked.
    lease_grace_s: float = 30.0
    #: Browsers started at the same time; more of them only slow each other down.
    launch_concurrency: int = 2
    #: After the driver died, every profile waits a random part of this before it starts again.
    restart_jitter_s: float = 2.0
    #: So many restarts after crashes within the window are made; the next crash quarantines the profile.
    recycle_limit: int = 3
    recycle_window_s: float = 600.0
    #: A profile whose directory another process holds is not tried again sooner.
    busy_rest_s: float = 5.0
    #: The site refusing again so soon after a reload seemed to help: no further reload, a human must look.
    reload_again_s: float = 60.0
