"""The README's table of settings, made from gateway/settings.py: `python -m tests.readme --write` (scripts/fix does)."""

from __future__ import annotations

import argparse
import sys
from enum import Enum
from pathlib import Path
from typing import Any

from gateway.settings import Settings

README = Path(__file__).resolve().parents[1] / "README.md"
START, END = "<!-- settings -->", "<!-- /settings -->"


class NoPlace(Exception):
    """The README has no markers to put the table between."""


def settings_table() -> str:
    """Return the table, a row for every setting in the order of settings.py."""
    rows = ["| Setting | Default | Meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "per user" if field.default_factory else shown(name, field.default)
        meaning = (field.description or "").replace("|", "\\|")
        rows.append(f"| `GATEWAY_{name.upper()}` | {default} | {meaning} |")
    return "\n".join(rows)


def shown(name: str, default: Any) -> str:
    """Return a default as it is written in the environment, with a reading aid for large numbers."""
    value = default.value if isinstance(default, Enum) else default
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        value = f"{value:g}" if value < 1e6 else f"{value:.0f}"
    text = f"`{value}`"
    if name.endswith("_s") and float(value) >= 3600:
        hours = float(value) / 3600
        return f"{text} ({f'{hours / 24:g} d' if hours > 48 else f'{hours:g} h'})"
    if name.endswith("_bytes"):
        size = int(value) / 1024**2
        return f"{text} ({f'{size / 1024:g} GiB' if size >= 1024 else f'{size:g} MiB'})"
    return text


def table_in(text: str) -> str:
    """Return what stands between the markers of *text*. Raises NoPlace."""
    if text.count(START) != 1 or text.count(END) != 1:
        raise NoPlace(
            f"{README.name} needs one line {START} and one line {END}; the table of settings goes between them"
        )
    return text.partition(START)[2].partition(END)[0].strip()


def with_table(text: str) -> str:
    """Return *text* with today's table between its markers. Raises NoPlace."""
    table_in(text)
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{settings_table()}\n{END}{after}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.readme", description="Print the README's table of settings.")
    parser.add_argument("--write", action="store_true", help="put it into README.md")
    if not parser.parse_args().write:
        print(settings_table())
        return 0
    try:
        README.write_text(with_table(README.read_text("utf-8")), encoding="utf-8")
    except NoPlace as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
