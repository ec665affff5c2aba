"""``gateway profile import``: a sign-in made in another browser becomes this profile's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from browser.clearance import Clearance
from browser.errors import SignInUnreadable
from browser.profiles import ProfileDir
from browser.sign_in_files import parse_sign_in
from gateway.cli.failures import CommandError
from gateway.cli.output import emit, note
from gateway.cli.profile_view import as_dict, checkpoints, in_words
from gateway.cli.reach import here_or_refuse, wait_until
from gateway.grok.site import grok_site
from gateway.instance import running
from gateway.profiles.errors import UnknownProfile

if TYPE_CHECKING:
    from gateway.cli.house import House

VERIFY_S = 90.0


def read_sign_in(source: str) -> dict[str, Any]:
    """Return the storage state in file *source* ('-': standard input). Raises CommandError."""
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).expanduser().read_bytes()
        return parse_sign_in(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CommandError(
            "bad_sign_in", f"{source} is not a text file: export the cookies as JSON or cookies.txt"
        ) from None
    except OSError as exc:
        raise CommandError("bad_sign_in", f"{source} cannot be read: {(exc.strerror or str(exc)).lower()}") from None
    except SignInUnreadable as exc:
        raise CommandError("bad_sign_in", f"{source} holds no sign-in we can use: {exc}") from None


async def take_sign_in(
    house: House, name: str, state: dict[str, Any], *, proxy: str | None, wait: bool, as_json: bool
) -> bool:
    """Keep *state* as the profile's sign-in, to be applied and verified by a gateway. False when the site refused it."""
    host = urlsplit(grok_site().home_url).hostname or ""
    if not any(_reaches(str(cookie["domain"]), host) for cookie in state.get("cookies", ())):
        raise CommandError(
            "bad_sign_in", f"the file has no cookie for {host}; export it from a browser that is signed in there"
        )
    try:
        profile = await house.profiles.get(name)
        here_or_refuse(house, profile)
        if proxy is not None:
            await house.profiles.set_proxy(name, proxy)
    except UnknownProfile:
        profile = await house.profiles.add(name, proxy=proxy)
        note(f"profile {name} added", as_json=as_json)
    ProfileDir(house.settings.profiles_dir / name).create()
    checkpoints(house, name).import_state(state)
    count = len(state["cookies"])
    asked_at = await house.profiles.imported(name, cookies=count)
    taken = f"{count} cookie{'' if count == 1 else 's'} imported into profile {name}"
    if not wait or not profile.enabled or running(house.settings.data_dir) is None:
        now = f"; now: gateway profile check {name}"
        when = (
            f"when the gateway starts{now}" if profile.enabled else f"when it is enabled: gateway profile enable {name}"
        )
        emit(as_dict(await house.profiles.get(name)), f"{taken}; verified {when}", as_json=as_json)
        return True
    note(f"{taken}; the running gateway verifies it now …", as_json=as_json)
    seen = await wait_until(
        house,
        name,
        lambda profile: profile.checked_at is not None and profile.checked_at >= asked_at,
        timeout_s=VERIFY_S,
        otherwise=f"the gateway has not verified profile {name} yet; see: gateway profile show {name}",
    )
    emit(as_dict(seen), in_words(seen), as_json=as_json)
    return seen.clearance is Clearance.READY


def _reaches(domain: str, host: str) -> bool:
    """Whether a cookie of *domain* is sent to *host* or to a host below it."""
    bare = domain.lstrip(".")
    return bare == host or bare.endswith("." + host) or (domain.startswith(".") and host.endswith("." + bare))
