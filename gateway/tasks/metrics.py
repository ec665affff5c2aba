"""What the engine counts. Made on a registry that is handed in: two gateways may live in one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class EngineMetrics:
    """Counters carry ``_total``, times ``_seconds``."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        to = registry if registry is not None else CollectorRegistry()
        self.running = Gauge("gateway_tasks_at_work", "Tasks this process works on.", registry=to)
        self.claim_seconds = Histogram(
            "gateway_claim_seconds",
            "One claim transaction.",
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0),
            registry=to,
        )
        self.queued_seconds = Histogram(
            "gateway_task_queued_seconds",
            "From runnable to claimed.",
            buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 60, 300, 1800, 7200),
            registry=to,
        )
        self.attempt_seconds = Histogram(
            "gateway_attempt_seconds",
            "One attempt, by how it ended.",
            ["outcome"],
            buckets=(1, 5, 15, 30, 60, 120, 300, 900, 3600),
            registry=to,
        )
        self.failures = Counter(
            "gateway_attempt_failures_total", "Attempts that failed, by code.", ["code"], registry=to
        )
        self.retries = Counter(
            "gateway_task_retries_total", "Tasks put back, by code.", ["code", "charged"], registry=to
        )
        self.fenced = Counter("gateway_fenced_writes_total", "Writes refused because the claim was gone.", registry=to)
        self.self_fenced = Counter(
            "gateway_self_fenced_total", "Attempts stopped because no heartbeat got through.", registry=to
        )
        self.rescued = Counter("gateway_tasks_rescued_total", "Claims taken away, by why.", ["why"], registry=to)
        self.sweep_seconds = Histogram("gateway_sweep_seconds", "One look for lost claims.", registry=to)
        self.cancel_seconds = Histogram(
            "gateway_cancel_seconds",
            "From asking a running task to stop until it is cancelled.",
            buckets=(0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30),
            registry=to,
        )
        self.heartbeat_age = Gauge(
            "gateway_heartbeat_age_seconds", "Since the last heartbeat that got through.", registry=to
        )
        self.pruned = Counter("gateway_media_pruned_bytes_total", "Bytes freed by retention.", registry=to)
        self.feed_lag_seconds = Histogram(
            "gateway_event_lag_seconds",
            "From an event's time to its delivery to a follower.",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
            registry=to,
        )
