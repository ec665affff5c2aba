"""Nodes of one gateway on this machine: one database, one media store, one secret; each its own data directory."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.gateway_process import Gateway
from tests.simulator.client import Simulator

#: Short enough that a takeover is seen in seconds, long enough for a busy machine.
SETTINGS = {"lease_s": 6, "affinity_s": 3, "max_attempts": 20, "drain_s": 2, "protocol": "g2"}


class Fleet:
    """``add`` starts nodes; all end with `close`, however they were killed meanwhile. *settings* are for every node."""

    def __init__(self, root: Path, sim: Simulator, database_url: str = "", **settings: Any) -> None:
        self.root = root
        self._sim = sim
        self.database_url = database_url or f"sqlite:///{root / 'gateway.db'}"
        self._settings = {
            **SETTINGS, "database_url": self.database_url, "media_url": f"file://{root / 'media'}",
            "secret_key": "c2VjcmV0IG9mIHRoZSBmYXVsdCB0ZXN0cywgMzIgYnl0ZXM=", **settings,
        }  # fmt: skip
        self.nodes: list[Gateway] = []

    async def add(self, *emails: str, start: bool = True, **settings: Any) -> Gateway:
        """A node with a profile per account of *emails* (known ones are signed in once more)."""
        number = len(self.nodes)
        said = {name: str(value) for name, value in {**self._settings, **settings}.items()}
        node = Gateway(self.root / f"node{number}", self._sim.browser_args, **said)
        self.nodes.append(node)
        for place, email in enumerate(emails or (f"{self.root.name}-{number}@example.com",)):
            await node.import_profile(f"n{number}p{place}", await self.signed_in(email))
        if number:
            node.key = self.nodes[0].key
        if start:
            await node.start()
        return node

    async def signed_in(self, email: str) -> dict[str, Any]:
        if any(account["email"] == email for account in await self._sim.accounts()):
            state = await self._sim.act(email, "sign-in")
            return {name: value for name, value in state.items() if name in {"cookies", "origins"}}
        return await self._sim.account(email=email)

    async def close(self) -> None:
        """End every node. Raises AssertionError when one leaves processes behind."""
        alive = [node for node in self.nodes if node.process is not None and node.process.returncode is None]
        for node in alive:
            thaw(node)
        await asyncio.gather(*(node.stop() for node in alive))
        left = [process for node in self.nodes for process in node.leftovers()]
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"


def freeze(node: Gateway) -> None:
    """SIGSTOP: the process stands still, its connections and its Chromium stay."""
    assert node.process is not None
    os.kill(node.process.pid, signal.SIGSTOP)


def thaw(node: Gateway) -> None:
    assert node.process is not None
    os.kill(node.process.pid, signal.SIGCONT)


def submits_by_prompt(entries: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How often the site took a submit, by the words of its prompt."""
    found: dict[str, int] = {}
    for entry in entries:
        prompt = str(entry["prompt"])
        found[prompt] = found.get(prompt, 0) + 1
    return found
