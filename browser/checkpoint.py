"""Sealed copies of a profile's cookies and storage: what brings a login back after a restart or a lost disk.

A persistent profile forgets its session cookies at every restart, and a killed browser forgets what it had not yet
written (Chromium writes about every 30 s). So the state is copied out while it is known to be good, and put back at
the next launch (restore.py). The copies are credentials and are kept encrypted:

    b"BCKP" | version (1 byte) | key id (4 bytes) | nonce (12 bytes) | AES-256-GCM(zlib(JSON))

The header and the profile's name are authenticated with it, so a copy cannot be passed off as another profile's.
Files are `<generation>.sealed`; the newest five are kept. `<generation>.import.sealed` is a sign-in that an operator
brought from elsewhere and that no launch has applied yet.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from browser.errors import CheckpointUnreadable

#: Cookies and storage as Playwright's ``storage_state()`` returns them.
State = dict[str, Any]

MAGIC, VERSION = b"BCKP", 1
NONCE_BYTES = 12
HEADER_BYTES = len(MAGIC) + 1 + 4
KEEP = 5
FILE = re.compile(r"(\d{8})(\.import)?\.sealed")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One sealed copy. taken_at: when its content was last seen to be current. imported: waits to be applied."""

    generation: int
    path: Path
    taken_at: datetime
    size_bytes: int
    imported: bool

    @property
    def age_s(self) -> float:
        return (datetime.now(UTC) - self.taken_at).total_seconds()


class CheckpointStore:
    """The sealed copies of one profile. Several processes may use the same folder."""

    def __init__(self, folder: Path, *, profile: str, key: bytes) -> None:
        if len(key) < 16:
            raise ValueError("the key for checkpoints must have at least 16 bytes")
        self._folder = folder
        self._profile = profile
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"browser checkpoint v1").derive(key)
        self._cipher = AESGCM(derived)
        self._header = MAGIC + bytes([VERSION]) + hashlib.sha256(derived).digest()[:4]

    def save(self, state: Mapping[str, Any]) -> Checkpoint:
        """Keep a copy of *state*; when it equals the newest copy, only that one's time is renewed."""
        plain = _plain(state)
        newest = self.newest()
        if newest is not None and self._same(newest, plain):
            os.utime(newest.path)
            return _described(newest.path)
        return self._write(plain, imported=False)

    def import_state(self, state: Mapping[str, Any]) -> Checkpoint:
        """Keep a sign-in brought from elsewhere; the next launch applies all of it. It replaces one still waiting."""
        written = self._write(_plain(state), imported=True)
        for older in self.list():
            if older.imported and older.generation < written.generation:
                older.path.unlink(missing_ok=True)
        return written

    def list(self) -> list[Checkpoint]:
        """Return all copies, newest first, with an import that still waits among them."""
        found = []
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if FILE.fullmatch(path.name):
                    try:
                        found.append(_described(path))
                    except FileNotFoundError:  # another process has just removed it
                        continue
        return sorted(found, key=lambda checkpoint: checkpoint.generation, reverse=True)

    def newest(self) -> Checkpoint | None:
        """Return the newest copy made here (not an import that waits)."""
        return next((checkpoint for checkpoint in self.list() if not checkpoint.imported), None)

    def pending_import(self) -> Checkpoint | None:
        """Return the import that no launch has applied yet."""
        return next((checkpoint for checkpoint in self.list() if checkpoint.imported), None)

    def latest(self) -> State | None:
        """Return the content of the newest copy, None when there is none. Raises CheckpointUnreadable."""
        newest = self.newest()
        return None if newest is None else self.read(newest)

    def adopt(self, imported: Checkpoint) -> None:
        """Note that an import was applied: from now on it is a copy like the others."""
        with self._exclusive():
            if imported.path.exists():
                imported.path.rename(self._folder / f"{imported.generation:08d}.sealed")
                self._sync_folder()

    def read(self, checkpoint: Checkpoint) -> State:
        """Return the content of one copy. Raises CheckpointUnreadable, saying whether the key or the file is wrong."""
        sealed = checkpoint.path.read_bytes()
        header, nonce, text = (
            sealed[:HEADER_BYTES],
            sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES],
            sealed[HEADER_BYTES + NONCE_BYTES :],
        )
        who = f"checkpoint {checkpoint.path.name} of profile {self._profile}"
        if header[: len(MAGIC)] != MAGIC or len(header) < HEADER_BYTES or len(nonce) < NONCE_BYTES:
            raise CheckpointUnreadable(f"{who} is damaged or no checkpoint")
        if header[len(MAGIC)] != VERSION:
            raise CheckpointUnreadable(f"{who} was written by a newer version of this program")
        if header != self._header:
            raise CheckpointUnreadable(f"{who} was sealed with another secret key: give the key that made it")
        try:
            state = json.loads(zlib.decompress(self._cipher.decrypt(nonce, text, self._bound(header))))
        except (InvalidTag, zlib.error, ValueError) as exc:
            raise CheckpointUnreadable(f"{who} is damaged, or belongs to another profile") from exc
        if not isinstance(state, dict):
            raise CheckpointUnreadable(f"{who} holds no cookies and storage")
        return state

    def _same(self, checkpoint: Checkpoint, plain: bytes) -> bool:
        try:
            return _plain(self.read(checkpoint)) == plain
        except (CheckpointUnreadable, OSError):
            return False

    def _bound(self, header: bytes) -> bytes:
        return header + self._profile.encode()

    def _write(self, plain: bytes, *, imported: bool) -> Checkpoint:
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._header + nonce + self._cipher.encrypt(nonce, zlib.compress(plain), self._bound(self._header))
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._exclusive():
            generation = max((checkpoint.generation for checkpoint in self.list()), default=0) + 1
            path = self._folder / f"{generation:08d}{'.import' if imported else ''}.sealed"
            part = path.with_suffix(".part")
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            self._sync_folder()
            for old in [checkpoint for checkpoint in self.list() if not checkpoint.imported][KEEP:]:
                old.path.unlink(missing_ok=True)
        return _described(path)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Keep other processes from writing here meanwhile (a profile may be imported while the gateway runs)."""
        fd = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _sync_folder(self) -> None:
        fd = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _plain(state: Mapping[str, Any]) -> bytes:
    return json.dumps(state, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _described(path: Path) -> Checkpoint:
    match = FILE.fullmatch(path.name)
    assert match is not None
    stat = path.stat()
    return Checkpoint(
        generation=int(match[1]),
        path=path,
        taken_at=datetime.fromtimestamp(stat.st_mtime, UTC),
        size_bytes=stat.st_size,
        imported=match[2] is not None,
    )
