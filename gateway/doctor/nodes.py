"""The machines on this database: silent ones, and any that cannot work with this one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.doctor.finding import Finding, ok, warn
from gateway.nodes.model import Node


def nodes(found: Sequence[Node], *, own: str, stale_s: float, secret: str) -> Iterator[Finding]:
    """own: the node of this data directory, which may be stopped; secret: mark of the secret key here."""
    live = [node for node in found if node.is_live(stale_s)]
    for node in found:
        if node.id != own and node.state(stale_s) == "stale":
            yield warn(
                "nodes",
                f"{node.id} on {node.hostname} has been silent for {node.age_s:.0f} s",
                "start it; if it is gone for good: gateway profile adopt NAME for its profiles, then gateway node forget "
                + node.id,
            )
    for node in live:
        if node.info.get("secret") not in {None, secret}:
            yield warn(
                "nodes",
                f"{node.id} on {node.hostname} works with another secret key than this data directory has",
                "set GATEWAY_SECRET_KEY to the same text on every node",
            )
    if len(found) > 1 and len(live) == len(found):
        yield ok("nodes", f"{', '.join(node.id for node in live)}: all at work")
