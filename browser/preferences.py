"""What a browser that nobody sits before must not do: open windows of the system and wait for an answer in them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

#: A page that prints, for instance codes for a second factor, would wait for ever before a dialog that is in no picture,
#: and what works in it with it.
OURS: dict[str, dict[str, Any]] = {"printing": {"enabled": False}}


def set_preferences(user_data: Path) -> None:
    """Write `OURS` into the preferences of a profile whose browser does not run; all others stay. Blocks for a file.

    A file that cannot be read is the browser's to mend: it is left alone.
    """
    place = user_data / "Default" / "Preferences"
    said: dict[str, Any] = {}
    with suppress(FileNotFoundError):
        try:
            said = json.loads(place.read_text("utf-8"))
        except ValueError:
            return
    wanted = {**said, **{group: {**said.get(group, {}), **values} for group, values in OURS.items()}}
    if wanted != said:
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name("Preferences.part")
        part.write_text(json.dumps(wanted, separators=(",", ":")), "utf-8")
        part.replace(place)
