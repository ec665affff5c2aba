"""Logs of commands that are not the service: nothing, unless they are asked for with GATEWAY_LOG_LEVEL=debug."""

from __future__ import annotations

import logging

from gateway.settings import Settings
from gateway.telemetry import configure_logging


def quiet(settings: Settings) -> None:
    """Let the command speak for itself: what it fails with is told in a sentence, not in a log line."""
    level = "debug" if settings.log_level.lower() == "debug" else "critical"
    configure_logging(settings.model_copy(update={"log_level": level, "log_format": "console"}))
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # it tells every step of every statement
