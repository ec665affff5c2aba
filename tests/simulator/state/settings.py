"""What can be turned while the double runs (`POST /settings`) or at its start (`--set name=value`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any

CHOICES: dict[str, tuple[str, ...]] = {
    "generation": ("g1", "g2", "both"),
    "framing": ("ndjson", "concat", "sse"),
    "clearance": ("click", "automatic", "off"),
    "cancel_on_reset": ("chat", "all", "none"),
    "pictures": ("asset", "prompt", "one"),
}


@dataclass
class Settings:
    generation: str = "g2"
    """Which submit shapes are served: g1 (media post + videoGenModelConfig), g2 (mediaGenInput), both."""
    pace: float = 1.5
    """Seconds a video takes. Images take half of it, a chat answer a fifth."""
    framing: str = "ndjson"
    """How the objects of a stream are put one after the other."""
    keep_open: bool = False
    """Leave every stream open after its last frame."""
    clearance: str = "click"
    """How a browser without clearance gets one: by a human's click, on any navigation, or none is needed."""
    open_to_direct: bool = False
    """Serve clients that are no browser: lifts the check of clearance and of the network stack."""
    require_signature: bool = True
    """Refuse protected calls that do not carry what the site's own script adds to `fetch`."""
    signature_once: bool = False
    """Refuse a signature that was seen before. Off: nothing is known of it, and a request that the browser's network
    stack sends again by itself must show as two submits."""
    page_lifetime: float = 0.0
    """Seconds after which a loaded page counts as out of date; 0 = never."""
    cancel_on_reset: str = "chat"
    """Whose work stops when the client resets the stream; a video goes on generating, as on the real site."""
    assets_cors: bool = False
    """Send CORS headers (for grok.com, with credentials) from the assets origin."""
    assets_cache: bool = True
    """Send Cache-Control and ETag with assets."""
    pictures: str = "asset"
    """What a picture depends on: the asset (every video differs), the prompt, or nothing (one file; for benchmarks)."""
    asset_pad_mb: float = 0.0
    """Grow every video to at least so many MB with a `free` box."""
    asset_bytes_per_s: float = 0.0
    """Serve assets no faster than this; 0 = as fast as it goes."""
    video_concurrency: int = 0
    """How many videos an account may have running; 0 = any. An account's own figure goes first."""
    old_upload_limit: int = 3_000_000
    """Above this many bytes the old upload endpoint answers 403, as users report."""
    max_image_bytes: int = 25_000_000
    """Above this an image is refused as too large."""
    mgw: bool = True
    """Whether the chat WebSocket is offered."""

    def change(self, values: dict[str, Any]) -> None:
        """All or nothing; a value of the wrong type or an unknown name raises `ValueError`."""
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        checked: dict[str, Any] = {}
        for name, given in values.items():
            if name not in kinds:
                raise ValueError(f"no setting is called {name!r}; there are {', '.join(kinds)}")
            kind = kinds[name]
            whole = kind is float and isinstance(given, int) and not isinstance(given, bool)
            value = float(given) if whole else given
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                raise ValueError(f"{name} must be {kind.__name__}")
            if name in CHOICES and value not in CHOICES[name]:
                raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}")
            checked[name] = value
        for name, value in checked.items():
            setattr(self, name, value)

    def change_from_text(self, pairs: list[str]) -> None:
        """`["pace=0.2", "framing=sse"]`, as given on the command line."""
        values: dict[str, Any] = {}
        for pair in pairs:
            name, found, text = pair.partition("=")
            if not found:
                raise ValueError(f"{pair!r} is not NAME=VALUE")
            try:
                values[name] = json.loads(text)
            except ValueError:
                values[name] = text
        self.change(values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
