"""Moving a profile to another node, and taking over one whose node is gone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2

from browser.clearance import Clearance
from browser.errors import CheckpointUnreadable
from gateway.auth.secret import Purpose
from gateway.cli.failures import CommandError
from gateway.cli.output import did_you_mean, emit, note
from gateway.cli.profile_view import as_dict, find
from gateway.nodes.client import authorities
from gateway.nodes.moving import GIVEN_UP_WITHIN_S, make_ours
from gateway.nodes.registry import NodeRegistry
from gateway.nodes.signing import Signer
from gateway.profiles.places import copies_of, directory_of

if TYPE_CHECKING:
    from gateway.cli.house import House
    from gateway.nodes.model import Node


async def move(house: House, name: str, to: str, *, as_json: bool) -> None:
    """Have node *to* take the profile, with its sealed sign-in."""
    profile = await find(house, name)
    if profile.node_id == to:
        emit(as_dict(profile), f"profile {name} lives on node {to} already", as_json=as_json)
        return
    registry = NodeRegistry(house.db)
    target, owner = await _live(registry, to), await _live(registry, profile.node_id, adopting=name)
    note(f"node {owner.id} finishes what it has with profile {name} and closes its browser …", as_json=as_json)
    path = f"/node/v1/profiles/{name}/take"
    signer = Signer(house.secret.key(Purpose.NODES), f"cli-of-{house.profiles.node}", clock=registry.now)
    timeout = httpx2.Timeout(GIVEN_UP_WITHIN_S + 60, connect=5)
    async with httpx2.AsyncClient(verify=authorities(), trust_env=False, timeout=timeout) as client:
        try:
            answer = await client.post(
                target.address + path, headers=signer.sign("POST", path, to=target.id, body=b""), content=b""
            )
            said: dict[str, Any] = answer.json()
        except (httpx2.HTTPError, ValueError) as exc:
            raise CommandError(
                "node_unreachable",
                f"node {to} cannot be reached at {target.address} ({exc}); see GATEWAY_NODE_URL, or run this on that machine",
            ) from exc
    if answer.status_code != 200:
        error = said.get("error", {})
        raise CommandError(str(error.get("code", "node_refused")), str(error.get("message", said)))
    await house.write_down("profile.moved", name, **{"from": owner.id, "to": to})
    emit(said, f"profile {name} lives on node {to} now; it is verified there next", as_json=as_json)


async def adopt(house: House, name: str, *, signed_out: bool, as_json: bool) -> None:
    """Take over a profile whose node is gone, from the sealed copies in this data directory."""
    profile = await find(house, name)
    here, gone = house.profiles.node, profile.node_id
    if gone == here:
        emit(as_dict(profile), f"profile {name} lives here already", as_json=as_json)
        return
    registry = NodeRegistry(house.db)
    if any(node.id == gone and node.is_live(registry.stale_s) for node in await registry.everybody()):
        raise CommandError(
            "node_at_work",
            f"node {gone}, which has profile {name}, is at work: gateway profile move {name} --to {here}",
        )
    also = {}
    if not _has_sign_in(house, name):
        if not signed_out:
            folder = directory_of(house.settings, name).checkpoints
            raise CommandError(
                "sign_in_missing",
                f"node {gone} is gone, and no copy of the sign-in of profile {name} is here. Copy the old machine's "
                f"{folder.parent.name}/{name} to {folder} (or restore it from a backup), or add --signed-out and sign in again: "
                f"gateway login {name}",
            )
        also = {
            "clearance": Clearance.LOGIN_REQUIRED.value,
            "reason": f"taken over from node {gone} without a sign-in",
            "since": datetime.now(UTC),
        }
    directory_of(house.settings, name).create()
    if not await make_ours(house.db, name, owner=gone, node=here, **also):
        raise CommandError("profile_elsewhere", f"profile {name} was changed meanwhile; try again")
    await house.profiles.log(name, "adopted", {"from": gone, "to": here})
    await house.write_down("profile.adopted", name, **{"from": gone, "to": here})
    next_step = f"sign in: gateway login {name}" if also else "a running gateway verifies it now"
    emit(as_dict(await find(house, name)), f"profile {name} lives here now; {next_step}", as_json=as_json)


def _has_sign_in(house: House, name: str) -> bool:
    store = copies_of(house.settings, house.secret, name)
    copies = store.list()
    if not copies:
        return False
    try:
        store.read(copies[0])
    except CheckpointUnreadable as exc:
        raise CommandError("sign_in_unreadable", f"the copy in {copies[0].path.parent} cannot be used: {exc}") from None
    return True


async def _live(registry: NodeRegistry, name: str, *, adopting: str = "") -> Node:
    nodes = {node.id: node for node in await registry.everybody()}
    node = nodes.get(name)
    if node is not None and node.is_live(registry.stale_s):
        return node
    if adopting:
        raise CommandError(
            "node_gone",
            f"node {name}, which has profile {adopting}, is not at work: start it, or if it is gone for good run this on "
            f"the node that shall have it: gateway profile adopt {adopting}",
        )
    if node is not None:
        raise CommandError("node_gone", f"node {name} is not at work: start it first")
    hint = did_you_mean(name, sorted(nodes)) or "see: gateway node list"
    raise CommandError("unknown_node", f"there is no node {name!r}; {hint}")
