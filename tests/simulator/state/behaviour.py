"""How the file of one asset misbehaves when it is fetched."""

from __future__ import annotations

from dataclasses import dataclass

from .scenarios import Script
from .settings import Settings

MEGABYTE = 1_000_000


@dataclass
class Behaviour:
    late: int = 0
    """How many times more it is 404."""
    forbidden: bool = False
    missing: bool = False
    html: bool = False
    cut_after: int = 0
    """Bytes after which the next download breaks off; 0 = none does."""
    bytes_per_s: float = 0.0
    pad_to: int = 0

    @classmethod
    def of(cls, script: Script, settings: Settings) -> Behaviour:
        """As the scenarios of a submit have it for the file that comes of it."""
        pad = script.number("asset-big", 30) if "asset-big" in script else settings.asset_pad_mb
        slow = script.number("asset-slow", 200_000) if "asset-slow" in script else settings.asset_bytes_per_s
        return cls(
            late=int(script.number("asset-late", 2)) if "asset-late" in script else 0,
            forbidden="asset-403" in script,
            missing="asset-missing" in script,
            html="asset-html" in script,
            cut_after=int(script.number("asset-cut", 65536)) if "asset-cut" in script else 0,
            bytes_per_s=slow,
            pad_to=int(pad * MEGABYTE),
        )
