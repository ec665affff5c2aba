"""Numbers, sizes, times and spans as a person reads them, in the language spoken. Filters of the templates."""

from __future__ import annotations

from datetime import UTC, datetime

from markupsafe import Markup

from gateway.console.language import text

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def number(value: float) -> str:
    """``12,345``, or ``0.4``."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == int(value) else f"{value:,.1f}"


def size(value: float | None) -> str:
    """Bytes: ``84 MB``; an em dash when unknown."""
    if value is None:
        return "—"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def span(seconds: float | None) -> Markup:
    """A duration in its largest two fitting units at most: ``42 s``, ``3 min 20 s``, ``2 h``; an em dash when unknown."""
    if seconds is None:
        return Markup("—")
    if 0 < seconds < 10:
        return text("words.seconds_short", amount=f"{seconds:.1f}".removesuffix(".0"))
    whole = round(seconds)
    parts: list[tuple[str, int]] = []
    for length, unit in _UNITS:
        amount, whole = divmod(whole, length)
        if amount or (parts and unit != "second"):
            parts.append((unit, amount))
    shown = [text(f"words.{unit}s_short", amount=amount) for unit, amount in parts[:2] if amount]
    return Markup(" ").join(shown) if shown else text("words.seconds_short", amount=0)


def clock(seconds: float | None) -> str:
    """A running time as on a player: ``0:31``, ``1:02:03``."""
    if seconds is None:
        return "—"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ago(moment: datetime | None, now: datetime | None = None) -> Markup:
    """How long ago, or in how long, in one unit: ``3 minutes ago``, ``in 2 hours``, ``just now``."""
    if moment is None:
        return text("words.never")
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for length, unit in _UNITS:
        amount = int(abs(seconds) // length)
        if amount and not (unit == "second" and amount < 5):
            return text(f"words.{unit}s_{'ago' if seconds > 0 else 'ahead'}", n=amount)
    return text("words.now")


def moment(at: datetime | None) -> str:
    """The exact time, for tooltips and details: ``2026-11-21 12:04:31 UTC`` (scripts show it in the reader's zone)."""
    return "—" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso(at: datetime | None) -> str:
    """For machines."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def percent(share: float | None) -> str:
    """A share of one: ``97 %``."""
    if share is None:
        return "—"
    return f"{share * 100:.0f}{text('words.percent_sign')}"


FILTERS = {
    "number": number, "size": size, "span": span, "clock": clock, "ago": ago, "moment": moment, "iso": iso,
    "percent": percent,
}  # fmt: skip
