"""Which variants of a test a plain run takes, and which only ``scripts/test --long``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest


def across(one: tuple[str, Sequence[Any]], other: tuple[str, Sequence[Any]]) -> pytest.MarkDecorator:
    """Try every pair of two parameters' values (name, values); a plain run takes the first with the first, the second with the
    second, and so on: each value once."""
    (name, values), (other_name, other_values) = one, other
    plain = list(zip(values, other_values, strict=True))
    long = [pair for pair in product(values, other_values) if pair not in plain]
    pairs = [*plain, *(pytest.param(*pair, marks=pytest.mark.long) for pair in long)]
    return pytest.mark.parametrize((name, other_name), pairs)
