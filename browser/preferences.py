"""What a browser that nobody sits before must not do: open windows of the system and wait for an answer in them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

#: A page that prints, for instance codes for a second factor, would wait for ever before a dialog that is in no picture,
#: and what works in it with it.
_PRINTING = {"enabled": False}
#: What a site asks the browser for, and not the page's reader: the question stands in no picture either, and the page would wait
#: for its answer. Refused as by a person who set "don't allow sites to" in the browser's settings (2).
_PERMISSIONS = dict.fromkeys(
    (
        "notifications",
        "geolocation",
        "media_stream_camera",
        "media_stream_mic",
        "clipboard",  # reading it; writing needs no permission
        "midi_sysex",
        "window_placement",
        "idle_detection",
    ),
    2,
)
OURS: dict[str, Any] = {"printing": _PRINTING, "profile": {"default_content_setting_values": _PERMISSIONS}}


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
    wanted = _with(said, OURS)
    if wanted != said:
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name("Preferences.part")
        part.write_text(json.dumps(wanted, separators=(",", ":")), "utf-8")
        part.replace(place)


def _with(said: Any, ours: dict[str, Any]) -> dict[str, Any]:
    """Return *said* with *ours* in it, at every depth."""
    kept = said if isinstance(said, dict) else {}
    return {
        **kept,
        **{name: _with(kept.get(name), one) if isinstance(one, dict) else one for name, one in ours.items()},
    }
