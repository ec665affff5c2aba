"""Webhooks and notifications: sent until they arrive, over real sockets."""
