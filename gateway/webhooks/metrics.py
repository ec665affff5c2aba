"""What deliveries are counted by. Made on a registry that is handed in."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class WebhookMetrics:
    """Outcomes of a try: ``delivered``, ``again`` (tried later), ``failed`` (given up), ``gone``."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        to = registry if registry is not None else CollectorRegistry()
        self.attempts = Counter(
            "gateway_webhook_attempts_total",
            "Tries to deliver a message.",
            ["channel", "outcome"],
            registry=to,
        )
        self.seconds = Histogram(
            "gateway_webhook_attempt_seconds",
            "One try, from looking the name up to the beginning of the answer.",
            ["channel"],
            buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20),
            registry=to,
        )
        self.pending = Gauge(
            "gateway_webhooks_pending", "Messages that are still to arrive, of all nodes.", registry=to
        )
