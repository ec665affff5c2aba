"""Files that bring a sign-in: read from a form, told about in words of the console when they are no good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import UploadFile

from browser.checkpoint import State
from browser.errors import CheckpointUnreadable, SignInUnreadable
from browser.sign_in_files import parse_sign_in
from gateway.console.language import has_text
from gateway.console.view import View
from gateway.errors import InvalidRequest, NotFound
from gateway.profiles.bundle import MAGIC, Bundle, unseal
from gateway.profiles.carrying import Taken, take_in
from gateway.profiles.errors import ProfileError, UnknownProfile
from gateway.profiles.places import directory_of

#: Sign-ins have some kilobytes; local storage and IndexedDB may add some megabytes.
MOST_BYTES = 32 * 1024 * 1024


async def read_sign_in(view: View, file: UploadFile | None, passphrase: str) -> State | Bundle | None:
    """Return the sign-in in the form's file, None when none was chosen. Raises InvalidRequest that says what is wrong."""
    if file is None or not file.filename:
        return None
    raw = await file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise InvalidRequest(view.text("profiles.file_too_large", megabytes=MOST_BYTES // 1024**2), param="file")
    with telling(view):
        if raw.startswith(MAGIC):
            return await asyncio.to_thread(unseal, raw, passphrase)
        try:
            return await asyncio.to_thread(parse_sign_in, raw.decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise InvalidRequest(view.text("profiles.file_no_text"), param="file") from None


async def bring(view: View, name: str, sign_in: State | Bundle, *, proxy: str | None = None) -> Taken:
    """Make *sign_in* the profile's; its name was checked. Adds the profile when there is none. Raises InvalidRequest."""
    house = view.house
    with telling(view):
        return await take_in(
            house.registry,
            directory_of(house.settings, name),
            await asyncio.to_thread(house.copies, name),
            name,
            sign_in,
            host=house.site_host,
            proxy=proxy,
        )


@contextmanager
def telling(view: View) -> Iterator[None]:
    """Tell what goes wrong with a profile in the operator's words, with the next step in the console."""
    try:
        yield
    except UnknownProfile:
        raise NotFound(view.text("profiles.problem_unknown_profile")) from None
    except ProfileError as exc:
        raise InvalidRequest(_said(view, exc.code, str(exc))) from None
    except SignInUnreadable as exc:
        raise InvalidRequest(view.text("profiles.problem_unreadable", reason=view.in_words(str(exc)))) from None
    except CheckpointUnreadable:
        raise InvalidRequest(view.text("profiles.problem_copy_unreadable")) from None


def _said(view: View, code: str, message: str) -> str:
    key = f"profiles.problem_{code}"
    return view.text(key) if has_text(key) else view.in_words(message[:1].upper() + message[1:])
