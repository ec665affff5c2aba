"""Event streams as clients read them."""

from __future__ import annotations

import json
from typing import Any


def chunks(text: str, *, done: bool = True) -> list[dict[str, Any]]:
    """The JSON of every ``data:`` line; asserts that a stream of chunks ends in ``[DONE]`` and in nothing else."""
    said = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    if done:
        assert said[-1] == "[DONE]", said[-1]
        said.pop()
    assert "[DONE]" not in said
    return [json.loads(one) for one in said]


def named(text: str) -> list[tuple[str, dict[str, Any]]]:
    """(event, data) of every event."""
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            found.append((lines.get("event", ""), json.loads(lines["data"])))
    return found


def content(found: list[dict[str, Any]]) -> str:
    """What a chat stream said."""
    return "".join(choice["delta"].get("content") or "" for one in found for choice in one["choices"])


def thoughts(found: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("reasoning_content") or "" for one in found for choice in one["choices"])
