"""The rows of the profiles: the one place that reads and writes them. Every method is one transaction.

The command line, the console and the keeper meet here: who wants something of a profile writes it into its row, the
node that owns the profile answers in the row. That works alike on SQLite and PostgreSQL, with one node or with five.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from browser.clearance import Clearance, Cooldown
from browser.profiles import check_name, check_proxy
from gateway.db.changes import PROFILES
from gateway.db.connect import Database
from gateway.db.tables import profile_events, profiles
from gateway.profiles.errors import BadProfile, ProfileExists, UnknownProfile
from gateway.profiles.model import Profile, ProfileNote, cooldowns_to_json
from gateway.profiles.rows import profile_of, wanted_rows
from gateway.profiles.sealing import seal, unseal
from gateway.profiles.way_out import signed_in_now, warning_of

#: The hint that makes keepers look at once (they also look every second or two).
TOPIC = PROFILES


class Registry:
    """The profiles of all nodes; what is added here belongs to *node*."""

    def __init__(self, db: Database, *, node: str, proxy_key: bytes) -> None:
        self._db = db
        self.node = node
        self._proxy_key = proxy_key

    # -- reading -------------------------------------------------------------------------------------------------
    async def list(self, *, node: str | None = None) -> Sequence[Profile]:
        """Return the profiles by name; with *node* only that node's."""
        wanted = wanted_rows(self._db.clock).order_by(profiles.c.name)
        if node is not None:
            wanted = wanted.where(profiles.c.node_id == node)
        async with self._db.read() as connection:
            return [
                profile_of(row, node=self.node, proxy_key=self._proxy_key) for row in await connection.execute(wanted)
            ]

    async def get(self, name: str) -> Profile:
        """Return one profile. Raises UnknownProfile."""
        async with self._db.read() as connection:
            row = (await connection.execute(wanted_rows(self._db.clock).where(profiles.c.name == name))).one_or_none()
        if row is None:
            raise UnknownProfile(name)
        return profile_of(row, node=self.node, proxy_key=self._proxy_key)

    def proxy_of(self, profile: Profile) -> str | None:
        """Return the proxy with its password, for launching. Raises ProxyUnreadable."""
        if profile.sealed_proxy is None:
            return None
        return unseal(profile.sealed_proxy, self._proxy_key, bound_to=profile.name)

    async def notes(self, name: str, *, limit: int = 20) -> Sequence[ProfileNote]:
        """Return the newest lines of a profile's history, newest first."""
        wanted = (
            select(profile_events)
            .where(profile_events.c.profile == name)
            .order_by(profile_events.c.id.desc())
            .limit(limit)
        )
        async with self._db.read() as connection:
            rows = await connection.execute(wanted)
            return [ProfileNote(id=r.id, profile=r.profile, at=r.at, type=r.type, data=r.data or {}) for r in rows]

    # -- what an operator asks for -------------------------------------------------------------------------------
    async def add(self, name: str, *, proxy: str | None = None, node: str | None = None) -> Profile:
        """Make a profile, on this node unless another is named. Raises BadProfile, ProfileExists."""
        now = datetime.now(UTC)
        sealed = self.accepted(name, proxy)
        row: dict[str, Any] = {
            "name": name,
            "node_id": node or self.node,
            "proxy": sealed,
            "enabled": True,
            "clearance": Clearance.NEW.value,
            "reason": "",
            "since": now,
            "account": {},
            "cooldowns": {},
            "capabilities": {},
            "revision": 1,
            "created_at": now,
            "updated_at": now,
        }
        try:
            async with self._db.write(TOPIC) as connection:
                await connection.execute(insert(profiles).values(row))
                await self._log(connection, name, "added", {"proxy": "set"} if proxy else {})
        except IntegrityError:
            raise ProfileExists(f"profile {name} exists already; see: gateway profile show {name}") from None
        return await self.get(name)

    def accepted(self, name: str, proxy: str | None) -> str | None:
        """Return the proxy as a row holds it. Raises BadProfile for a name or a proxy that `add` would not take."""
        try:
            check_name(name)
            return self._sealed(name, proxy)
        except ValueError as exc:
            raise BadProfile(str(exc)) from None

    async def set_proxy(self, name: str, proxy: str | None) -> None:
        """Let the profile go out another way. Raises BadProfile, UnknownProfile."""
        try:
            sealed = self._sealed(name, proxy)
        except ValueError as exc:
            raise BadProfile(str(exc)) from None
        await self._ask(
            name,
            "proxy_changed",
            {"proxy": "set" if proxy else "removed"},
            proxy=sealed,
            # A refusal may have been meant for the old address.
            clearance=case(
                (profiles.c.clearance == Clearance.BLOCKED.value, Clearance.NEW.value), else_=profiles.c.clearance
            ),
            revision=profiles.c.revision + 1,
        )

    async def enable(self, name: str) -> None:
        await self._ask(name, "enabled", {}, enabled=True, revision=profiles.c.revision + 1)

    async def disable(self, name: str) -> None:
        await self._ask(name, "disabled", {}, enabled=False, revision=profiles.c.revision + 1)

    async def imported(
        self,
        name: str,
        *,
        cookies: int,
        account: Mapping[str, str] | None = None,
        protocol: str | None = None,
        egress: Mapping[str, Any] | None = None,
    ) -> datetime:
        """Say that a sign-in brought from elsewhere lies in the profile's checkpoints; it is applied and verified.

        account, protocol, egress: what was known where it comes from. Returns the moment after which ``checked_at`` tells
        that it was.
        """
        known: dict[str, Any] = {"egress": dict(egress or {})}
        if account:
            known |= {"account": dict(account), "account_id": account.get("id")}
        if protocol:
            known["protocol"] = protocol
        return await self._to_apply(
            name, "imported", {"cookies": cookies}, "a sign-in was imported; it is verified next", **known
        )

    async def request_restore(self, name: str, generation: int) -> datetime:
        """Ask the owning node to put an earlier copy back; the answer is `restoring` or `restore_failed`."""
        now = datetime.now(UTC)
        await self._ask(name, "restore_requested", {"generation": generation}, restore_generation=generation)
        return now

    async def restoring(self, name: str, *, generation: int, taken_at: datetime) -> datetime:
        """Say that an earlier copy lies ready; it is applied and verified like an import."""
        return await self._to_apply(
            name,
            "restored",
            {"generation": generation, "taken_at": taken_at.isoformat()},
            f"copy {generation} of the sign-in is put back; it is verified next",
            restore_generation=None,
        )

    async def restore_failed(self, name: str, *, generation: int, reason: str) -> None:
        """Say that an earlier copy could not be put back; nothing was changed."""
        await self._ask(name, "restore_failed", {"generation": generation, "reason": reason}, restore_generation=None)

    async def _to_apply(self, name: str, note: str, data: Mapping[str, Any], reason: str, **values: Any) -> datetime:
        now = datetime.now(UTC)
        await self._ask(
            name,
            note,
            data,
            clearance=Clearance.NEW.value,
            reason=reason,
            since=now,
            check_requested_at=now,
            revision=profiles.c.revision + 1,
            **values,
        )
        return now

    async def request_check(self, name: str) -> datetime:
        """Ask for a look at the profile. Returns the moment that ``checked_at`` reaches when it was done."""
        now = datetime.now(UTC)
        await self._ask(name, "check_requested", {}, check_requested_at=now)
        return now

    async def request_removal(self, name: str) -> None:
        """Ask the owning node to delete the profile; its row goes when that is done."""
        await self._ask(name, "removal_requested", {}, removed_at=datetime.now(UTC), enabled=False)

    async def request_release(self, name: str, *, by: str, for_s: float) -> None:
        """Ask for the profile's directory, or go on needing it: the request lapses after *for_s* unless repeated."""
        await self._change(name, release_requested_by=by, release_until=self._db.clock.now(for_s))

    async def end_release(self, name: str) -> None:
        """Give the directory back to the gateway."""
        await self._change(name, release_requested_by=None, release_until=None)

    # -- what the owning node answers -----------------------------------------------------------------------------
    async def record_seen(
        self,
        name: str,
        *,
        clearance: Clearance,
        reason: str,
        since: datetime,
        account: Mapping[str, str],
        cooldowns: Sequence[Cooldown],
        last_checkpoint_at: datetime | None,
        checked_at: datetime | None = None,
    ) -> None:
        """Write what the pool says of a profile; a row that is gone is no error.

        Facts of the account once known are kept, and so is *since* while the clearance stays the same (a restart of the
        gateway is no news about the site). What the site last said outlives a profile's being disabled, too: that it is
        disabled stands in the row already.
        """
        seen: dict[str, Any] = {"cooldowns": cooldowns_to_json(cooldowns)}
        if clearance is not Clearance.DISABLED:
            seen |= {
                "clearance": clearance.value,
                "reason": reason,
                "since": case((profiles.c.clearance == clearance.value, profiles.c.since), else_=since),
            }
        if account:
            seen |= {"account": dict(account), "account_id": account.get("id")}
        if last_checkpoint_at is not None:
            seen["last_checkpoint_at"] = last_checkpoint_at
        if checked_at is not None:
            seen["checked_at"] = checked_at
        await self._record(name, seen)

    async def note_protocol(self, name: str, protocol: str | None) -> None:
        """Remember which generation of the site's protocol works with this account."""
        await self._record(name, {"protocol": protocol})

    async def note_quota(self, name: str, quota: Mapping[str, Any]) -> None:
        """Remember what the site says is left, by kind, each with the moment it was told."""
        await self._record(name, {"quota": dict(quota)})

    async def note_checkpoints(self, name: str, copies: Sequence[Mapping[str, Any]]) -> None:
        """Remember which copies of the sign-in there are, for nodes that do not have them."""
        await self._record(name, {"checkpoints": [dict(copy) for copy in copies]})

    async def note_health(self, name: str, counts: Mapping[str, Any]) -> None:
        """Remember what became of the profile's requests (`gateway.profiles.health`)."""
        await self._record(name, {"health": dict(counts)})

    async def note_live(self, name: str, live: Mapping[str, Any]) -> None:
        """Remember what the profile's browser takes and does just now."""
        await self._record(name, {"live": dict(live)})

    async def remember_sign_in(self, name: str, *, anew: bool) -> bool:
        """Remember the way out the profile is signed in through: *anew* after a sign-in, else only when none is known."""
        profile = await self.get(name)
        if not anew and profile.egress.get("signed_in"):
            return False
        await self._record(name, {"egress": {**profile.egress, "signed_in": signed_in_now(profile.shown_proxy)}})
        return True

    async def note_address(self, name: str, address: str) -> None:
        """Remember which address the profile's requests come from, and tell its history when that became another one."""
        profile = await self.get(name)
        before = warning_of(profile.egress, profile.shown_proxy)
        now = datetime.now(UTC).isoformat()
        signed_in = dict(profile.egress.get("signed_in") or {})
        if signed_in.get("here") and not signed_in.get("address") and signed_in.get("proxy") == profile.shown_proxy:
            signed_in["address"] = address
        egress = {"signed_in": signed_in or None, "seen": {"address": address, "at": now}}
        await self._record(name, {"egress": egress})
        warning = warning_of(egress, profile.shown_proxy)
        if warning is not None and warning != before:
            await self.log(name, "egress_changed", {"code": warning.code, "reason": warning.message})

    async def egress_unknown(self, name: str, reason: str) -> None:
        """Remember why the profile's address could not be told."""
        profile = await self.get(name)
        failed = {"reason": reason[:300], "at": datetime.now(UTC).isoformat()}
        await self._record(name, {"egress": {**profile.egress, "failed": failed}})

    async def accept_egress(self, name: str) -> None:
        """Take the present way out for the one the profile belongs to: no warning until it changes again."""
        profile = await self.get(name)
        address = (profile.egress.get("seen") or {}).get("address")
        signed_in = {**signed_in_now(profile.shown_proxy), "address": address}
        await self._ask(name, "egress_accepted", {}, egress={**profile.egress, "signed_in": signed_in})

    async def answer_check(self, name: str, requested_at: datetime) -> None:
        """Say that a check was answered by what the row says already."""
        await self._record(name, {"checked_at": max(datetime.now(UTC), requested_at)})

    async def answer_release(self, name: str, at: datetime | None) -> None:
        """Say that the directory was given up (*at*), or taken back (None)."""
        await self._record(name, {"released_at": at})

    async def log(self, name: str, type_: str, data: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Append a line to the profile's history."""
        async with self._db.write() as connection:
            await self._log(connection, name, type_, data, at=at)

    async def prune_notes(self, *, keep: int) -> None:
        """Drop all but the newest *keep* lines of each of this node's histories."""
        for profile in await self.list(node=self.node):
            mine = profile_events.c.profile == profile.name
            oldest_kept = (
                select(profile_events.c.id)
                .where(mine)
                .order_by(profile_events.c.id.desc())
                .offset(keep - 1)
                .limit(1)
                .scalar_subquery()
            )
            async with self._db.write() as connection:
                await connection.execute(delete(profile_events).where(mine, profile_events.c.id < oldest_kept))

    async def remove(self, name: str) -> None:
        """Forget the profile: its row and its history."""
        async with self._db.write(TOPIC) as connection:
            await connection.execute(delete(profile_events).where(profile_events.c.profile == name))
            await connection.execute(delete(profiles).where(profiles.c.name == name))

    # -- inside --------------------------------------------------------------------------------------------------
    async def _ask(self, name: str, note: str, data: Mapping[str, Any], **values: Any) -> None:
        async with self._db.write(TOPIC) as connection:
            await self._update(connection, name, values)
            await self._log(connection, name, note, data)

    async def _record(self, name: str, values: Mapping[str, Any]) -> None:
        # Only of what lives here: a node that lost the profile meanwhile must not speak for the one that has it now.
        mine = (profiles.c.name == name, profiles.c.node_id == self.node)
        async with self._db.write(TOPIC) as connection:
            await connection.execute(update(profiles).where(*mine).values(**values, updated_at=datetime.now(UTC)))

    async def _change(self, name: str, **values: Any) -> None:
        async with self._db.write(TOPIC) as connection:
            await self._update(connection, name, values)

    async def _update(self, connection: AsyncConnection, name: str, values: Mapping[str, Any]) -> None:
        changed = await connection.execute(
            update(profiles).where(profiles.c.name == name).values(**values, updated_at=datetime.now(UTC))
        )
        if changed.rowcount == 0:
            raise UnknownProfile(name)

    async def _log(
        self, connection: AsyncConnection, name: str, type_: str, data: Mapping[str, Any], *, at: datetime | None = None
    ) -> None:
        row = {"profile": name, "at": at or datetime.now(UTC), "type": type_, "data": dict(data)}
        await connection.execute(insert(profile_events).values(row))

    def _sealed(self, name: str, proxy: str | None) -> str | None:
        return None if proxy is None else seal(check_proxy(proxy), self._proxy_key, bound_to=name)
