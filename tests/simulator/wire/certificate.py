"""The self-signed certificate of the double, and what Chromium needs to be told to accept it."""

from __future__ import annotations

import base64
import datetime
import hashlib
import shlex
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("grok.com", "assets.grok.com", "imagine-public.x.ai", "accounts.x.ai")


class Certificate(NamedTuple):
    certificate: Path
    key: Path
    spki: str


def make_certificate(folder: Path) -> Certificate:
    """Write `certificate.pem` and `key.pem` into *folder*; a pair that is already there is used again."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    if certificate_file.exists() and key_file.exists():
        found = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        if found.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1):
            return Certificate(certificate_file, key_file, spki_hash(found.public_key()))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTS[0])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Certificate(certificate_file, key_file, spki_hash(key.public_key()))


def spki_hash(public_key: object) -> str:
    der = public_key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def browser_args(port: int, spki: str) -> str:
    """Switches for Chromium, shell-quoted. Everything but localhost leads here, so a browser under test never goes out."""
    rules = f"MAP * 127.0.0.1:{port}, EXCLUDE localhost, EXCLUDE 127.0.0.1"
    return shlex.join(
        [
            f"--host-resolver-rules={rules}",
            f"--ignore-certificate-errors-spki-list={spki}",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--disable-quic",
        ]
    )
