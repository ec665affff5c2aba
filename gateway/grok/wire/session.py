"""``GET /api/auth/session`` (captured 2026-08): who is signed in. The HTTP status says nothing; the body does."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.grok.wire.fields import Json, mapping, text


@dataclass(frozen=True, slots=True)
class Session:
    """status: as the site says, lower case (``authenticated``, ``unauthenticated``, ``blocked``), '' when it says nothing.

    user_id is empty when nobody is signed in. tier: ``xSubscriptionType``; '' for accounts without a subscription, or unknown.
    """

    status: str
    user_id: str
    email: str = ""
    given_name: str = ""
    tier: str = ""

    @property
    def signed_in(self) -> bool:
        return bool(self.user_id) and self.status in {"authenticated", "ok", "active", ""}


def read_session(value: Json) -> Session:
    """Read the answer; the session may stand under ``session`` or ``user``, be null, or be absent."""
    session = mapping(value, "session") or mapping(value, "user") or value
    user = mapping(session, "user") or session
    return Session(
        status=text(value, "status", "state").strip().lower(),
        user_id=text(user, "userId", "id"),
        email=text(user, "email"),
        given_name=text(user, "givenName", "name"),
        tier=text(user, "xSubscriptionType", "subscriptionTier", "tier"),
    )


def masked_name(session: Session) -> str:
    """Return the account's name as it may be shown: ``t…@example.com``, else the first letter of the given name."""
    local, at, domain = session.email.partition("@")
    if at and local and domain:
        return f"{local[0]}…@{domain}"
    return f"{session.given_name[0]}…" if session.given_name else ""
