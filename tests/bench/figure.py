"""One measured quantity, with its target beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True)
class Figure:
    """One measured quantity: through the page, directly, and what it should be.

    beyond: nothing that goes through this browser met the target in this run, with or without us.
    """

    name: str
    value: float
    unit: str
    direct: float | None
    target: str
    met: bool
    beyond: bool = False

    def __str__(self) -> str:
        direct = f"{self.direct:10.2f}" if self.direct is not None else " " * 10
        verdict = "ok" if self.met else "MISSED, by Chromium alone too" if self.beyond else "MISSED"
        return f"{self.name:<46}{self.value:10.2f}{direct}  {self.unit:<8}{self.target:<22}{verdict}"


@dataclass(frozen=True)
class Target:
    """What a value has to be; *met* gets the value and the direct client's."""

    text: str
    met: Callable[[float, float], bool]


def at_most(most: float) -> Target:
    return Target(f"<= {most:g}", lambda value, _: value <= most)


def at_least(share: float) -> Target:
    return Target(f">= {share:g} x direct", lambda value, direct: value >= share * direct)


def added(most: float) -> Target:
    return Target(f"<= direct + {most:g}", lambda value, direct: value <= direct + most)


def figures(
    name: str, value: float, unit: str, target: Target, direct: float | None = None, by_hand: float | None = None
) -> list[Figure]:
    """The value judged; *by_hand*, what Chromium reaches with nothing of ours in it, follows and bounds what can be reached."""
    base = direct if direct is not None else 0.0
    beyond = by_hand is not None and not target.met(by_hand, base)
    found = [Figure(name, value, unit, direct, target.text, target.met(value, base), beyond)]
    if by_hand is not None:
        found.append(Figure("  Chromium by hand", by_hand, unit, direct, "(its own speed)", True))
    return found


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
