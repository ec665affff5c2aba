"""What can be wrong with a request about a profile.

ProfileError             code, and a sentence with the next step
├── UnknownProfile       no row of that name
├── ProfileExists        the name is taken
├── ProfileElsewhere     the profile lives on another node
├── BadProfile           its name or proxy cannot be used
├── ProxyUnreadable      its proxy was sealed with another secret key
├── BadSignIn            a file holds no sign-in of the site
├── NothingKept          there is no copy of its sign-in, or not the one asked for
├── BundleUnreadable     a bundle cannot be opened
└── WeakPassphrase       a bundle would be sealed with too little
"""

from __future__ import annotations


class ProfileError(Exception):
    """Root of these errors."""

    code: str = "profile_error"


class UnknownProfile(ProfileError):
    """No profile of that name."""

    code = "unknown_profile"

    def __init__(self, name: str, hint: str = "") -> None:
        super().__init__(f"there is no profile {name!r}" + (f"; {hint}" if hint else ""))


class ProfileExists(ProfileError):
    """The name is taken."""

    code = "profile_exists"


class ProfileElsewhere(ProfileError):
    """The profile's directory is on another node, so it has to be done there."""

    code = "profile_elsewhere"


class BadProfile(ProfileError):
    """A name or a proxy that cannot be used."""

    code = "invalid_profile"


class ProxyUnreadable(ProfileError):
    """The row's proxy was sealed with another key. Never go without it: the site would see another address."""

    code = "proxy_unreadable"


class BadSignIn(ProfileError):
    """A file that holds no sign-in of the site."""

    code = "bad_sign_in"


class NothingKept(ProfileError):
    """A copy of the sign-in is needed and there is none."""

    code = "no_checkpoint"


class BundleUnreadable(ProfileError):
    """A bundle cannot be opened. code: ``no_bundle``, ``wrong_passphrase``, else ``bad_bundle``."""

    def __init__(self, message: str, *, code: str = "bad_bundle") -> None:
        super().__init__(message)
        self.code = code


class WeakPassphrase(ProfileError):
    """The passphrase could be guessed."""

    code = "weak_passphrase"
