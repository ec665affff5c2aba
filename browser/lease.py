"""What a borrower holds: a slot on a profile, until the block ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from browser.clearance import Verdict
from browser.context import Context
from browser.errors import SlotLost
from browser.leased_transport import LeasedTransport
from browser.slot import Slot

if TYPE_CHECKING:
    from browser.resident import Resident


class Lease:
    """The exclusive right to use a slot. Made by the pool; ended by leaving `Pool.lease`."""

    def __init__(self, slot: Slot, resident: Resident, *, dispose: Callable[[Lease], None]) -> None:
        self.slot = slot
        self._resident = resident
        self._dispose = dispose
        self._context: Context | None = None
        self._transport: LeasedTransport | None = None
        self._over = ""
        resident.leases.add(self)

    @property
    def profile(self) -> str:
        return self.slot.profile

    @property
    def kind(self) -> str:
        return self.slot.kind

    @property
    def account(self) -> Mapping[str, str]:
        """Facts about the signed-in account; empty when unknown."""
        return self._resident.standing.account

    @property
    def transport(self) -> LeasedTransport:
        """The page's calls. Raises SlotLost when the lease is over."""
        if self._over or self._transport is None:
            raise SlotLost(self._over or f"profile {self.profile}: its browser does not run yet")
        return self._transport

    @property
    def revoked(self) -> bool:
        """Whether the slot was taken away; leave the block then and take another lease."""
        return bool(self._over)

    @property
    def bound(self) -> bool:
        """Whether it uses the browser now, as opposed to waiting for it or being over."""
        return self._transport is not None and not self._over

    def report(self, verdict: Verdict) -> None:
        """Tell what an answer of the site said about the profile; moves its clearance. Never awaits."""
        if not self._over and self._context is not None:
            self._resident.reported(verdict, by=self._context)

    def cool(self, kind: str, until: datetime, reason: str) -> None:
        """Let one kind of work rest on this profile until a moment (aware UTC)."""
        self._resident.cool(kind, until, reason)

    def bind(self, context: Context) -> None:
        """Give the lease its browser; the pool does this once it runs."""
        self._context = context
        self._transport = LeasedTransport(context.transport)

    def revoke(self, reason: str) -> None:
        """Take the slot away; calls under way raise SlotLost. The slot is free when its borrower has left."""
        if self._over:
            return
        self._over = reason
        self._resident.leases.discard(self)
        if self._transport is not None:
            self._transport.revoke(reason)

    def end(self) -> None:
        """Give the slot back. Never awaits: a cancelled borrower must not be able to lose the slot half-way."""
        self.revoke("the lease ended")
        self._resident.left(self)
        self._dispose(self)

    @property
    def leftovers(self) -> LeasedTransport | None:
        """The transport, when the borrower left streams or sockets open on it."""
        return self._transport if self._transport is not None and self._transport.has_leftovers else None
