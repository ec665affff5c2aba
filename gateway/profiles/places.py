"""Where a profile lies on this node's disk: its directory, and beside it the sealed copies of its sign-in."""

from __future__ import annotations

from browser.checkpoint import CheckpointStore
from browser.profiles import ProfileDir
from gateway.auth.secret import Purpose, Secret
from gateway.settings import Settings


def directory_of(settings: Settings, name: str) -> ProfileDir:
    """Return the profile's directory; nothing is made."""
    return ProfileDir(settings.profiles_dir / name, checkpoints=settings.checkpoints_dir / name)


def copies_of(settings: Settings, secret: Secret, name: str) -> CheckpointStore:
    """Return the profile's sealed copies, those that an older version kept elsewhere among them."""
    directory = directory_of(settings, name)
    directory.bring_copies_out()
    return CheckpointStore(directory.checkpoints, profile=name, key=secret.key(Purpose.CHECKPOINTS))
