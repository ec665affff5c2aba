"""Logs and metrics of this process. Logs say what happened to whom; metrics how much of it, with units in their names.

No secret gets into a line: `redact` looks at every value, tracebacks included, after everything else was added.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from gateway.settings import Settings

HIDDEN = "…hidden…"
_SECRET_NAME = re.compile(
    r"secret|passw|authori[sz]ation|cookie|api_?key$|credential|storage_state|^(access|refresh|session|id)_token$", re.I
)
_SECRET_TEXT = (
    (re.compile(r"\bgw_[0-9A-Za-z]{12,}"), "gw_" + HIDDEN),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.I), rf"\1 {HIDDEN}"),
    (re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"), HIDDEN),
    (re.compile(r"(?<=/media/)[0-9a-f]+\.[A-Za-z0-9_-]{22}(?=/)"), HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), HIDDEN),
    (
        re.compile(r"\b(sso|sso-rw|cf_clearance|__cf_bm|__Host-[\w-]+|__Secure-[\w-]+)=[^;\s\"']+", re.I),
        rf"\1={HIDDEN}",
    ),
    (re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]{64,}"), "data:image/…"),
)


#: Libraries that speak of every step they take.
QUIET_LIBRARIES = (
    *("aiosqlite", "alembic", "asyncio", "httpcore2", "httpx2", "libav", "multipart", "PIL", "python_multipart"),
    *("sqlalchemy", "uvicorn.error", "websockets"),
)


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: hide values that are secrets by their name or by their look, at any depth."""
    for name in list(event):
        event[name] = _clean(name, event[name])
    return event


def _clean(name: str, value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {str(key): _clean(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_clean(name, inner) for inner in value]
    if _SECRET_NAME.search(name):
        return HIDDEN
    text = str(value)
    for pattern, instead in _SECRET_TEXT:
        text = pattern.sub(instead, text)
    return text


class _Lasting:
    """Passes lines on for as long as somebody takes them: that a log's reader went away must not end any work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


def configure_logging(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Send all logs of the process, also those of libraries, to standard error: JSON lines, or words on a terminal."""
    stream = cast(TextIO, _Lasting(stream or sys.stderr))
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not stream.isatty())
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    render: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, redact, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = name != "uvicorn.access"  # our own line per request says more
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The process's metrics. Gauges are set when they are asked for, see `gateway.app`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "gateway_http_requests_total", "Answered requests.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "gateway_http_request_seconds",
            "From the request's first byte to the answer's last.",
            ["method", "route"],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600),
            registry=self.registry,
        )
        self.streams = self.gauge("gateway_http_streams", "Open event streams.")
        self.tasks = self.gauge("gateway_tasks", "Tasks in the store.", "state")
        self.oldest_queued = self.gauge(
            "gateway_oldest_queued_task_seconds", "Age of the oldest task that could run now; 0 when there is none."
        )
        self.slots = self.gauge("gateway_slots", "Places for work on this node's profiles.", "kind", "state")
        self.profiles = self.gauge("gateway_profiles", "Profiles of this node.", "clearance")
        self.nodes = self.gauge("gateway_nodes", "Nodes of this database at work, as this one sees them.")
        self.passed_on = self.counter(
            "gateway_calls_passed_on_total",
            "Chats and image requests offered to other nodes, by what these said.",
            "kind",
            "how",
        )
        self.ready = self.gauge("gateway_ready", "1 when /readyz says 200.")

    def gauge(self, name: str, help_text: str, *labels: str) -> Gauge:
        return Gauge(name, help_text, labels, registry=self.registry)

    def counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request. *route*: the pattern, never the path, so that the labels stay few."""
        method = method if method in METHODS else "(other)"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def set_all(gauge: Gauge, values: Iterable[tuple[tuple[str, ...], float]]) -> None:
    """Replace every labelled value of *gauge*; what is no longer there disappears."""
    gauge.clear()
    for labels, value in values:
        gauge.labels(*labels).set(value)
