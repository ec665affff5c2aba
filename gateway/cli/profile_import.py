"""``gateway profile import``: a sign-in made in another browser, or on another machine, becomes this profile's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from browser.checkpoint import State
from browser.clearance import Clearance
from browser.errors import SignInUnreadable
from browser.sign_in_files import parse_sign_in
from gateway.cli.failures import CommandError
from gateway.cli.output import emit, note
from gateway.cli.passphrase import passphrase
from gateway.cli.profile_view import as_dict, checkpoints, in_words
from gateway.cli.reach import wait_until
from gateway.grok.site import grok_site
from gateway.instance import running
from gateway.profiles.bundle import Bundle, unseal
from gateway.profiles.carrying import take_in
from gateway.profiles.places import directory_of

if TYPE_CHECKING:
    from gateway.cli.house import House

VERIFY_S = 90.0


def read_sign_in(storage_state: str | None, bundle: str | None, *, passphrase_file: str | None) -> State | Bundle:
    """Return the sign-in in whichever of the two files was named ('-': standard input). Raises CommandError,
    BundleUnreadable."""
    if (storage_state is None) == (bundle is None):
        raise CommandError(
            "usage", "say where the sign-in comes from: either --storage-state FILE or --bundle FILE", exit_code=2
        )
    if bundle is not None:
        return unseal(_bytes(bundle), passphrase(passphrase_file, new=False))
    source = storage_state or ""
    try:
        return parse_sign_in(_bytes(source).decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CommandError(
            "bad_sign_in", f"{source} is not a text file: export the cookies as JSON or cookies.txt"
        ) from None
    except SignInUnreadable as exc:
        raise CommandError("bad_sign_in", f"{source} holds no sign-in we can use: {exc}") from None


def _bytes(source: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).expanduser().read_bytes()
    except OSError as exc:
        raise CommandError("bad_sign_in", f"{source} cannot be read: {(exc.strerror or str(exc)).lower()}") from None


async def take_sign_in(
    house: House, name: str, sign_in: State | Bundle, *, proxy: str | None, wait: bool, as_json: bool
) -> bool:
    """Keep *sign_in* as the profile's, to be applied and verified by a gateway. False when the site refused it."""
    taken = await take_in(
        house.profiles,
        directory_of(house.settings, name),
        checkpoints(house, name),
        name,
        sign_in,
        host=urlsplit(grok_site().home_url).hostname or "",
        proxy=proxy,
    )
    if taken.added:
        note(f"profile {name} added", as_json=as_json)
        await house.write_down("profile.added", name, sign_in="from_file", proxy="set" if proxy else "none")
    await house.write_down("profile.imported", name, cookies=taken.cookies)
    profile, asked_at = taken.profile, taken.asked_at
    told = f"{taken.cookies} cookie{'' if taken.cookies == 1 else 's'} imported into profile {name}"
    if not wait or not profile.enabled or running(house.settings.data_dir) is None:
        now = f"; now: gateway profile check {name}"
        when = (
            f"when the gateway starts{now}" if profile.enabled else f"when it is enabled: gateway profile enable {name}"
        )
        emit(as_dict(await house.profiles.get(name)), f"{told}; verified {when}", as_json=as_json)
        return True
    note(f"{told}; the running gateway verifies it now …", as_json=as_json)
    seen = await wait_until(
        house,
        name,
        lambda profile: profile.checked_at is not None and profile.checked_at >= asked_at,
        timeout_s=VERIFY_S,
        otherwise=f"the gateway has not verified profile {name} yet; see: gateway profile show {name}",
    )
    emit(as_dict(seen), in_words(seen), as_json=as_json)
    return seen.clearance is Clearance.READY
