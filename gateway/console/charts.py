"""Charts as shapes, for templates to draw as SVG: a plane of 1000 by 100, stretched to the width there is. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 100.0
#: Share of a step that its bar fills.
FILLED = 0.72


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a stacked bar. kind: which part, by its place."""

    x: float
    y: float
    width: float
    height: float
    kind: int


@dataclass(frozen=True, slots=True)
class Chart:
    """bars or lines, and the value at the top of the plane. lines: points of a polyline each; a gap ends one."""

    top: float
    bars: Sequence[Bar] = ()
    lines: Sequence[tuple[int, str]] = ()
    dots: Sequence[tuple[int, float, float]] = ()


def bars(values: Sequence[Sequence[float]]) -> Chart:
    """Stack the parts of each step on each other."""
    top = nice(max((sum(parts) for parts in values), default=0))
    step = WIDTH / max(1, len(values))
    drawn = []
    for place, parts in enumerate(values):
        y = HEIGHT
        for kind, value in enumerate(parts):
            if value <= 0:
                continue
            height = max(0.8, value / top * HEIGHT)
            y -= height
            drawn.append(Bar(_r(place * step + step * (1 - FILLED) / 2), _r(y), _r(step * FILLED), _r(height), kind))
    return Chart(top, bars=drawn)


def lines(series: Sequence[Sequence[float | None]]) -> Chart:
    """Draw one line for each of *series*; steps without a value interrupt it, and a lonely value is a dot."""
    top = nice(max((value for values in series for value in values if value is not None), default=0))
    drawn: list[tuple[int, str]] = []
    dots: list[tuple[int, float, float]] = []
    for kind, values in enumerate(series):
        step = WIDTH / max(1, len(values))
        run: list[tuple[float, float]] = []
        for place, value in enumerate([*values, None]):
            if value is not None:
                run.append((_r((place + 0.5) * step), _r(HEIGHT - value / top * HEIGHT)))
            elif run:
                if len(run) == 1:
                    dots.append((kind, *run[0]))
                else:
                    drawn.append((kind, " ".join(f"{x},{y}" for x, y in run)))
                run = []
    return Chart(top, lines=drawn, dots=dots)


def nice(value: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten; 1 where there is nothing."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value))


def _r(value: float) -> float:
    return round(value, 2)
