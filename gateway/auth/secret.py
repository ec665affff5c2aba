"""The master secret of this gateway, and the keys made from it.

One secret to keep: ``GATEWAY_SECRET_KEY`` (or ``_FILE``), else ``secret.key`` in the data directory, made on first start.
Each purpose has its own key (HKDF-SHA256), so that none of them tells anything about another.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import StartRefused
from gateway.settings import Settings

FILE_NAME = "secret.key"
MIN_CHARACTERS = 16


class Purpose(StrEnum):
    """What a sub-key is for. The words are part of the keys: changing one makes what it protected unreadable."""

    CHECKPOINTS = "checkpoints"  # sign-ins on disk
    LINKS = "links"  # signed addresses of files
    API_KEYS = "api-keys"  # hashes of clients' keys
    PROXIES = "proxies"  # proxy addresses with their passwords
    SESSIONS = "sessions"  # the console's sign-ins
    NODES = "nodes"  # what nodes send each other
    WEBHOOKS = "webhooks"  # what webhooks are signed with


class Secret:
    """The master secret. Never shown: its repr says nothing."""

    def __init__(self, master: str, *, source: str = "the secret key") -> None:
        """source: where *master* came from, for the error's sentence."""
        if len(master) < MIN_CHARACTERS:
            raise StartRefused(
                f"{source} has fewer than {MIN_CHARACTERS} characters; put back the one this gateway had, or, where "
                "there was none yet, make one with: openssl rand -hex 32"
            )
        self._master = master.encode()

    def __repr__(self) -> str:
        return "Secret(…)"

    def key(self, purpose: Purpose) -> bytes:
        """Return the 32 bytes for *purpose*; the same for the same master, always."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"grok-gateway/{purpose}".encode()).derive(
            self._master
        )

    @property
    def text(self) -> str:
        """The master itself, for a backup that is to hold it."""
        return self._master.decode()

    @property
    def mark(self) -> str:
        """Tells one master from another, and nothing about it."""
        return hashlib.sha256(b"mark/" + self.key(Purpose.NODES)).hexdigest()[:16]


def load_secret(settings: Settings) -> Secret:
    """Return the master secret, making and keeping one when there is none yet.

    Raises StartRefused when it is too short, kept in a file that others may read, or not where GATEWAY_SECRET_KEY_FILE says.
    """
    if settings.secret_key is not None:
        return Secret(settings.secret_key.get_secret_value().strip(), source="GATEWAY_SECRET_KEY")
    path = place_of(settings)
    if not path.exists():
        if settings.secret_key_file is not None:
            _may_be_made(settings, path)
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make(path)
    return Secret(_read(path), source=str(path))


def place_of(settings: Settings) -> Path:
    """Return the file that holds the master secret, there or not, when GATEWAY_SECRET_KEY is not set."""
    return settings.secret_key_file or settings.data_dir / FILE_NAME


def _may_be_made(settings: Settings, path: Path) -> None:
    """Refuse to make the file at *path* where its absence is more likely a mistake: a new secret opens nothing kept so far."""
    if not path.parent.is_dir():
        raise StartRefused(
            f"GATEWAY_SECRET_KEY_FILE names {path}, and there is no directory {path.parent}: make it, or name another file"
        )
    used = any((settings.data_dir / kept).exists() for kept in (FILE_NAME, "gateway.db", "checkpoints"))
    if used and not path.exists():  # not made meanwhile by another process, which goes on to make the rest
        raise StartRefused(
            f"GATEWAY_SECRET_KEY_FILE names {path}, which is not there, and {settings.data_dir} was used with a secret "
            "before: put that one there"
        )


def keep_secret(settings: Settings, master: str) -> None:
    """Put *master* where `load_secret` finds it; a secret that is there already stays."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not place_of(settings).exists():
        _make(place_of(settings), master)


def _make(path: Path, master: str = "") -> None:
    """Put *master*, else a new secret, at *path*, unless another process was first: it appears whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, f"{master or secrets.token_urlsafe(48)}\n".encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first, its secret counts
    except OSError:
        if not path.exists():  # a file system without hard links
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> str:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise StartRefused(f"{path} can be read by others (mode {mode:04o}): chmod 600 {path}")
    return path.read_text(encoding="utf-8").strip()
