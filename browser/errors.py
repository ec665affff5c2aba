"""Everything that can go wrong while leasing or using a browser.

BrowserError
├── PoolClosed        the pool is shutting down
├── PoolSaturated     too many already wait for a slot
├── LeaseTimeout      no slot became free in time
├── ProfileUnknown    no profile of that name here
├── ProfileBusy       another process works with this profile's directory
├── ProfileNotCleared the site does not let this profile work now
├── LaunchFailed      Chromium did not start, or did not start in time
├── SlotLost          page, context, browser or driver died, or the profile was taken away
├── TransportFailed   the page could not complete the exchange with the site
│   ├── TransportTimeout   a deadline of ours passed
│   └── TransportRefused   the site answered a download with an HTTP error
├── TooLarge          more bytes than the caller allowed
└── StorageFull       no room left where the bytes should go
"""

from __future__ import annotations


class BrowserError(Exception):
    """Root of this package's errors. The message is a sentence for an operator."""


class PoolClosed(BrowserError):
    """The pool drains or is closed; nothing more is leased."""


class PoolSaturated(BrowserError):
    """More borrowers wait than the pool allows; try again later."""


class LeaseTimeout(BrowserError):
    """No slot became free within the caller's time."""


class ProfileUnknown(BrowserError):
    """No profile of that name belongs to this pool."""


class ProfileBusy(BrowserError):
    """Another process holds the profile's directory."""


class ProfileNotCleared(BrowserError):
    """The profile asked for by name cannot work now; the message says why."""


class LaunchFailed(BrowserError):
    """Chromium could not be started from the profile."""


class SlotLost(BrowserError):
    """What the lease stood on is gone: drop the lease and take another."""


class TransportFailed(BrowserError):
    """The exchange broke (network error inside the page). Whether the site acted on it is unknown.

    sent: False when it is known that nothing left for the site.
    """

    sent = True


class TransportTimeout(TransportFailed):
    """A deadline passed. Whether the site acted on the request is unknown."""


class TransportRefused(TransportFailed):
    """The site answered a download with an HTTP error status."""

    def __init__(self, message: str, *, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.headers = headers or {}


class TooLarge(BrowserError):
    """More bytes arrived than the caller allowed; what had been written is gone."""


class StorageFull(BrowserError):
    """The disk below the target has no room left."""


class CheckpointUnreadable(BrowserError):
    """A sealed copy of cookies and storage cannot be opened: it was made with another key, or is damaged."""


class SignInUnreadable(BrowserError):
    """A file given as a sign-in is in no format known here, or holds nothing of use."""
