"""Sign-ins that come from elsewhere and go elsewhere: files of cookies, sealed bundles, earlier copies of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from browser.checkpoint import Checkpoint, CheckpointStore, State
from browser.errors import CheckpointUnreadable
from browser.profiles import ProfileDir
from gateway.profiles.bundle import Bundle
from gateway.profiles.errors import BadSignIn, NothingKept, ProfileElsewhere, UnknownProfile
from gateway.profiles.model import Profile
from gateway.profiles.registry import Registry


@dataclass(frozen=True, slots=True)
class Taken:
    """A sign-in lies ready. asked_at: ``checked_at`` reaches it once a gateway has applied and verified it."""

    profile: Profile
    added: bool
    cookies: int
    asked_at: datetime


async def pack(registry: Registry, copies: CheckpointStore, name: str, *, with_proxy: bool = True) -> Bundle:
    """Return the profile's newest copy with all that belongs to it. Raises UnknownProfile, ProfileElsewhere, NothingKept,
    ProxyUnreadable, and CheckpointUnreadable (another secret key)."""
    profile = await registry.get(name)
    here_or_refuse(registry, profile)
    newest = await asyncio.to_thread(_newest, copies)
    if newest is None:
        raise NothingKept(f"profile {name} has no kept sign-in yet; sign in first: gateway login {name}")
    copy, state = newest
    return Bundle(
        profile=name,
        state=state,
        taken_at=copy.taken_at,
        account=dict(profile.account),
        proxy=registry.proxy_of(profile) if with_proxy else None,
        protocol=profile.protocol,
        egress=dict(profile.egress),
    )


async def take_in(
    registry: Registry,
    directory: ProfileDir,
    copies: CheckpointStore,
    name: str,
    sign_in: State | Bundle,
    *,
    host: str,
    proxy: str | None = None,
) -> Taken:
    """Keep *sign_in* as the profile's, to be applied and verified by the gateway that has it; adds a profile that is missing.

    host: the site's; a sign-in without a cookie for it is none. proxy: instead of the one in a bundle; None leaves an existing
    profile's as it is when the bundle has none. Raises BadSignIn, BadProfile, ProfileElsewhere.
    """
    bundle = sign_in if isinstance(sign_in, Bundle) else None
    state = sign_in.state if isinstance(sign_in, Bundle) else sign_in
    if not any(_reaches(str(cookie["domain"]), host) for cookie in state.get("cookies", ())):
        raise BadSignIn(f"the file has no cookie for {host}; export it from a browser that is signed in there")
    wanted = proxy or (bundle.proxy if bundle is not None else None)
    added = False
    try:
        here_or_refuse(registry, await registry.get(name))
        if wanted is not None:
            await registry.set_proxy(name, wanted)
        await asyncio.to_thread(_keep, directory, copies, state)
    except UnknownProfile:
        # The file first: a gateway that sees the row starts a browser at once, and would show the site a stranger.
        registry.accepted(name, wanted)
        await asyncio.to_thread(_keep, directory, copies, state)
        await registry.add(name, proxy=wanted)
        added = True
    await registry.note_checkpoints(name, await asyncio.to_thread(copies_to_json, copies))
    facts: dict[str, Any] = {}
    if bundle is not None:
        facts = {"account": bundle.account, "protocol": bundle.protocol, "egress": bundle.egress}
    asked_at = await registry.imported(name, cookies=len(state["cookies"]), **facts)
    return Taken(await registry.get(name), added, len(state["cookies"]), asked_at)


async def put_back(registry: Registry, copies: CheckpointStore, name: str, generation: int) -> datetime:
    """Have an earlier copy applied and verified as if it were imported. Raises NothingKept, CheckpointUnreadable."""

    def keep() -> datetime:
        copy = next((one for one in copies.list() if one.generation == generation), None)
        if copy is None:
            raise NothingKept(f"profile {name} has no copy {generation}; see: gateway profile checkpoints {name}")
        copies.import_state(copies.read(copy))
        return copy.taken_at

    taken_at = await asyncio.to_thread(keep)
    await registry.note_checkpoints(name, await asyncio.to_thread(copies_to_json, copies))
    return await registry.restoring(name, generation=generation, taken_at=taken_at)


def copies_to_json(copies: CheckpointStore) -> list[dict[str, Any]]:
    """Return what is known of the copies, newest first, as it stands in the row."""
    return [
        {
            "generation": one.generation,
            "taken_at": one.taken_at.isoformat(),
            "bytes": one.size_bytes,
            "imported": one.imported,
        }
        for one in copies.list()
    ]


def here_or_refuse(registry: Registry, profile: Profile) -> None:
    """Raise ProfileElsewhere when the profile's directory is on another node."""
    if profile.node_id != registry.node:
        raise ProfileElsewhere(f"profile {profile.name} lives on node {profile.node_id}; do this there")


def _newest(copies: CheckpointStore) -> tuple[Checkpoint, State] | None:
    """Return the newest copy that can be read, an import that was not applied yet among them."""
    unreadable: CheckpointUnreadable | None = None
    for copy in copies.list():
        try:
            return copy, copies.read(copy)
        except CheckpointUnreadable as exc:
            unreadable = unreadable or exc
    if unreadable is not None:
        raise unreadable
    return None


def _keep(directory: ProfileDir, copies: CheckpointStore, state: Mapping[str, Any]) -> None:
    directory.create()
    copies.import_state(state)


def _reaches(domain: str, host: str) -> bool:
    """Whether a cookie of *domain* is sent to *host* or to a host below it."""
    bare = domain.lstrip(".")
    return bare == host or bare.endswith("." + host) or (domain.startswith(".") and host.endswith("." + bare))
