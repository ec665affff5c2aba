"""``gateway version``."""

from __future__ import annotations

import platform

from gateway.cli.options import Json
from gateway.cli.output import emit


def version(as_json: Json = False) -> None:
    """Show the gateway's version."""
    from importlib.metadata import version as installed  # noqa: PLC0415

    own = installed("grok-gateway")
    emit(
        {"version": own, "python": platform.python_version(), "playwright": installed("playwright")},
        f"grok-gateway {own} (Python {platform.python_version()}, Playwright {installed('playwright')})",
        as_json=as_json,
    )
