"""The way out a profile signed in through, and whether it still goes that way.

What the site gave to a browser (its clearance above all) it gave to an address, too. So the gateway remembers the proxy a
profile signed in through and, when `GATEWAY_EGRESS_CHECK_URL` names a page that shows it, the address the site saw; and warns
when either is another one now. It never acts on it: the site may well not mind.

In the row: ``{"signed_in": {"proxy", "address", "at", "here"}, "seen": {"address", "at"}, "failed": {"reason", "at"}}``; here:
signed in on this gateway, rather than carried here in a bundle.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_ADDRESS = re.compile(r"[0-9a-fA-F:.]{3,45}")


@dataclass(frozen=True, slots=True)
class EgressWarning:
    """What is different since the sign-in. code: ``proxy_changed`` or ``address_changed``; was, now: as they may be shown."""

    code: str
    was: str
    now: str

    @property
    def message(self) -> str:
        what = "proxy" if self.code == "proxy_changed" else "address"
        return (
            f"the profile signed in through another {what} ({self.was}) than it uses now ({self.now}); the site may ask for a "
            "new sign-in or a check"
        )


def warning_of(egress: Mapping[str, Any], shown_proxy: str | None) -> EgressWarning | None:
    """Return what is different since the sign-in, None when nothing is known to be."""
    signed_in = egress.get("signed_in")
    if not isinstance(signed_in, Mapping):
        return None
    if signed_in.get("proxy") != shown_proxy:
        return EgressWarning("proxy_changed", signed_in.get("proxy") or "no proxy", shown_proxy or "no proxy")
    was, now = signed_in.get("address"), (egress.get("seen") or {}).get("address")
    if was and now and was != now:
        return EgressWarning("address_changed", was, now)
    return None


def address_in(text: str) -> str | None:
    """Return the first IP address in a page's text, in its usual spelling."""
    for word in _ADDRESS.findall(text):
        try:
            return str(ipaddress.ip_address(word.strip(".:") if "::" not in word else word))
        except ValueError:
            continue
    return None


def signed_in_now(shown_proxy: str | None) -> dict[str, Any]:
    """Return what is remembered of a sign-in made now on this gateway."""
    return {"proxy": shown_proxy, "address": None, "at": datetime.now(UTC).isoformat(), "here": True}
