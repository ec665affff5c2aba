"""``gateway node …``: the machines that work on this database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.failures import CommandError
from gateway.cli.options import DataDir, Json
from gateway.cli.output import did_you_mean, duration, emit, table
from gateway.profiles.states import AWAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.house import House
    from gateway.nodes.model import Node

app = typer.Typer(help="Nodes: the machines that work on this database.", no_args_is_help=True)


@app.command("list")
def list_(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show the nodes: which are at work, where they are reached, and what their profiles can do now."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.nodes.registry import NodeRegistry  # noqa: PLC0415

    async def work(house: House) -> tuple[Sequence[Node], float, str]:
        registry = NodeRegistry(house.db)
        return await registry.everybody(), registry.stale_s, house.profiles.node

    nodes, stale_s, here = in_house(work, data_dir)
    rows = [
        [
            f"{node.id}{' (here)' if node.id == here else ''}",
            node.state(stale_s),
            node.role,
            f"{duration(node.age_s)} ago" if node.age_s >= 1 else "now",
            f"{sum(offer.clearance == 'ready' for offer in node.offers)}/{len(node.offers)}"
            if node.is_live(stale_s)
            else "-",
            str(node.info.get("running", 0)) if node.is_live(stale_s) else "-",
            node.version,
            node.address,
        ]
        for node in nodes
    ]
    text = table(["NODE", "STATE", "ROLE", "SEEN", "READY", "TASKS", "VERSION", "ADDRESS"], rows)
    emit(
        [_as_dict(node, stale_s) for node in nodes],
        text if rows else "no node has worked on this database yet; start one: gateway serve",
        as_json=as_json,
    )


@app.command("forget")
def forget(
    name: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.", show_default=False)],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Remove a node that is gone for good from the list. Its profiles stay: gateway profile adopt NAME takes them over."""
    from gateway.cli.house import in_house  # noqa: PLC0415
    from gateway.nodes.registry import NodeRegistry  # noqa: PLC0415

    async def work(house: House) -> None:
        registry = NodeRegistry(house.db)
        nodes = {node.id: node for node in await registry.everybody()}
        if name not in nodes:
            hint = did_you_mean(name, sorted(nodes)) or "there is none"
            raise CommandError("unknown_node", f"there is no node {name!r}; {hint}")
        if nodes[name].is_live(registry.stale_s):
            raise CommandError("node_at_work", f"node {name} is at work; stop it first")
        await registry.forget(name)

    in_house(work, data_dir)
    emit({"forgotten": name}, f"node {name} is forgotten", as_json=as_json)


def _as_dict(node: Node, stale_s: float) -> dict[str, Any]:
    return {
        "id": node.id,
        "state": node.state(stale_s),
        "role": node.role,
        "address": node.address,
        "hostname": node.hostname,
        "version": node.version,
        "started_at": node.started_at,
        "heartbeat_at": node.heartbeat_at,
        "seen_s_ago": round(node.age_s, 1),
        "tasks": node.info.get("running", 0) if node.is_live(stale_s) else 0,
        "profiles": [
            {
                "name": offer.name,
                "state": offer.clearance if node.is_live(stale_s) else AWAY,
                "account_id": offer.account_id,
                "rests": dict(offer.rests),
                "free": {kind: places.free if node.is_live(stale_s) else 0 for kind, places in offer.places.items()},
                "places": {kind: places.total for kind, places in offer.places.items()},
            }
            for offer in node.offers
        ],
    }
