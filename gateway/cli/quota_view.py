"""What the site said is left of a profile's quotas, as `profile show` and `--json` tell it. Hints, hence with their age."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.cli.output import ago, duration

if TYPE_CHECKING:
    from gateway.profiles.model import Profile


def quota(profile: Profile, now: datetime) -> list[dict[str, Any]]:
    """Return one line per kind; None is what the site did not say. Lengths in seconds."""
    lines = []
    for kind, entry in sorted(profile.quota.items()):
        told_at = datetime.fromisoformat(entry["told_at"])
        next_at = entry.get("next_at")
        lines.append(
            {
                "kind": kind,
                "remaining": entry.get("remaining"),
                "total": entry.get("total"),
                "window_s": entry.get("window_s"),
                "wait_s": entry.get("wait_s"),
                "next_at": None if next_at is None else datetime.fromisoformat(next_at),
                "available": entry.get("available"),
                "told_at": told_at,
                "age_s": round((now - told_at).total_seconds()),
            }
        )
    return lines


def quota_in_words(lines: list[dict[str, Any]], now: datetime) -> str:
    """Return all lines in one sentence, '' when there are none."""
    if not lines:
        return ""
    oldest = min(line["told_at"] for line in lines)
    return "; ".join(_line(line, now) for line in lines) + f" (the site said so {ago(oldest, now)}; only a hint)"


def _line(line: dict[str, Any], now: datetime) -> str:
    left = "not told" if line["remaining"] is None else f"{line['remaining']} left"
    if line["total"] is not None:
        left = left.replace(" left", "") + f" of {line['total']}"
    if line["window_s"]:
        left += f" per {duration(line['window_s'])}"
    if line["next_at"] is not None and line["next_at"] > now:
        left += f", again {ago(line['next_at'], now)}"
    return f"{line['kind']} {left}"
