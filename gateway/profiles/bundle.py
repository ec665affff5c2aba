"""A profile's sign-in, sealed with a passphrase, to be carried elsewhere: from a desktop to a server, or between nodes.

    b"GROK GATEWAY PROFILE\\n" | length of the header (4 bytes) | header (JSON) | AES-256-GCM(zlib(JSON))

The header names how the key is made from the passphrase (Argon2id, with its cost and salt), and all before the sealed part
is authenticated with it. It holds the cookies with those that last only for a session, local storage and IndexedDB as the
newest checkpoint has them, whose account it is, and the proxy unless it is left out.

    sealed = seal(await pack(registry, copies, "work"), passphrase)
    bundle = unseal(sealed, passphrase)                      # BundleUnreadable says what is wrong
    await take_in(registry, directory, copies, "work", bundle)
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from browser.checkpoint import State
from gateway.profiles.errors import BundleUnreadable, WeakPassphrase

MAGIC = b"GROK GATEWAY PROFILE\n"
VERSION = 1
NONCE_BYTES, SALT_BYTES, TAG_BYTES = 12, 16, 16
#: RFC 9106's second recommended choice: 64 MiB, three passes. Measured: 0.1 s on a desktop, 0.4 s on a small server.
MEMORY_KIB, PASSES, LANES = 64 * 1024, 3, 4
#: What a file may ask of us, whoever made it.
MOST_MEMORY_KIB, MOST_PASSES, MOST_LANES = 1024 * 1024, 16, 16
MOST_HEADER_BYTES = 4096
MOST_PLAIN_BYTES = 64 * 1024 * 1024
#: The file is somebody's login and may be guessed at for years.
SHORTEST_PASSPHRASE = 10


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is carried. taken_at: when the sign-in was copied out of the browser; made_at: when it was packed.

    egress: the way out it was signed in through (`gateway.profiles.way_out`), so that another way can be warned of.
    """

    profile: str
    state: State
    taken_at: datetime
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    account: Mapping[str, str] = field(default_factory=dict)
    proxy: str | None = None
    protocol: str | None = None
    egress: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Bundle({self.profile!r}, {len(self.state.get('cookies', ()))} cookies)"


def seal(bundle: Bundle, passphrase: str) -> bytes:
    """Return the file. Takes some tenths of a second of CPU and 64 MiB. Raises WeakPassphrase."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise WeakPassphrase(
            f"the passphrase is shorter than {SHORTEST_PASSPHRASE} characters; whoever guesses it is signed in as you"
        )
    plain = asdict(bundle) | {"taken_at": bundle.taken_at.isoformat(), "made_at": bundle.made_at.isoformat()}
    packed = zlib.compress(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())
    salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    cost = {"memory_kib": MEMORY_KIB, "passes": PASSES, "lanes": LANES}
    key, check = _keys(passphrase, salt, cost)
    header = json.dumps(
        {
            "version": VERSION,
            "kdf": {"name": "argon2id", **cost, "salt": _b64(salt)},
            "cipher": "aes-256-gcm",
            "nonce": _b64(nonce),
            "check": _b64(check),
            "bytes": len(packed) + TAG_BYTES,
        }
    ).encode()
    front = MAGIC + struct.pack(">I", len(header)) + header
    return front + AESGCM(key).encrypt(nonce, packed, front)


def unseal(raw: bytes, passphrase: str) -> Bundle:
    """Return what `seal` was given. Raises BundleUnreadable: no bundle, cut short, wrong passphrase, damaged, too new."""
    front, header, sealed = _parts(raw)
    try:
        kdf = header["kdf"]
        cost = {name: int(kdf[name]) for name in ("memory_kib", "passes", "lanes")}
        salt, nonce, check = (base64.b64decode(text) for text in (kdf["salt"], header["nonce"], header["check"]))
        expected = int(header["bytes"])
    except (KeyError, TypeError, ValueError) as exc:
        raise BundleUnreadable("the bundle is damaged: its header does not say how it was sealed") from exc
    if not (8 <= cost["memory_kib"] <= MOST_MEMORY_KIB and 1 <= cost["passes"] <= MOST_PASSES) or not (
        1 <= cost["lanes"] <= MOST_LANES and len(nonce) == NONCE_BYTES and len(salt) >= 8
    ):
        raise BundleUnreadable("the bundle asks for more work than we do for one; it was not made by this program")
    if len(sealed) != expected:
        raise BundleUnreadable(
            f"the bundle is cut short ({len(sealed)} of {expected} bytes); copy it again"
            if len(sealed) < expected
            else "something was appended to the bundle; copy it again"
        )
    key, mine = _keys(passphrase, salt, cost)
    if not hmac.compare_digest(mine, check):
        raise BundleUnreadable("the passphrase is wrong", code="wrong_passphrase")
    try:
        packed = AESGCM(key).decrypt(nonce, sealed, front)
    except InvalidTag:
        raise BundleUnreadable("the bundle is damaged: it is not what was sealed; copy it again") from None
    return _read(packed)


def _parts(raw: bytes) -> tuple[bytes, Mapping[str, Any], bytes]:
    if not raw.startswith(MAGIC):
        if raw and MAGIC.startswith(raw):
            raise BundleUnreadable("the bundle is cut short; copy it again")
        raise BundleUnreadable(
            "this is no profile bundle; bundles are made by gateway profile export, and cookie files are brought with "
            "--storage-state",
            code="no_bundle",
        )
    start = len(MAGIC) + 4
    length = struct.unpack(">I", raw[len(MAGIC) : start])[0] if len(raw) >= start else 0
    if length > MOST_HEADER_BYTES:
        raise BundleUnreadable("the bundle is damaged: its header has no end")
    if length == 0 or len(raw) < start + length:
        raise BundleUnreadable("the bundle is cut short; copy it again")
    try:
        header = json.loads(raw[start : start + length])
    except ValueError:
        raise BundleUnreadable("the bundle is damaged: its header cannot be read") from None
    if not isinstance(header, dict) or header.get("version") != VERSION:
        raise BundleUnreadable("the bundle was made by a newer version of this program; update the gateway")
    return raw[: start + length], header, raw[start + length :]


def _read(packed: bytes) -> Bundle:
    unpacking = zlib.decompressobj()
    try:
        plain = json.loads(unpacking.decompress(packed, MOST_PLAIN_BYTES))
        state = {**plain["state"], "cookies": [dict(cookie) for cookie in plain["state"]["cookies"]]}
        return Bundle(
            profile=str(plain["profile"]),
            state=state,
            taken_at=datetime.fromisoformat(plain["taken_at"]),
            made_at=datetime.fromisoformat(plain["made_at"]),
            account={str(name): str(value) for name, value in (plain.get("account") or {}).items()},
            proxy=plain.get("proxy"),
            protocol=plain.get("protocol"),
            egress=plain.get("egress") or {},
        )
    except (zlib.error, KeyError, TypeError, ValueError) as exc:
        raise BundleUnreadable("the bundle holds no sign-in we understand") from exc


def _keys(passphrase: str, salt: bytes, cost: Mapping[str, int]) -> tuple[bytes, bytes]:
    """Return the key, and what tells a wrong passphrase from a damaged file (useless without the key's other half)."""
    made = hash_secret_raw(
        passphrase.encode(),
        salt,
        time_cost=cost["passes"],
        memory_cost=cost["memory_kib"],
        parallelism=cost["lanes"],
        hash_len=48,
        type=Type.ID,
    )
    return made[:32], made[32:]


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
