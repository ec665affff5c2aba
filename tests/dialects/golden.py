"""Golden files: what goes over the wire, as JSON one can read and review."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("golden")


class Golden:
    """Compares values with the files of one dialect, or writes them (``--update-golden``)."""

    def __init__(self, dialect: str, *, update: bool) -> None:
        self._folder = FOLDER / dialect
        self._update = update
        self.checked: set[str] = set()

    def check(self, case: str, value: Any) -> None:
        """Assert that *value* is what the file of *case* holds, to the order of its fields."""
        self.checked.add(case)
        text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
        file = self._folder / f"{case}.json"
        if self._update:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"no golden file {file.name}: run pytest --update-golden and review it"
        assert text == file.read_text(encoding="utf-8")

    def stale(self) -> list[str]:
        """Files that no case asked for."""
        return sorted(file.stem for file in self._folder.glob("*.json") if file.stem not in self.checked)
