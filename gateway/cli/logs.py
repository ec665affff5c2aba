"""Logs of commands that are not the service: only what a person must know, on standard error."""

from __future__ import annotations

import logging
import sys

import structlog

from gateway.settings import Settings


def quiet(settings: Settings) -> None:
    """Let only warnings through (everything with GATEWAY_LOG_LEVEL=debug), so that the command speaks for itself."""
    level = logging.DEBUG if settings.log_level.lower() == "debug" else logging.ERROR
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S"),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(message)s")
