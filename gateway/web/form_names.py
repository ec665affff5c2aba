"""Field names of forms that stand for structure: ``a[b]`` is a mapping, ``k[]`` and ``k[0]`` are lists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def unfolded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* with bracket names made into mappings and lists; names without brackets stay as they are.

    ``image[]=a`` gives ``{"image": ["a"]}``, also for a single one; ``x[url]=a`` gives ``{"x": {"url": "a"}}``;
    ``refs[][url]=a``, repeated, a list of mappings. Where a plain name and a bracket name meet, the structure wins.
    """
    plain: dict[str, Any] = {}
    trees: dict[str, dict[str, Any]] = {}
    for name, value in fields.items():
        found = _NAME.fullmatch(name)
        if found is None:
            plain[name] = value
            continue
        parts = _PART.findall(found[2])
        tree = trees.setdefault(found[1], {})
        if "" not in parts:
            _put(tree, parts, value)
            continue
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            _put(tree, [part or str(number) for part in parts], one)
    return plain | {name: _settled(tree) for name, tree in trees.items()}


def _put(tree: dict[str, Any], parts: list[str], value: Any) -> None:
    for part in parts[:-1]:
        inner = tree.setdefault(part, {})
        if not isinstance(inner, dict):
            inner = tree[part] = {}
        tree = inner
    tree[parts[-1]] = value


def _settled(tree: Any) -> Any:
    """Mappings whose keys are all numbers become lists, in that order."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isdecimal() for key in tree):
        return [_settled(tree[key]) for key in sorted(tree, key=int)]
    return {key: _settled(value) for key, value in tree.items()}
