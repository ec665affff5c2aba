"""Reads sign-ins that people bring from elsewhere into one form: Playwright's storage state.

Understood are Playwright's storage-state JSON, a JSON list of cookies as browser extensions export it, and the
cookies.txt of Netscape that curl and many extensions write. Errors are one sentence and never show a cookie's value.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from browser.checkpoint import State
from browser.errors import SignInUnreadable

SAME_SITE = {"lax": "Lax", "strict": "Strict", "none": "None", "no_restriction": "None"}

#: Beyond this an expiry was written in milliseconds (it would lie in the year 5138).
MILLISECONDS_FROM = 1e11
NETSCAPE_FIELDS = 7
#: Playwright and Puppeteer, browser extensions, Selenium and Firefox, each with a name of its own.
EXPIRY_FIELDS = ("expires", "expirationDate", "expiry")


def parse_sign_in(text: str, *, now: float | None = None) -> State:
    """Return the storage state in *text*, whichever of the known formats it is in; expired cookies are left out.

    now: seconds since 1970, for deciding what is expired. Raises SignInUnreadable.
    """
    text = text.removeprefix("\ufeff").strip()
    if not text:
        raise SignInUnreadable("the file is empty")
    if text[0] in "[{":
        try:
            given = json.loads(text)
        except ValueError as exc:
            raise SignInUnreadable(f"the file looks like JSON but is not: {exc}") from None
        cookies, origins = _from_json(given)
    else:
        cookies, origins = _from_netscape(text), []
    at = time.time() if now is None else now
    cookies = [cookie for cookie in cookies if cookie["expires"] == -1 or cookie["expires"] > at]
    if not cookies and not origins:
        raise SignInUnreadable("the file holds no cookie that is still valid: export it again from a signed-in browser")
    return {"cookies": cookies, "origins": origins}


def _from_json(given: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    origins: list[dict[str, Any]] = []
    if isinstance(given, dict):
        if not isinstance(given.get("cookies"), list):
            raise SignInUnreadable('the JSON object has no list "cookies": it is no storage state')
        origins = _origins(given.get("origins", []))
        given = given["cookies"]
    cookies = [_cookie(entry, number) for number, entry in enumerate(given, 1)]
    return cookies, origins


def _origins(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        raise SignInUnreadable('"origins" of the storage state is not a list')
    for entry in given:
        if not isinstance(entry, dict) or not isinstance(entry.get("origin"), str):
            raise SignInUnreadable('an entry of "origins" has no origin')
        items = entry.setdefault("localStorage", [])
        if not isinstance(items, list) or not all(_is_item(item) for item in items):
            raise SignInUnreadable(f"the local storage of {entry['origin']} is not a list of names and values")
    return given


def _is_item(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("value"), str)


def _cookie(given: Any, number: int) -> dict[str, Any]:
    """Turn a cookie of Playwright's or of an extension's export into Playwright's form."""
    if not isinstance(given, Mapping) or not isinstance(given.get("name"), str) or not given["name"]:
        raise SignInUnreadable(f"cookie {number} has no name")
    name = given["name"]
    domain = given.get("domain") or given.get("host") or _host_of(given.get("url"))
    if not isinstance(domain, str) or not domain:
        raise SignInUnreadable(f"cookie {number} ({name}) has no domain")
    if given.get("hostOnly") is True:
        domain = domain.lstrip(".")
    elif given.get("hostOnly") is False and not domain.startswith("."):
        domain = f".{domain}"
    cookie = {
        "name": name,
        "value": str(given.get("value", "")),
        "domain": domain,
        "path": given.get("path") or "/",
        "expires": _expires(given, number),
        "httpOnly": given.get("httpOnly") is True,
        "secure": given.get("secure") is True or name.startswith(("__Secure-", "__Host-")),
    }
    cookie["sameSite"] = _same_site(given.get("sameSite"), secure=cookie["secure"])
    if isinstance(given.get("partitionKey"), str):  # Playwright's; an extension's is an object of another meaning
        cookie["partitionKey"] = given["partitionKey"]
    return cookie


def _expires(given: Mapping[str, Any], number: int) -> float:
    if given.get("session") is True:
        return -1
    value = next((given[key] for key in EXPIRY_FIELDS if given.get(key) is not None), None)
    if value is None or value in (-1, 0, "") or str(value).strip().lower() == "session":
        return -1
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        if (moment := _moment(value)) is None:
            raise SignInUnreadable(
                f"cookie {number} ({given['name']}) has an expiry that is neither a number nor a date"
            ) from None
        return moment.timestamp()
    return seconds / 1000 if seconds > MILLISECONDS_FROM else seconds


def _moment(value: Any) -> datetime | None:
    """Read a date as cookie headers write it, or ISO 8601; without a zone it is UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(value)
        except (TypeError, ValueError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None


def _host_of(url: Any) -> str | None:
    """The host of a cookie that is given with an address instead of a domain."""
    try:
        return urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        return None


def _same_site(value: Any, *, secure: bool) -> str:
    word = SAME_SITE.get(value.lower(), "Lax") if isinstance(value, str) else "Lax"
    # Chromium refuses SameSite=None without Secure, and with it the whole set of cookies.
    return "Lax" if word == "None" and not secure else word


def _from_netscape(text: str) -> list[dict[str, Any]]:
    cookies = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.rstrip("\r\n")
        http_only = line.startswith("#HttpOnly_")
        if http_only:
            line = line.removeprefix("#HttpOnly_")
        elif line.startswith("#") or not line.strip():
            continue
        fields = line.split("\t")
        if len(fields) == NETSCAPE_FIELDS - 1:  # an empty value, its tab stripped by an editor
            fields.append("")
        if len(fields) != NETSCAPE_FIELDS:
            raise SignInUnreadable(
                f"line {number} has {len(fields)} fields, not {NETSCAPE_FIELDS}: neither JSON nor a Netscape cookies.txt"
            )
        domain, subdomains, path, secure, expires, name, value = fields
        given = {
            "name": name,
            "value": value,
            "domain": domain,
            "hostOnly": subdomains.strip().upper() != "TRUE",
            "path": path,
            "secure": secure.strip().upper() == "TRUE",
            "httpOnly": http_only,
            "expires": expires.strip(),
        }
        cookies.append(_cookie({**given, "session": given["expires"] in ("0", "-1", "")}, number))
    return cookies
