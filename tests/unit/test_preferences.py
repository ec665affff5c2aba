"""The preferences of a browser that nobody sits before."""

from __future__ import annotations

import json
from pathlib import Path

from browser.preferences import OURS, set_preferences


def test_ours_are_set_and_all_others_stay(tmp_path: Path):
    place = tmp_path / "Default" / "Preferences"
    set_preferences(tmp_path)
    assert json.loads(place.read_text("utf-8")) == OURS
    values = "default_content_setting_values"
    theirs = {
        "profile": {"name": "é", values: {"images": 1, "geolocation": 1}},
        "printing": {"enabled": True, "scaling": 100},
        "else": [1],
    }
    place.write_text(json.dumps(theirs), "utf-8")
    set_preferences(tmp_path)
    said = json.loads(place.read_text("utf-8"))
    assert said == {
        "profile": {"name": "é", values: {"images": 1, **OURS["profile"][values]}},
        "printing": {"enabled": False, "scaling": 100},
        "else": [1],
    }
    assert said["profile"][values]["geolocation"] == 2
    before = place.stat().st_mtime_ns
    set_preferences(tmp_path)
    assert place.stat().st_mtime_ns == before
    place.write_text("{ cut off", "utf-8")
    set_preferences(tmp_path)
    assert place.read_text("utf-8") == "{ cut off"
